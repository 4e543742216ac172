"""What five papers on robust spiking networks report their methods under, attack by attack, as data.

A paper's table has a column per attack, each made on all images; one that its worst case is taken over
has several members. Figures are those of papers or of their code, of which each preset says which; epsilon
is in pixel units, and gradients go the way that the paper's code sends them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from lavarobust.attacks.dispatch import PixelAttack
from lavarobust.attacks.rule_names import rule_name
from lavarobust.attacks.sea import SEA, FlipBudget
from lavarobust.attacks.settings import APGD, FGSM, PGD, Noise
from lavarobust.attacks.square import Square
from lavarobust.attacks.suites import OTHER_MODEL, Member, Suite, ensemble
from lavarobust.attacks.threat import ThreatModel
from lavarobust.dynamics import GradientRule, RateGradient, RateMask, Surrogate
from lavarobust.errors import SettingsError


@dataclass(frozen=True)
class Column:
    """One attack on all samples, or the worst of several.

    Attributes:
        threat: what may be changed.
        suite: the attack; its name is the column's.
        expectation: draws that a gradient is averaged over, where the model draws.
    """

    threat: ThreatModel
    suite: Suite
    expectation: int = 1


@dataclass(frozen=True)
class FlipColumn:
    """One attack on the encoding.

    Attributes:
        settings, budget: how, and how many flips.
        rule: how gradients go through spikes.
    """

    settings: SEA
    budget: FlipBudget
    rule: GradientRule


@dataclass(frozen=True)
class Preset:
    """What a paper reports a model under.

    Attributes:
        name: as it is asked for.
        columns: attacks on pixels.
        flips: attacks on the encoding.
    """

    name: str
    columns: tuple[Column, ...]
    flips: tuple[FlipColumn, ...] = ()


_EIGHT = ThreatModel(8 / 255)
_PGD_7 = PGD(7, step_size=0.01)
"""Of HIRE-SNN, StoG and SR: 7 steps of 0.01, which is 2.55/255, from a random start."""

_TRIANGULAR = Surrogate("triangular", 1.0, through_reset=True, relative=False)
"""Of the code of SR, StoG and the conversion, whose thresholds are or begin at 1: ``1 - |u - 1|``."""


def _column(threat: ThreatModel, settings: PixelAttack, *rules: GradientRule, expectation: int = 1) -> Column:
    worst = f", worst of {len(rules)} gradients" if len(rules) > 1 else f", {rule_name(rules[0])}"
    draws = f", over {expectation} draws" if expectation > 1 else ""
    members = tuple(Member(settings, rule) for rule in rules)
    return Column(threat, Suite(f"{settings.name}{worst}{draws}", members, rules[0]), expectation)


def hire() -> Preset:
    """HIRE-SNN (Kundu et al., ICCV 2021), the white box of its tables: FGSM and PGD-7 at 8/255.

    The code has 0.031 for 8/255, and the surrogate ``0.3 max(0, 1 - |z|)`` of Eq. 5, past a reset that is
    taken for a constant.
    """
    rule = Surrogate("triangular", 1.0, scale=0.3)
    return Preset("paper:hire", (_column(_EIGHT, FGSM(), rule), _column(_EIGHT, _PGD_7, rule)))


def conversion() -> Preset:
    """Robust conversion (Ozdenizci & Legenstein, TMLR 2024): the worst of 19 gradients at 8/255, and Square.

    As ``sample_scripts.sh`` of its code has them: FGSM; PGD with 20 steps of ``2.5 epsilon / 20``; APGD with
    ``attack/apgd.py``'s own ten steps. Square has ``attack/square.py``'s 5000 queries.
    """
    attacks: tuple[PixelAttack, ...] = (FGSM(), PGD(20), APGD(10))
    columns = (_column(_EIGHT, settings, *ensemble()) for settings in attacks)
    scores = Square(5000)
    return Preset("paper:conversion", (*columns, Column(_EIGHT, Suite(scores.name, (Member(scores),)))))


def sr() -> Preset:
    """SR (Liu et al., ICML 2024): the worst of four gradients at 8/255, PGD with 10, 30 and 50 steps of 0.01.

    The gradients are those of ``val_ensemble`` in ``utils.py`` of its code; what it calls BPTR is RGA. Where
    input is drawn it takes the last of ten attacks, which is no expectation and is left out here.
    """
    wide = (("sigmoid", 4.0), ("arctangent", 2.0))
    four: tuple[GradientRule, ...] = (
        _TRIANGULAR,
        *(Surrogate(name, width, through_reset=True, relative=False) for name, width in wide),
        RateGradient(),
    )
    attacks: tuple[PixelAttack, ...] = (FGSM(), *(PGD(steps, step_size=0.01) for steps in (10, 30, 50)))
    return Preset("paper:sr", tuple(_column(_EIGHT, settings, *four) for settings in attacks))


def stog() -> Preset:
    """StoG (Ding et al., AAAI 2024), Tables 1 to 3, and the l2 attacks of its code.

    FGSM and PGD-7 at 8/255, untargeted and towards a random class, each on one draw of the gates; in l2
    at 128/255, PGD with 7 steps of 25/255; AutoPGD with ten steps at 4/255, on one draw and over ten, by BPTT
    and over ten by BPTR; its targeted one on one draw and over ten, by BPTT. That one's loss and number of
    classes are not published: here they are AutoAttack's. The code's random class may be the true one, and
    its l2 searches start outside of the ball; these don't.
    """
    small, ball = ThreatModel(4 / 255), ThreatModel(128 / 255, "l2")
    aimed = PGD(7, step_size=0.01, loss="targeted_cross_entropy", targets="random")
    step = replace(aimed, steps=1, step_size=_EIGHT.epsilon, random_start=False)
    attacks = (
        *((_EIGHT, settings) for settings in (FGSM(), _PGD_7, step, aimed)),
        *((ball, settings) for settings in (FGSM(), PGD(7, step_size=25 / 255))),
    )
    over_draws = (
        _column(small, APGD(10), rule, expectation=draws)
        for rule, draws in ((_TRIANGULAR, 1), (_TRIANGULAR, 10), (RateMask(), 10))
    )
    targeted = APGD(10, loss="targeted_dlr", targets=9)
    aimed_over_draws = (_column(small, targeted, _TRIANGULAR, expectation=draws) for draws in (1, 10))
    single = (_column(threat, settings, _TRIANGULAR) for threat, settings in attacks)
    return Preset("paper:stog", (*single, *over_draws, *aimed_over_draws))


def sea() -> Preset:
    """Signed rate encoding (Mukhoty et al., ICLR 2025), Table 2, as ``run_test_cifar.sh`` of its code has it.

    Noise, FGSM and PGD with 8 steps of 2/255, all at 8/255; SEA with 10 and 20 flips per frame. Gradients
    are BPTR's, over ten draws: the code adds up logits before the cross-entropy, here gradients are
    averaged. Its noise is of that standard deviation and has no bound; here it is cut to the box.
    """
    rule = RateMask()
    noise = Noise("gaussian")
    attacks = (FGSM(), PGD(8, step_size=2 / 255))
    columns = (
        Column(_EIGHT, Suite(noise.name, (Member(noise),))),
        *(_column(_EIGHT, settings, rule, expectation=10) for settings in attacks),
    )
    return Preset("paper:sea", columns, tuple(FlipColumn(SEA(), FlipBudget(k), rule) for k in (10, 20)))


def transferred(preset: Preset) -> Preset:
    """The same attacks on pixels, made on another model: the black box of HIRE-SNN, StoG, SR and conversion.

    Attacks that ask for no gradient have no other model to ask; they and attacks on the encoding stay away.
    """
    columns = []
    for column in preset.columns:
        members = tuple(
            replace(each, source=OTHER_MODEL) for each in column.suite.members if each.rule is not None
        )
        if members:
            name = f"{column.suite.name}, from {OTHER_MODEL}"
            columns.append(replace(column, suite=replace(column.suite, name=name, members=members)))
    return Preset(f"{preset.name}, from {OTHER_MODEL}", tuple(columns))


_ALL = {
    "paper:hire": hire,
    "paper:conversion": conversion,
    "paper:sr": sr,
    "paper:stog": stog,
    "paper:sea": sea,
}

PRESETS = tuple(_ALL)
"""Names that :func:`named_preset` knows."""


def named_preset(name: str) -> Preset:
    """A preset by its name.

    Raises:
        SettingsError: an unknown name.
    """
    if name not in _ALL:
        raise SettingsError(f"preset {name!r} is unknown. Choose from: {', '.join(PRESETS)}.")
    return _ALL[name]()
