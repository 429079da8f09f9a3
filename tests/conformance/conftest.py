from __future__ import annotations
import pytest
from .vector import load, SHARED
def pytest_generate_tests(metafunc):
    if "vector" in metafunc.fixturenames:
        vs = load(SHARED)
        metafunc.parametrize("vector", vs, ids=[v.id for v in vs])
