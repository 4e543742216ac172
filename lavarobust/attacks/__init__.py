"""Attacks on the executed integer model, and the diagnosis that says whether they can be believed."""

from lavarobust.attacks.craft import craft_linf
from lavarobust.attacks.encoding_victim import EncodingVictim
from lavarobust.attacks.evaluate import Progress, evaluate
from lavarobust.attacks.expectation import ExpectedVictim
from lavarobust.attacks.gradient_attacks import attack, fgsm, pgd, random_noise
from lavarobust.attacks.integer_victim import IntegerVictim
from lavarobust.attacks.mean_victim import MeanVictim
from lavarobust.attacks.network_victim import NetworkVictim
from lavarobust.attacks.operations import (
    OperationsAscent,
    OperationsResult,
    OperationsVictim,
    attack_operations,
)
from lavarobust.attacks.query_result import QueryResult, accuracy_over_queries
from lavarobust.attacks.result import AttackOutcome, Judged, RobustnessResult
from lavarobust.attacks.sda import SDA, SparseResult, attack_sparsely
from lavarobust.attacks.sda_evaluate import SparseOutcome, evaluate_sparsely
from lavarobust.attacks.sea import SEA, FlipBudget, attack_encoding
from lavarobust.attacks.sea_evaluate import FlipOutcome, evaluate_flips
from lavarobust.attacks.search import AttackResult
from lavarobust.attacks.settings import APGD, FGSM, PGD, RFGSM, SAPGD, AttackSettings, Noise
from lavarobust.attacks.square import Square, square
from lavarobust.attacks.threat import ThreatModel, ThreatModelError
from lavarobust.attacks.victim import ChunkedVictim, Queries, Victim

__all__ = [
    "APGD",
    "FGSM",
    "PGD",
    "RFGSM",
    "SAPGD",
    "SDA",
    "SEA",
    "AttackOutcome",
    "AttackResult",
    "AttackSettings",
    "ChunkedVictim",
    "EncodingVictim",
    "ExpectedVictim",
    "FlipBudget",
    "FlipOutcome",
    "IntegerVictim",
    "Judged",
    "MeanVictim",
    "NetworkVictim",
    "Noise",
    "OperationsAscent",
    "OperationsResult",
    "OperationsVictim",
    "Progress",
    "Queries",
    "QueryResult",
    "RobustnessResult",
    "SparseOutcome",
    "SparseResult",
    "Square",
    "ThreatModel",
    "ThreatModelError",
    "Victim",
    "accuracy_over_queries",
    "attack",
    "attack_encoding",
    "attack_operations",
    "attack_sparsely",
    "craft_linf",
    "evaluate",
    "evaluate_flips",
    "evaluate_sparsely",
    "fgsm",
    "pgd",
    "random_noise",
    "square",
]
