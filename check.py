"""Everything that must be green before a change lands: ``python check.py``.

Needs ``pip install '.[dev]'``. Arguments are handed to pytest.
"""

from __future__ import annotations

import subprocess
import sys

STEPS = (
    ("format", ["-m", "ruff", "format", "--check", "."]),
    ("lint", ["-m", "ruff", "check", "."]),
    ("types", ["-m", "mypy"]),
    (
        "layers",
        ["-c", "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"],
    ),
    ("docs", ["-m", "zensical", "build", "--clean", "--strict"]),
    ("tests", ["-m", "pytest", "--cov", "--cov-report=term", *sys.argv[1:]]),
)


def main() -> int:
    failed = []
    for name, command in STEPS:
        print(f"== {name}", flush=True)
        if subprocess.run([sys.executable, *command], check=False).returncode:
            failed.append(name)
    print(f"Failed: {', '.join(failed)}" if failed else "All green.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
