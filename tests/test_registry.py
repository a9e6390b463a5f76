"""Names to factories, by entry points."""

from __future__ import annotations

import importlib
import tomllib
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from knnal import defaults
from knnal.acquisition.strategies.base import STRATEGIES
from knnal.acquisition.strategies.terms import TERMS, Term
from knnal.classifiers.base import CLASSIFIERS
from knnal.embedders.base import EMBEDDERS, create_embedder
from knnal.errors import InputError, UnknownNameError
from knnal.project import DEFAULT_EMBEDDERS
from knnal.registry import Registry, refresh
from knnal.sources.detect import SOURCES
from knnal.types import Modality

ROOT = Path(__file__).parents[1]
REGISTRIES = (SOURCES, EMBEDDERS, CLASSIFIERS, TERMS, STRATEGIES)
NAMES = [(registry, name) for registry in REGISTRIES for name in registry.names()]


@pytest.mark.parametrize("registry", REGISTRIES, ids=lambda registry: registry.kind)
def test_it_knows_what_the_project_file_registers(registry: Registry) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = project["entry-points"][registry.group]
    assert set(declared) <= set(registry.names())
    assert registry.names() == sorted(registry.names())
    for name, target in declared.items():
        factory = registry.load(name)
        if isinstance(factory, Term):
            module, _, constant = target.partition(":")
            assert getattr(importlib.import_module(module), constant) is factory
        else:
            assert f"{factory.__module__}:{factory.__qualname__}" == target


@pytest.mark.parametrize(("registry", "name"), NAMES, ids=[f"{r.kind} {n}" for r, n in NAMES])
def test_whatever_is_registered_says_what_it_is(registry: Registry, name: str) -> None:
    factory = registry.load(name)
    assert factory.summary
    assert "\n" not in factory.summary
    assert factory is registry.load(name)
    if registry is STRATEGIES:
        assert factory.source


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UnknownNameError) as failure:
        STRATEGIES.load("entropyy")
    message = str(failure.value)
    assert message.startswith("There is no strategy named 'entropyy'. Did you mean 'entropy'?")
    assert all(name in message for name in STRATEGIES.names())
    assert isinstance(failure.value, InputError)


def test_a_name_like_no_other_gets_no_guess() -> None:
    with pytest.raises(UnknownNameError, match="no classifier named 'zzz'") as failure:
        CLASSIFIERS.load("zzz")
    assert "Did you mean" not in str(failure.value)


@pytest.mark.parametrize("name", ["", "USE", "use ", "knnal.embedders.use"])
def test_names_are_exact(name: str) -> None:
    with pytest.raises(UnknownNameError):
        EMBEDDERS.load(name)


def test_a_group_that_nobody_registers_in() -> None:
    registry = Registry("knnal.nothing", "thing")
    assert registry.names() == []
    with pytest.raises(UnknownNameError, match="no thing named 'a'"):
        registry.load("a")


def test_nothing_is_loaded_before_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = EntryPoint("broken", "package_that_is_not_there:Name", "knnal.strategies")
    sound = EntryPoint("sound", "knnal.acquisition.strategies.random:Random", "knnal.strategies")
    refresh()
    monkeypatch.setattr("knnal.registry.entry_points", lambda: EntryPoints([broken, sound]))
    registry = Registry("knnal.strategies", "strategy")
    assert registry.names() == ["broken", "sound"]
    assert registry.load("sound").__name__ == "Random"
    with pytest.raises(InputError, match="package_that_is_not_there"):
        registry.load("broken")
    refresh()


def test_the_defaults_are_registered() -> None:
    assert defaults.STRATEGY in STRATEGIES.names()
    assert defaults.CLASSIFIER in CLASSIFIERS.names()
    assert set(DEFAULT_EMBEDDERS) == set(Modality)
    for modality, name in DEFAULT_EMBEDDERS.items():
        assert create_embedder(name).modality is modality


@pytest.mark.parametrize("name", ["use:large", "precomputed:4", "mobilenet-v2:1.4"])
def test_an_argument_that_an_embedder_does_not_take(name: str) -> None:
    with pytest.raises(InputError, match=name.split(":")[0]):
        create_embedder(name)
