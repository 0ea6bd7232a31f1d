"""The words of a command line, before Invoke reads them."""

from __future__ import annotations

import pytest
from invoke.parser.argument import Argument
from invoke.parser.context import ParserContext

from tasks._typed_words import given_twice


@pytest.mark.parametrize("service", [["api"], ["--service", "api"], ["--service=api"]])
def test_option_of_the_next_command_is_not_given_twice(service: list[str]) -> None:
    arguments = Argument(name="service", positional=True), Argument(names=("lines", "n"), kind=int)
    words = ["history", *service, "-n3", "history", *service, "-n4"]
    assert given_twice(words, {"history": ParserContext("history", args=arguments)}) == ""
    assert given_twice([*words, "--lines=5"], {"history": ParserContext("history", args=arguments)}) == "--lines"
