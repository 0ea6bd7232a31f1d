"""How the whole suite is selected and ordered."""

pytest_plugins = ["tests.plugins.real_hosts", "tests.plugins.longest_first", "tests.plugins.promises"]
