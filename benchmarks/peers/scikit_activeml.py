"""scikit-activeml's strategies, on embeddings as its tutorials on pretrained features use them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.peers.base import LOGISTIC, Contender, Entry, Setting, needed
from benchmarks.peers.models import logistic, neighbour_gamma
from knnal.types import IntArray

_KMEANS_UP_TO = 50
"""Clusters from which on TypiClust's authors use mini-batches: github.com/avihu111/TypiClust,
deep-al/pycls/al/typiclust.py."""

_TYPICAL_OF = 20
"""Neighbours that typicality is measured by, in the same file and in the paper."""

_DELTAS = tuple(np.arange(0.05, 1.45, 0.05).tolist())
"""Radii for ProbCover's rule to choose from. The library's own grid, 0.2 to 2.0 in steps of 0.2,
has too few of those that occur between unit vectors, at most 1.41 apart in these data."""

_ALL = 1_000_000
"""More than any budget: where no label is looked at, one batch is what single queries would be."""

_BATCH = 10
"""Labels asked for at once by DropQuery and BADGE, which are made for batches: one at a time they
reach less (with 60 labels on 600 fruits .78 for .84, and .74 for .79)."""

Strategy = Callable[[Setting, int], Any]
"""From a setting and the number of labels in hand."""


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
        self._make = strategy
        self._y = np.full(len(setting.X), np.nan)
        self._y[rows] = labels
        self._strategy = strategy(setting, len(rows))
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


class TypiClust(ScikitActiveML):
    """Its clustering changes with the number of labels."""

    def __init__(self, setting: Setting, rows: IntArray, labels: IntArray) -> None:
        super().__init__(setting, rows, labels, strategy=_typiclust)

    def query(self) -> int:
        self._strategy = self._make(self._setting, int(np.isfinite(self._y).sum()))
        return super().query()


def _typiclust(setting: Setting, labelled: int) -> Any:
    from sklearn.cluster import KMeans, MiniBatchKMeans

    small = labelled < _KMEANS_UP_TO
    return needed("skactiveml.pool").TypiClust(
        random_state=setting.seed,
        cluster_algo=KMeans if small else MiniBatchKMeans,
        cluster_algo_dict={} if small else {"batch_size": 5000},
        k=_TYPICAL_OF,
    )


def _uncertainty(method: str) -> Strategy:
    return lambda setting, _: needed("skactiveml.pool").UncertaintySampling(
        method=method, random_state=setting.seed
    )


def _plain(name: str) -> Strategy:
    return lambda setting, _: getattr(needed("skactiveml.pool"), name)(random_state=setting.seed)


def _probcover(setting: Setting, _: int) -> Any:
    return needed("skactiveml.pool").ProbCover(
        n_classes=setting.class_count, deltas=_DELTAS, random_state=setting.seed
    )


def _maxherding(setting: Setting, _: int) -> Any:
    return needed("skactiveml.pool").MaxHerding(
        metric="rbf",
        metric_dict={"gamma": neighbour_gamma(setting.X)},
        random_state=setting.seed,
    )


def _dropquery(setting: Setting, _: int) -> Any:
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
    Entry(
        "scikit-activeml TypiClust",
        "scikit-activeml",
        LOGISTIC,
        "typicality by 20 neighbours, mini-batch k-means beyond 50 clusters: its authors' code",
        TypiClust,
        module="skactiveml",
    ),
    _entry("ProbCover", "radius by its purity rule (0.95) from 0.05, 0.10 … 1.40", _probcover),
    _entry(
        "MaxHerding",
        "Gaussian kernel, as wide as the median distance to a tenth neighbour",
        _maxherding,
        batch=_ALL,
    ),
    _entry("CoreSet", "Euclidean, of unit vectors", _plain("CoreSet")),
    _entry(
        "DropQuery",
        "logistic regression; 5 masks of 75 %, its defaults; asked in tens",
        _dropquery,
        fits=True,
        batch=_BATCH,
    ),
    _entry("BADGE", "logistic regression; asked in tens", _plain("Badge"), fits=True, batch=_BATCH),
)
