"""Coverage weighted by how unsure the classifier is of what would be covered."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from knnal.acquisition.kernel_gain import KernelGain
from knnal.acquisition.strategies.base import PoolView, Scores, Strategy
from knnal.acquisition.strategies.terms import TERMS, term_of
from knnal.acquisition.terms import UNCERTAINTY_OFFSET
from knnal.errors import InputError
from knnal.types import Float32Array


class UHerding(Strategy):
    """``sum_j (u_j + 1e-3) max(K(x, x_j) - c_j, 0)``.

    The 1e-3 lets coverage decide where the classifier is sure of everything, or there are no
    classes yet. The kernel keeps its width.
    """

    summary = "the kernel mass that a label would newly cover, by how unsure it is"
    source = "Bae, Noh and Sutherland, 'Uncertainty Herding', arXiv 2412.20644"
    formula = (
        "sum over the item's neighbors, itself among them, of (u + 0.001) x max(K - c, 0): u is "
        "the neighbor's uncertainty, K the kernel between the two, c the highest kernel value "
        "between the neighbor and any label"
    )
    terms = {"u": "smallest-margin"}
    incremental = True
    cost = (
        "the classifier's update, and the neighbors of every row whose uncertainty or cover "
        "moved: of all N g edges where all of it did"
    )
    covers = True

    def __init__(self) -> None:
        self._gain: KernelGain | None = None

    def score(self, pool: PoolView) -> Scores:
        if self._gain is None:
            self._gain = KernelGain(pool.state.geometry.graph.edges)
        gain = self._gain.update(self._weights(pool), pool.covered)[pool.rows]
        return Scores(gain, {"u": pool.term(self.terms["u"]), "uid": gain})

    def _weights(self, pool: PoolView) -> Float32Array:
        """0 where there is a label: it is covered, and no uncertainty is kept for it."""
        raised = pool.whole_term(self.terms["u"]) + np.float32(UNCERTAINTY_OFFSET)
        return np.where(pool.state.unlabeled, raised, np.float32(0.0))


def uherding(terms: Sequence[str]) -> type[Strategy]:
    """The same by another uncertainty: ``uherding(entropy)``."""
    if len(terms) != 1 or not term_of(terms[0]).is_uncertainty:
        known = (name for name in TERMS.names() if term_of(name).is_uncertainty)
        raise InputError(
            f"uherding takes one uncertainty, got '{', '.join(terms)}'. Name one of "
            f"{', '.join(known)}."
        )
    body = {
        "__doc__": UHerding.__doc__,
        "__module__": __name__,
        "summary": f"{UHerding.summary}, in {terms[0]}",
        "terms": {"u": terms[0]},
    }
    return type("UHerding", (UHerding,), body)
