"""The lifecycle engine: one backup, step by step.

It knows guests, clocks and storages only by their protocols, and nothing of pytest.
"""

from __future__ import annotations

from .lifecycle import run
from .precheck import VmFacts
from .rules import DOCUMENTED, RULE_SETS, RuleSet

__all__ = ["DOCUMENTED", "RULE_SETS", "RuleSet", "VmFacts", "run"]
