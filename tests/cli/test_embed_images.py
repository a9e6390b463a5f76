"""Images through the real network: good ones, broken ones, and labels from their folders."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ..patience import PATIENCE_S

pytestmark = [pytest.mark.model, pytest.mark.slow]


@pytest.fixture
def images(knnal: Any) -> Any:
    """Commands in an empty folder, with the weights at hand; skips where they are not to be had."""
    from knnal.embedders.base import create_embedder
    from knnal.errors import ModelUnavailableError
    from knnal.types import LogNarrator

    try:
        create_embedder("mobilenet-v2").load(LogNarrator())
    except ModelUnavailableError as error:
        pytest.skip(str(error))
    return knnal


def draw(file: Path, seed: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize((80, 60)).save(file)


def png_chunk(kind: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + checksum


def write_bomb(file: Path) -> None:
    """A PNG of a few bytes that claims 30000 x 30000 pixels."""
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b""))
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks))


def break_images(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    draw(folder / "whole.jpg", 99)
    content = (folder / "whole.jpg").read_bytes()
    (folder / "whole.jpg").unlink()
    (folder / "cut.jpg").write_bytes(content[: len(content) // 2])
    (folder / "cut-too.jpg").write_bytes(content[: len(content) // 3])
    (folder / "empty.png").write_bytes(b"")
    (folder / "letter.jpg").write_text("Dear all,\n", encoding="utf-8")
    write_bomb(folder / "bomb.png")
    (folder / "notes.md").write_text("# Notes\n", encoding="utf-8")


def test_which_folders_are_classes_is_asked_in_a_terminal(images: Any) -> None:
    pexpect = pytest.importorskip("pexpect")
    if not hasattr(pexpect, "spawn"):
        pytest.skip("this system has no pseudo-terminals")
    for part in ("train", "test"):
        draw(images.folder / "data" / part / "1.png", len(part))
    arguments = ["embed", "data", "--labels-from-folders"]
    terminal = pexpect.spawn(
        images.script, arguments, cwd=images.folder, env=images.environment, timeout=PATIENCE_S
    )
    terminal.expect("contain no folders")
    terminal.expect("Folder level, 1 or 2")
    terminal.sendline("3")
    terminal.expect("Folder level, 1 or 2")
    terminal.sendline("1")
    terminal.expect("Classes found: test 1, train 1")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0
    assert images("status", "--json").data["labels"] == {"test": 1, "train": 1}


REASONS = {
    "truncated image": 2,
    "empty file": 1,
    "not an image": 1,
    "more than 178956970 pixels: a larger KNNAL_MAX_PIXELS allows them": 1,
    "not an image file (.md)": 1,
}


def test_broken_images_are_counted_by_reason_and_the_rest_is_embedded(images: Any) -> None:
    folder = images.folder / "photos"
    for number in range(4):
        draw(folder / f"good-{number}.png", number)
    break_images(folder)
    done = images("embed", "photos", code=3)
    assert done.out.startswith("4 added")
    printed = {line.split(" (")[0] for line in done.err.splitlines()}
    assert "Skipped 2: truncated image (cut-too.jpg, cut.jpg)" in done.err
    assert printed == {f"Skipped {n}: {reason.split(' (')[0]}" for reason, n in REASONS.items()}
    report = images("embed", "photos", "--json", code=3).data
    assert report["skipped"] == REASONS
    assert (report["added"], report["unchanged"]) == (0, 4)


def test_nothing_but_broken_images(images: Any) -> None:
    break_images(images.folder / "photos")
    done = images.process("embed", "photos", "--json", code=4)
    assert done.data["skipped"] == REASONS
    assert done.err == ""


def test_labels_from_folders_questions_with_paths_and_predictions(images: Any) -> None:
    for name in ("fresh", "rotten"):
        for number in range(3):
            draw(images.folder / "fruit" / name / f"{number}.png", number)
    draw(images.folder / "fruit" / "unsorted.png", 7)
    done = images("embed", "fruit", "--labels-from-folders")
    assert "6 labels taken in." in done.out
    assert images("status", "--json").data["labels"] == {"fresh": 3, "rotten": 3}
    question = images("next", "--json").data
    assert question["id"] == "unsorted.png"
    assert Path(question["path"]).samefile(images.folder / "fruit" / "unsorted.png")
    new = images.folder / "new.jpg"
    draw(new, 1)
    (images.folder / "broken.jpg").write_bytes(b"")
    done = images("predict", "new.jpg", "broken.jpg", "--neighbors", "--json", code=3)
    (prediction,) = done.data
    assert Path(prediction["id"]).samefile(new)
    assert prediction["label"] in ("fresh", "rotten")
    assert prediction["neighbors"][0]["id"] in ("fresh/1.png", "rotten/1.png")
    assert "empty file" in done.err
