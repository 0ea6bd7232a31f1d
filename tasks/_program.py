"""Fabric's program, as ./fab runs it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import fabric
from fabric.main import Fab
from invoke.exceptions import Exit, ParseError

MISSING = "did not receive required positional arguments"       # Invoke's words


class Program(Fab):  # type: ignore[misc]
    """A wrong value of Fabric's own options is a line of text and exit code 2, not a traceback."""

    def __init__(self) -> None:
        super().__init__(name="Fabric", version=fabric.__version__, executor_class=fabric.Executor,
                         config_class=fabric.Config)

    def parse_core(self, argv: Any) -> None:
        with _in_words():
            super().parse_core(logins_in_one_word(argv))

    def parse_tasks(self) -> None:
        """A command without its positional argument gets an empty one, and says which services or hosts there are."""
        with _in_words():
            try:
                super().parse_tasks()
            except ParseError as error:
                if error.context is None or MISSING not in str(error):
                    raise
                self.core.unparsed += [""] * len(error.context.missing_positional_args)
                super().parse_tasks()

    def update_config(self, merge: bool = True) -> None:
        with _in_words():
            super().update_config()


def logins_in_one_word(argv: list[str]) -> list[str]:
    """`adopt USER@HOST USER@HOST` with a comma between the hosts: a positional argument of Invoke is one word."""
    if "adopt" not in argv:
        return argv
    begin = argv.index("adopt") + 1
    logins = [word for word in argv[begin:] if "@" in word and not word.startswith("-")]
    others = [word for word in argv[begin:] if word not in logins]
    return [*argv[:begin], *([",".join(logins)] if logins else []), *others]


@contextlib.contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except (Exit, ParseError):
        raise
    except EOFError:
        raise Exit("fab: a password can be asked for on a terminal only; put it into FABRIC_SUDO_PASSWORD",
                   code=2) from None
    except Exception as error:
        raise Exit(f"fab: an option of Fabric has a wrong value: {str(error) or type(error).__name__}; see fab --help",
                   code=2) from None
