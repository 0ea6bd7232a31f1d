from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from tasks.remote.once import once


def test_work_is_done_once_for_threads_that_need_it_at_the_same_time() -> None:
    calls: list[int] = []
    all_started = threading.Barrier(5)

    @once
    def double(number: int) -> int:
        calls.append(number)
        return 2 * number

    def need(number: int) -> int:
        all_started.wait(30)
        return double(number)

    with ThreadPoolExecutor(5) as threads:
        assert list(threads.map(need, [1, 1, 2, 1, 2])) == [2, 2, 4, 2, 4]
    assert sorted(calls) == [1, 2]
