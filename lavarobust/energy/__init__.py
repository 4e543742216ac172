"""Energy: exact counts of an execution times a price table. Loads neither torch nor lava."""

from __future__ import annotations

from lavarobust.energy.baseline import LayerShape, ann_operations
from lavarobust.energy.bill import Baseline, Bill, BillLine, Unpriced, price
from lavarobust.energy.fit import Fit, LayerFit
from lavarobust.energy.ledger import LayerLedger, Ledger, Spread, make_ledger, spread
from lavarobust.energy.profile_files import available_profiles, load_profile
from lavarobust.energy.profiles import Limit, MemoryPoint, Price, Profile
from lavarobust.energy.rules import RULES, Operations, applicable_rules, executed

__all__ = [
    "RULES",
    "Baseline",
    "Bill",
    "BillLine",
    "Fit",
    "LayerFit",
    "LayerLedger",
    "LayerShape",
    "Ledger",
    "Limit",
    "MemoryPoint",
    "Operations",
    "Price",
    "Profile",
    "Spread",
    "Unpriced",
    "ann_operations",
    "applicable_rules",
    "available_profiles",
    "executed",
    "load_profile",
    "make_ledger",
    "price",
    "spread",
]
