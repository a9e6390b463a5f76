"""The views in a pool's folder, as what a geometry asks for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from knnal.errors import PoolError
from knnal.index.reduced import Axes
from knnal.index.views import Views
from knnal.pool.pool import Pool
from knnal.types import BoolArray, LogNarrator, Narrator


def stored_views(
    pool: Pool, live: BoolArray, narrator: Narrator | None = None
) -> Callable[[Axes], Views] | None:
    """What maps the pool's views when they are wanted; None where the pool has none.

    That raises PoolError for views that an interrupted run left unfinished, and tells of items
    whose content could not be read.
    """
    narrator = narrator or LogNarrator()
    if not pool.has_views:
        return None

    def open_views(axes: Axes) -> Views:
        stored = pool.views()
        assert stored is not None
        made = stored.made[: len(live)]
        if len(made) < len(live):
            raise PoolError(
                f"Expected views of all {len(live)} items, but those of {len(live) - len(made)} "
                "are still to be made. Run 'knnal embed SOURCE' again, or wait until it is done."
            )
        missing = int(np.count_nonzero(live & ~made))
        if missing:
            narrator.say(
                f"{missing} of {len(live)} items have no views, since their content could not be "
                "read: they count as they are. 'knnal embed SOURCE' tries again."
            )
        return Views(stored.vectors[: len(live)], made, axes)

    return open_views
