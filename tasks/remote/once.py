"""Work that hundreds of threads need the same result of."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

Args = ParamSpec("Args")
Result = TypeVar("Result")


def once(work: Callable[Args, Result]) -> Callable[Args, Result]:
    """As functools.lru_cache, of a pure function; and threads that call it meanwhile wait, instead of working too."""
    lock = threading.Lock()
    remembered = functools.lru_cache(maxsize=16)(work)

    @functools.wraps(work)
    def call(*args: Args.args, **kwargs: Args.kwargs) -> Result:
        with lock:
            return remembered(*args, **kwargs)  # type: ignore[arg-type]

    return call
