"""The order of the files: the longest first, so that at the end no processor waits for the last one.

pytest's cache keeps how long each test took. A test that is not in it, as in a fresh clone, counts by what it starts;
`@pytest.mark.seconds(30)` is for one that takes much longer than others, and would begin when they are all over.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from tests.plugins.real_hosts import starts_hosts

KEY = "fabvisor/seconds"            # {test: seconds}
WITH_A_HOST, WITHOUT = 1.0, 0.05    # seconds, measured over the whole suite


def expected(item: pytest.Item) -> float:
    """Seconds of a test that nobody has timed yet."""
    marker = item.get_closest_marker("seconds")
    if marker is not None:
        return float(marker.args[0])
    return WITH_A_HOST if starts_hosts(item) else WITHOUT


def longest_first(tests: Iterable[tuple[str, str, float]], known: Mapping[str, float]) -> list[str]:
    """Files, from `(file, test, expected seconds)` of each test; `known`: measured seconds of a test."""
    seconds: defaultdict[str, float] = defaultdict(float)
    for file, test, guess in tests:
        seconds[file] += known.get(test, guess)
    return sorted(seconds, key=lambda file: (-seconds[file], file))


class LongestFirst:
    def __init__(self, config: pytest.Config, known: Mapping[str, float]) -> None:
        self.config = config
        self.known = known
        self.spent: defaultdict[str, float] = defaultdict(float)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        files = longest_first([(str(item.path), item.nodeid, expected(item)) for item in items], self.known)
        items.sort(key=lambda item: files.index(str(item.path)))

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """xdist's workers must agree on the order, so they get what this process has read."""
        node.workerinput[KEY] = dict(self.known)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.spent[report.nodeid] += report.duration

    def pytest_sessionfinish(self) -> None:
        cache = cache_of(self.config)
        if cache is not None and self.spent and not hasattr(self.config, "workerinput"):
            kept = {test: seconds for test, seconds in self.known.items()
                    if (self.config.rootpath / test.partition("::")[0]).exists()}
            cache.set(KEY, {**kept, **self.spent})


def pytest_configure(config: pytest.Config) -> None:
    worker, cache = getattr(config, "workerinput", None), cache_of(config)
    known = worker[KEY] if worker else cache.get(KEY, {}) if cache else {}
    config.pluginmanager.register(LongestFirst(config, known), "longest-first")


def cache_of(config: pytest.Config) -> pytest.Cache | None:
    """None with `-p no:cacheprovider`."""
    return getattr(config, "cache", None)
