"""The article's experiment on fresh and rotten fruits, and an honest one beside it.

As in the article, items are split 90 to 10 at random, sixteen times. Each photograph comes in up to
nine variants, so nearly every held-out picture then has a variant of itself in the pool. In the
second experiment photographs are held out with all their variants.

    python -m benchmarks.fruits --data DIR --size full
"""

from __future__ import annotations

import sys

from benchmarks.article import AT_RANDOM, BY_GROUP
from benchmarks.reproduction import main as reproduce


def main(arguments: list[str] | None = None) -> int:
    return reproduce(
        "fruits",
        __doc__,
        protocols=(AT_RANDOM, BY_GROUP),
        targets=(0.80, 0.85, 0.90),
        at=(10, 20, 50, 100, 200, 300),
        arguments=arguments,
    )


if __name__ == "__main__":
    sys.exit(main())
