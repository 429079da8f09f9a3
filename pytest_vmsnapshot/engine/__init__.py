"""The lifecycle engine: one backup, step by step.

It knows guests, clocks and storages only by their protocols, and nothing of pytest.
"""

from __future__ import annotations

from .lifecycle import run
from .rules import DOCUMENTED, RULE_SETS, RULES, SHIPPED, Rule, RuleSet
from .vm_facts import Agent, Mount, Platform, VmFacts

__all__ = [
    "DOCUMENTED",
    "RULES",
    "RULE_SETS",
    "SHIPPED",
    "Agent",
    "Mount",
    "Platform",
    "Rule",
    "RuleSet",
    "VmFacts",
    "run",
]
