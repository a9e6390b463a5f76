"""The demo on its real photographs, where they and the weights can be had."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from knnal.errors import ModelUnavailableError
from knnal.project import Project
from knnal.types import LogNarrator, Narrator
from knnal_cli import demo
from knnal_cli.demo import run_demo, unpack_photos

SOME = 200


def unpack_some(folder: Path, narrator: Narrator) -> dict[str, str]:
    """Fewer photos, which take less time to embed."""
    classes = unpack_photos(folder, narrator)
    assert (len(classes), len(set(classes.values()))) == (1393, 14)
    for name in sorted(classes)[SOME:]:
        (folder / name).unlink()
        del classes[name]
    return classes


@pytest.mark.model
@pytest.mark.slow
def test_the_demo_leaves_curves_a_picture_and_a_pool_to_go_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "unpack_photos", unpack_some)
    folder = tmp_path / "demo"
    try:
        result = run_demo(folder, 12, 0, LogNarrator())
    except ModelUnavailableError as error:
        pytest.skip(f"photos or weights are not to be had: {error}")
    assert (result.photos, result.held_out, result.classes) == (SOME, SOME * 3 // 10, 14)
    assert {name: runs.shape for name, runs in result.curves.items()} == {
        "cdf-product": (1, 12),
        "random": (5, 12),
    }
    assert all(np.all((runs >= 0) & (runs <= 1)) for runs in result.curves.values())
    assert result.picture.read_bytes().startswith(b"\x89PNG")

    project = Project.open(folder / ".knnal")
    session = project.session()
    assert len(session.ledger.labels()) == 12
    question = session.ask()
    assert question is not None
    assert question.path is not None
    assert question.path.exists()
    project.close()

    again = run_demo(folder, 12, 0, LogNarrator())
    assert (again.ingest.added, again.ingest.unchanged) == (0, SOME)
    assert Project.open(folder / ".knnal").status().labeled == 12
