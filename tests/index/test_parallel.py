"""Work over blocks of rows: order, nesting, errors, and how many threads."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knnal.errors import InputError
from knnal.index.parallel import BLOCK, over_rows, thread_count, use_threads

from ..patience import PATIENCE_S


@pytest.fixture(params=[1, 2, 5])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = thread_count()
    use_threads(request.param)
    yield request.param
    use_threads(before)


@given(st.integers(0, 50), st.integers(1, 60))
def test_blocks_cover_the_rows_once_and_in_order(rows: int, block: int) -> None:
    parts = over_rows(lambda a, b: (a, b), rows, block)
    assert [row for a, b in parts for row in range(a, b)] == list(range(rows))
    assert all(0 < b - a <= block for a, b in parts)


@pytest.mark.parametrize("backwards", [False, True])
def test_work_goes_to_and_fro_but_results_are_in_order(threads: int, backwards: bool) -> None:
    begun: list[int] = []

    def work(start: int, stop: int) -> tuple[int, int]:
        begun.append(start)
        return start, stop

    expected = [(0, 3), (3, 6), (6, 9), (9, 10)]
    assert over_rows(work, 10, 3, backwards=backwards) == expected
    assert sorted(begun) == [start for start, _ in expected]
    if threads == 1:
        assert begun == sorted(begun, reverse=backwards)


@pytest.mark.usefixtures("threads")
def test_results_come_in_order_whatever_finishes_first() -> None:
    last_is_done = threading.Event()

    def work(start: int, stop: int) -> int:
        if thread_count() > 1 and start == 0:
            assert last_is_done.wait(PATIENCE_S)
        if start == 90:
            last_is_done.set()
        return start

    assert over_rows(work, 100, 10) == list(range(0, 100, 10))


def test_blocks_run_on_several_threads_but_one_runs_on_ours(threads: int) -> None:
    ours = threading.get_ident()
    if threads == 1:
        assert set(over_rows(lambda a, b: threading.get_ident(), 40, 10)) == {ours}
    else:
        together = threading.Barrier(2)

        def meet(start: int, stop: int) -> int:
            together.wait(PATIENCE_S)
            return threading.get_ident()

        assert len(set(over_rows(meet, 20, 10))) == 2
    assert over_rows(lambda a, b: threading.get_ident(), BLOCK) == [ours]


@pytest.mark.usefixtures("threads")
def test_work_within_work_does_not_wait_for_itself() -> None:
    def inner(start: int, stop: int) -> int:
        return sum(over_rows(lambda a, b: b - a, stop - start, 3))

    def outer(start: int, stop: int) -> int:
        return sum(over_rows(inner, stop - start, 7))

    done: list[list[int]] = []
    thread = threading.Thread(target=lambda: done.append(over_rows(outer, 1000, 10)), daemon=True)
    thread.start()
    thread.join(PATIENCE_S)
    assert done == [[10] * 100]


@pytest.mark.usefixtures("threads")
def test_an_error_comes_through_and_later_work_is_done() -> None:
    def fail(start: int, stop: int) -> None:
        if start == 30:
            raise ZeroDivisionError("in row 30")

    with pytest.raises(ZeroDivisionError, match="row 30"):
        over_rows(fail, 100, 10)
    assert over_rows(lambda a, b: a, 30, 10) == [0, 10, 20]


def test_several_callers_share_the_workers(threads: int) -> None:
    results: list[list[int]] = []
    callers = [
        threading.Thread(target=lambda: results.append(over_rows(lambda a, b: a, 2000, 10)))
        for _ in range(8)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(PATIENCE_S)
    assert results == [list(range(0, 2000, 10))] * 8


def test_the_number_of_threads_can_be_changed_at_any_time() -> None:
    before = thread_count()
    try:
        for count in (3, 1, 2, 2, 4):
            use_threads(count)
            assert thread_count() == count
            assert over_rows(lambda a, b: b, 50, 10) == [10, 20, 30, 40, 50]
    finally:
        use_threads(before)


@pytest.mark.parametrize("count", [0, -1])
def test_less_than_one_thread_is_refused(count: int) -> None:
    before = thread_count()
    with pytest.raises(InputError, match=f"threads must be at least 1, got {count}"):
        use_threads(count)
    assert thread_count() == before


@pytest.mark.parametrize(
    ("wanted", "expected"), [("1", 1), ("3", 3), ("", 0), ("0", 0), ("-2", 0), ("many", 0)]
)
def test_the_environment_says_how_many_or_else_every_core(wanted: str, expected: int) -> None:
    program = "from knnal.index.parallel import thread_count; print(thread_count())"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "KNNAL_THREADS": wanted},
        capture_output=True,
        text=True,
        check=True,
    )
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert int(done.stdout) == (expected or cores)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing is forked here")
def test_a_forked_process_has_workers_of_its_own() -> None:
    program = """
import os
from knnal.index.parallel import over_rows, use_threads
use_threads(2)
over_rows(lambda a, b: a, 40, 10)
child = os.fork()
if not child:
    import signal
    signal.alarm(10)
    print(over_rows(lambda a, b: a, 40, 10), flush=True)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "[0, 10, 20, 30]\n"), done.stderr
