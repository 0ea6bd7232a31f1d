"""Selects and orders the tests of the whole suite, and what they inherit."""

pytest_plugins = [
    "tests.plugins.real_hosts", "tests.plugins.rows", "tests.plugins.longest_first", "tests.plugins.promises",
    "tests.plugins.collected_garbage", "tests.plugins.folders", "tests.plugins.process_end",
    "tests.plugins.environment"]
