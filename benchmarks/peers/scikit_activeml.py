"""scikit-activeml's strategies, with logistic regression where they want a classifier.

That is what its tutorial on pretrained embeddings uses them with, in batches: tutorials/
05_pool_al_with_self_supervised_learning.ipynb in github.com/scikit-activeml/scikit-activeml.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.peers.base import LOGISTIC, Contender, Entry, Setting, needed
from benchmarks.peers.models import logistic, neighbor_gamma
from knnal.types import IntArray

_TYPICAL_OF = 20
"""Neighbors that typicality is measured by, in the paper and in its authors' code:
github.com/avihu111/TypiClust, deep-al/pycls/al/typiclust.py. The library's default is 5."""

_DELTAS = tuple(np.arange(0.05, 1.45, 0.05).tolist())
"""Radii for ProbCover's rule to choose from. Between unit vectors, the library's own grid of 0.2
to 2.0 in steps of 0.2 is coarse."""

_ALL = 1_000_000
"""More than any budget: where no label is looked at, one batch is what single queries would be."""

_TENS, _FIVES = 10, 5
"""Labels asked for at once by strategies that are made for batches. One at a time DropQuery and
BADGE reach less (mean accuracy over 60 labels in 600 fruits, two seeds: .67 for .82, .76 for .81)
and TypiClust no more (.83 for .84), at five times the cost."""

Strategy = Callable[[Setting], Any]


class ScikitActiveML:
    """A query strategy, and with ``fits`` the classifier that it asks with."""

    def __init__(
        self,
        setting: Setting,
        rows: IntArray,
        labels: IntArray,
        *,
        strategy: Strategy,
        fits: bool = False,
        batch: int = 1,
    ) -> None:
        self._setting = setting
        self._y = np.full(len(setting.X), np.nan)
        self._y[rows] = labels
        self._strategy = strategy(setting)
        self._arguments: dict[str, Any] = {}
        if fits:
            wrapper = needed("skactiveml.classifier").SklearnClassifier
            classes = np.arange(setting.class_count)
            self._arguments["clf"] = wrapper(logistic(), classes=classes, random_state=setting.seed)
        self._batch = min(batch, setting.ahead)
        self._waiting: list[int] = []

    def query(self) -> int:
        if not self._waiting:
            found = self._strategy.query(
                X=self._setting.X, y=self._y, batch_size=self._batch, **self._arguments
            )
            self._waiting = [int(row) for row in found]
        return self._waiting.pop(0)

    def learn(self, row: int, label: int) -> None:
        self._y[row] = label


def _typiclust(setting: Setting) -> Any:
    return needed("skactiveml.pool").TypiClust(random_state=setting.seed, k=_TYPICAL_OF)


def _uncertainty(method: str) -> Strategy:
    return lambda setting: needed("skactiveml.pool").UncertaintySampling(
        method=method, random_state=setting.seed
    )


def _plain(name: str) -> Strategy:
    return lambda setting: getattr(needed("skactiveml.pool"), name)(random_state=setting.seed)


def _probcover(setting: Setting) -> Any:
    return needed("skactiveml.pool").ProbCover(
        n_classes=setting.class_count, deltas=_DELTAS, random_state=setting.seed
    )


def _maxherding(setting: Setting) -> Any:
    return needed("skactiveml.pool").MaxHerding(
        metric="rbf",
        metric_dict={"gamma": neighbor_gamma(setting.X)},
        random_state=setting.seed,
    )


def _dropquery(setting: Setting) -> Any:
    seeded = {"random_state": setting.seed}  # its own seed does not reach its clustering
    return needed("skactiveml.pool").DropQuery(cluster_algo_dict=seeded, random_state=setting.seed)


def _entry(name: str, settings: str, strategy: Strategy, **how: Any) -> Entry:
    def make(setting: Setting, rows: IntArray, labels: IntArray) -> Contender:
        return ScikitActiveML(setting, rows, labels, strategy=strategy, **how)

    return Entry(
        f"scikit-activeml {name}", "scikit-activeml", LOGISTIC, settings, make, module="skactiveml"
    )


ENTRIES = (
    _entry("margin", "logistic regression", _uncertainty("margin_sampling"), fits=True),
    _entry("entropy", "logistic regression", _uncertainty("entropy"), fits=True),
    _entry(
        "TypiClust",
        "typicality by 20 neighbors, as in its paper; asked in fives",
        _typiclust,
        batch=_FIVES,
    ),
    _entry("ProbCover", "radius by its purity rule (0.95) from 0.05, 0.10 … 1.40", _probcover),
    _entry(
        "MaxHerding",
        "Gaussian kernel, as wide as the median distance to a tenth neighbor",
        _maxherding,
        batch=_ALL,
    ),
    _entry("CoreSet", "Euclidean, of unit vectors", _plain("CoreSet")),
    _entry(
        "DropQuery",
        "logistic regression; 5 masks of 75 %, its defaults; asked in tens",
        _dropquery,
        fits=True,
        batch=_TENS,
    ),
    _entry("BADGE", "logistic regression; asked in tens", _plain("Badge"), fits=True, batch=_TENS),
)
