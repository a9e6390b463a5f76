"""What a result was measured with: date, command, machine, versions; no names of hosts or paths."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from benchmarks.engine.process import machine


def about(command: str, size: str, seeds: list[int], wall_seconds: float) -> dict[str, Any]:
    found = machine()
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "command": command,
        "size": size,
        "seeds": seeds,
        "wall_seconds": round(wall_seconds, 1),
        "machine": {name: found[name] for name in ("processor", "cores", "memory", "python")},
        "versions": {name: v for name, v in found["versions"].items() if v is not None},
    }
