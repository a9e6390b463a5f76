"""A pool's folder: made, opened, refused."""

from __future__ import annotations

import dataclasses
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from knnal.errors import (
    EmbedderMismatchError,
    InputError,
    PoolBusyError,
    PoolDamagedError,
    PoolNotFoundError,
)
from knnal.pool.pool import Pool
from knnal.pool.storage import NewRecord
from knnal.session.decisions import Decisions
from knnal.types import EmbedderIdentity, Modality


def test_a_new_pool_is_empty_and_opens_again(tmp_path: Path) -> None:
    with closing(Pool.create(tmp_path / "deep" / "pool")) as pool:
        assert pool.manifest.embedder is None
        assert pool.live.shape == (0,)
    names = sorted(file.name for file in (tmp_path / "deep" / "pool").iterdir())
    assert names == ["labels.sqlite", "manifest.json"]
    with closing(Pool.open(tmp_path / "deep" / "pool")) as again:
        assert again.manifest == pool.manifest


def test_what_is_stored_is_there_when_it_is_opened_again(make_pool: Any) -> None:
    X = np.random.default_rng(0).normal(size=(7, 4))
    pool = make_pool(X)
    again = make_pool()
    np.testing.assert_array_equal(again.embeddings, pool.embeddings)
    np.testing.assert_allclose(np.linalg.norm(again.embeddings, axis=1), 1, atol=1e-6)
    assert again.manifest == pool.manifest
    assert [record.id for record in again.catalog.records()] == [f"item-{i}" for i in range(7)]


def test_no_pool_says_how_to_make_or_name_one(tmp_path: Path) -> None:
    with pytest.raises(PoolNotFoundError) as caught:
        Pool.open(tmp_path / "none")
    message = str(caught.value)
    for part in (str(tmp_path / "none"), "`Project.embed`", "another `pool`"):
        assert part in message
    assert not (tmp_path / "none").exists()


def test_a_pool_that_lost_its_manifest_is_not_made_anew(make_pool: Any, tmp_path: Path) -> None:
    make_pool(np.eye(3)).close()
    (tmp_path / "pool" / "manifest.json").unlink()
    with pytest.raises(PoolDamagedError, match=r"manifest\.json is damaged: it is missing.*Repair"):
        Pool.create(tmp_path / "pool")
    assert not (tmp_path / "pool" / "manifest.json").exists()


def test_a_pool_that_lost_its_vectors_is_refused(make_pool: Any, tmp_path: Path) -> None:
    make_pool(np.eye(3)).close()
    (tmp_path / "pool" / "embeddings.npy").unlink()
    with pytest.raises(PoolDamagedError, match=r"embeddings\.npy.*it is missing.*Repair the pool"):
        Pool.open(tmp_path / "pool")


def test_another_embedder_is_refused_by_name_with_a_remedy(make_pool: Any) -> None:
    pool = make_pool(np.eye(3))
    stored = pool.manifest.embedder
    pool.adopt(stored, Modality.VECTOR)
    other = EmbedderIdentity("other-net", "f" * 64, 512, "224")
    with pytest.raises(EmbedderMismatchError) as caught:
        pool.adopt(other, Modality.IMAGE)
    for part in (str(stored), str(other), "`embedder=ready-vectors`", "`Project.create`"):
        assert part in str(caught.value)
    with pytest.raises(EmbedderMismatchError):
        pool.adopt(dataclasses.replace(stored, digest="1" * 64), Modality.VECTOR)
    assert make_pool().manifest.embedder == stored


def test_two_cannot_embed_at_once(make_pool: Any) -> None:
    one, two = make_pool(np.eye(3)), make_pool()
    with one.embedding_alone():
        with pytest.raises(
            PoolBusyError, match=r"Another process is embedding.*nothing was changed"
        ):
            two.embedding_alone().__enter__()
        Decisions(two, "ann").add_class("still labeling")
    with two.embedding_alone():
        pass


def test_a_failed_store_leaves_no_trace(make_pool: Any) -> None:
    pool = make_pool(np.eye(3))
    source = 1

    def fail_in_the_middle() -> None:
        with pool.transaction():
            pool.store(source, [NewRecord("new", "", "")], np.eye(3, dtype=np.float32)[:1])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_in_the_middle()
    assert pool.catalog.row_count() == 3
    again = make_pool()
    assert len(again.embeddings) == 3
    with again.transaction():
        again.store(source, [NewRecord("other", "", "")], -np.eye(3, dtype=np.float32)[:1])
    again.reload()
    np.testing.assert_array_equal(again.embeddings[3], [-1, 0, 0])


def test_a_pool_and_its_source_move_together(make_pool: Any, tmp_path: Path) -> None:
    make_pool(np.eye(3), folder="work/pool").close()
    shutil.move(tmp_path / "work", tmp_path / "moved")
    with closing(Pool.open(tmp_path / "moved" / "pool")) as pool:
        assert len(pool.embeddings) == 3


def test_in_memory_scales_rows_and_names_them() -> None:
    with closing(Pool.in_memory([[3.0, 4.0], [0.0, 2.0]], texts=["x", "y"])) as pool:
        np.testing.assert_allclose(pool.embeddings, [[0.6, 0.8], [0, 1]], atol=1e-7)
        assert [(r.id, r.text) for r in pool.catalog.records()] == [("0", "x"), ("1", "y")]
        assert pool.folder is None
        assert pool.graph_file is None
    with closing(Pool.in_memory(np.eye(2), ids=["b", "a"])) as pool:
        assert pool.catalog.rows_of(["a", "b"]) == {"a": 1, "b": 0}


@pytest.mark.parametrize("scale", [1e-40, 1e-20, 1.0, 1e20, 1e37])
def test_in_memory_takes_rows_of_any_size(scale: float) -> None:
    with closing(Pool.in_memory(np.array([[3.0, 4.0]]) * scale)) as pool:
        np.testing.assert_allclose(pool.embeddings, [[0.6, 0.8]], atol=1e-7)


@pytest.mark.parametrize(
    "X",
    [[[1.0, 2.0], [0.0, 0.0]], [[1.0, np.nan]], [[np.inf, 1.0]], [1.0, 2.0], [[[1.0]]]],
    ids=["zeros", "nan", "infinite", "one row", "three axes"],
)
def test_in_memory_refuses_rows_without_a_direction(X: Any) -> None:
    with pytest.raises(InputError, match="Embeddings must have shape"):
        Pool.in_memory(np.array(X))


@pytest.mark.parametrize("ids", [["a"], ["a", "a"], ["a", "b", "c"]])
def test_in_memory_refuses_ids_that_repeat_or_do_not_fit(ids: list[str]) -> None:
    with pytest.raises(InputError, match="2 different ids"):
        Pool.in_memory(np.eye(2), ids=ids)
