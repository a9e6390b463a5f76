"""The examples in docstrings of the public API."""

from __future__ import annotations

import doctest
from importlib import import_module

import pytest

import knnal

MODULES = sorted({getattr(knnal, name).__module__ for name in knnal.__all__})


@pytest.mark.parametrize("module", [*MODULES, "knnal.acquisition.strategies.base"])
def test_examples_run(module: str) -> None:
    assert doctest.testmod(import_module(module)).failed == 0


def test_there_are_examples() -> None:
    tried = [doctest.testmod(import_module(module)).attempted for module in MODULES]
    assert sum(tried) >= 3
