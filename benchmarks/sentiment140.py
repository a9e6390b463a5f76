"""The article's experiment on 20,000 tweets, by the Universal Sentence Encoder.

python -m benchmarks.sentiment140 --data DIR --size full
"""

from __future__ import annotations

import sys

from benchmarks.article import AT_RANDOM
from benchmarks.reproduction import main as reproduce


def main(arguments: list[str] | None = None) -> int:
    return reproduce(
        "sentiment140",
        __doc__,
        protocols=(AT_RANDOM,),
        targets=(0.60, 0.62, 0.65),
        at=(10, 20, 50, 100, 200, 300),
        arguments=arguments,
    )


if __name__ == "__main__":
    sys.exit(main())
