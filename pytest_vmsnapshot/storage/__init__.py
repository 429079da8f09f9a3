"""Storages: how a VM's file systems are frozen and copied."""

from __future__ import annotations

from .faulty import Faulty
from .loop import LoopStorage
from .pause_and_copy import PauseAndCopy

__all__ = ["Faulty", "LoopStorage", "PauseAndCopy"]
