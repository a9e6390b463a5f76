"""The manifest: written, read back, and refused where it is damaged."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from xxhash import xxh3_128_hexdigest

from knnal.errors import EmbedderMismatchError, PoolDamagedError, PoolUnwritableError
from knnal.index.graph_facts import GraphFacts, GraphMethod
from knnal.pool.manifest import Manifest, require_same_embedder
from knnal.types import EmbedderIdentity, Modality

from ..damage.files import bytes_of, flip, full_disk

IDENTITY = EmbedderIdentity("some-net", "ab" * 32, 1280, "224 bilinear")
FACTS = GraphFacts(GraphMethod.APPROXIMATE, 20, 70_000, recall=0.9731, sample=500, built=60_000)


@pytest.mark.parametrize(
    "manifest",
    [
        Manifest(1),
        Manifest(7, Modality.IMAGE, IDENTITY),
        Manifest(1, Modality.TEXT),
        Manifest(1, Modality.TEXT, IDENTITY, FACTS),
        Manifest(4, Modality.TEXT, IDENTITY, FACTS, pool="5f" * 16),
    ],
)
def test_it_comes_back(manifest: Manifest, tmp_path: Path) -> None:
    manifest.write(tmp_path / "manifest.json")
    assert Manifest.read(tmp_path / "manifest.json") == manifest
    assert [file.name for file in tmp_path.iterdir()] == ["manifest.json"]


def test_it_is_plain_json(tmp_path: Path) -> None:
    Manifest(4, Modality.IMAGE, IDENTITY, FACTS, "5f" * 16).write(tmp_path / "manifest.json")
    data = json.loads((tmp_path / "manifest.json").read_text())
    assert data.pop("check") == xxh3_128_hexdigest(json.dumps(data, sort_keys=True).encode())
    assert data == {
        "schema_version": 4,
        "pool": "5f" * 16,
        "modality": "image",
        "embedder": {
            "name": "some-net", "digest": "ab" * 32, "dimension": 1280, "recipe": "224 bilinear",
        },
        "graph": {
            "method": "approximate", "neighbors": 20, "rows": 70000, "recall": 0.9731,
            "sample": 500, "built": 60000,
        },
    }  # fmt: skip


@pytest.mark.parametrize("graph", [..., None, 5, "x", {}, {"method": "guessed"}])
def test_facts_of_the_graph_that_are_missing_or_unknown_are_left_out(
    graph: Any, tmp_path: Path
) -> None:
    """They are a copy of what the graph's file says, and older pools have none."""
    data = {"schema_version": 1, "modality": None, "embedder": None, "graph": graph}
    if graph is ...:
        del data["graph"]
    (tmp_path / "manifest.json").write_text(json.dumps(data))
    assert Manifest.read(tmp_path / "manifest.json") == Manifest(1)


def test_facts_of_the_graph_read_well() -> None:
    assert str(FACTS) == "approximate, recall@20 0.973 on 500 of 70,000 items"
    assert str(GraphFacts(GraphMethod.EXACT, 20, 9, 1.0, 0, 9)) == "exact, 20 neighbors"


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "null", "7", '{"schema_version": 1}',
        '{"schema_version": "x", "modality": null, "embedder": null}',
        '{"schema_version": 1, "modality": "smell", "embedder": null}',
        '{"schema_version": 1, "modality": null, "embedder": {"name": "x"}}',
        '{"schema_version": 1, "modality": null, "embedder": 5}',
    ],
)  # fmt: skip
def test_damage_is_named_with_a_remedy(text: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(PoolDamagedError, match=r"manifest\.json.*Repair .* from a backup"):
        Manifest.read(tmp_path / "manifest.json")


def test_no_flipped_bit_gives_another_manifest(tmp_path: Path) -> None:
    file = tmp_path / "manifest.json"
    manifest = Manifest(4, Modality.IMAGE, IDENTITY, FACTS, "5f" * 16)
    manifest.write(file)
    found = 0
    for at in range(file.stat().st_size):
        for bit in range(8):
            flip(file, at, bit)
            try:
                assert Manifest.read(file) == manifest  # white space between the keys
            except PoolDamagedError:
                found += 1
            flip(file, at, bit)
    assert found > 0.8 * 8 * file.stat().st_size


def test_one_of_before_checksums_is_read(tmp_path: Path) -> None:
    data = {"schema_version": 3, "modality": "text", "embedder": dataclasses.asdict(IDENTITY)}
    (tmp_path / "manifest.json").write_text(json.dumps({**data, "graph": None}))
    assert Manifest.read(tmp_path / "manifest.json") == Manifest(3, Modality.TEXT, IDENTITY)


@pytest.mark.parametrize("embedder", [None, IDENTITY])
def test_the_database_has_a_copy_of_what_counts(embedder: EmbedderIdentity | None) -> None:
    manifest = Manifest(4, Modality.TEXT if embedder else None, embedder, pool="5f" * 16)
    with_graph = dataclasses.replace(manifest, graph=FACTS)
    assert Manifest.from_content(4, "5f" * 16, with_graph.content) == manifest


def test_a_disk_that_is_full_is_named_and_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Manifest(4, pool="5f" * 16).write(tmp_path / "manifest.json")
    before = bytes_of(tmp_path)
    monkeypatch.setattr("knnal.pool.manifest.atomic_writer", full_disk)
    with pytest.raises(PoolUnwritableError, match=r"disk that holds .*manifest\.json is full"):
        Manifest(4, Modality.TEXT, IDENTITY, pool="5f" * 16).write(tmp_path / "manifest.json")
    assert bytes_of(tmp_path) == before


@pytest.mark.parametrize(
    "other",
    [
        EmbedderIdentity("other-net", "ab" * 32, 1280, "224 bilinear"),
        EmbedderIdentity("some-net", "cd" * 32, 1280, "224 bilinear"),
        EmbedderIdentity("some-net", "ab" * 32, 512, "224 bilinear"),
        EmbedderIdentity("some-net", "ab" * 32, 1280, "192 bilinear"),
    ],
)
def test_any_difference_is_a_mismatch_that_names_both_and_the_remedy(
    other: EmbedderIdentity,
) -> None:
    require_same_embedder(IDENTITY, IDENTITY)
    with pytest.raises(EmbedderMismatchError) as caught:
        require_same_embedder(IDENTITY, other)
    message = str(caught.value)
    assert str(IDENTITY) in message
    assert str(other) in message
    same_name = other.name == IDENTITY.name
    assert ("what made the pool" if same_name else "`embedder=some-net`") in message
    assert "`Project.create`" in message
