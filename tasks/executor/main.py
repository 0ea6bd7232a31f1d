"""Starts the executor: reads the first message, and runs the verb that it names."""

from __future__ import annotations

import contextlib
import io
import os
import signal
from importlib import import_module
from typing import Any, BinaryIO, Callable, Dict, Optional

from . import protocol
from .errors import Aborted, as_host_error, problem
from .layout import Layout
from .link import Link
from .state import own_state
from .sudo.sudo_accesses import SudoAccesses
from .system.login_env import LoginShell

# Returns the ending of the conversation; None: there is nothing more to say.
Verb = Callable[[Link, Dict[str, Any], Layout, Dict[str, str]], Optional[protocol.Ending]]


def main(source: BinaryIO, sink: BinaryIO, compile_ahead: Callable[[], None] = lambda: None) -> None:
    """`source` has the client's lines, `sink` takes ours. Ends the process. `compile_ahead`: prepares modules while
    there is nothing else to do."""
    # The undo must outlive the connection; SIG_IGN would be inherited by every step.
    signal.signal(signal.SIGHUP, lambda number, frame: None)
    os.umask(0o022 | os.umask(0o022))
    # `python -u` gives a raw file, whose write may be partial.
    link = Link(source, io.BufferedWriter(sink) if isinstance(sink, io.RawIOBase) else sink)
    link.start()
    login = LoginShell()
    compile_ahead()
    status = _converse(link, login)
    link.drain(5)
    # A reader thread is still in a read: an orderly exit of the interpreter would wait for its lock.
    os._exit(status)


# Those that always need what is supervisord's.
AT_SUPERVISORD = ("rollout", "plan", "status", "logs", "doctor")


def _sudo_accesses(link: Link, hello: dict[str, Any]) -> SudoAccesses:
    """Journals of earlier deploys may ask for sudo, too, whatever hosts.yaml says now."""
    password = hello.get("sudo_password")
    link.mask.learn_words([password] if password else [])
    return SudoAccesses([service["name"] for service in hello["services"]], password)


def _converse(link: Link, login: LoginShell) -> int:
    """Returns the exit status. Whatever happens, the conversation has one ending."""
    ending: protocol.Ending = {"event": "end"}
    status = 1
    try:
        hello = link.receive(protocol.VERBS)
        link.start_lease(hello["lease"])
        link.mask.learn_logins(hello["services"])
        accesses = _sudo_accesses(link, hello)
        layout = Layout(hello["place"], os.environ, accesses)
        if hello["do"] in AT_SUPERVISORD:
            layout.access.begin()               # it answers while we look elsewhere
        if hello["do"] not in ("doctor", "setup", "adopt"):     # they find it, and go on
            own_state.require(layout, [service["name"] for service in hello["services"]])
        from . import disk_secrets  # the login shell answers meanwhile

        disk_secrets.learn(link.mask, layout, hello["services"])
        # Imported once it is known which.
        module, function = protocol.VERB_FUNCTIONS[hello["do"]]
        verb: Verb = getattr(import_module("." + module, __package__), function)
        env = login.environment(hello["login_timeout"])
        if login.problem:
            link.answer({"event": "notice", "level": "warning", "message": (
                f"{login.problem}: what ~/.profile and the like set may be missing in builds, hooks and git")})
        ending = verb(link, hello, Layout(hello["place"], env, accesses, not login.problem), env) or ending
        status = 0
    except Aborted:
        pass
    except Exception as error:
        ending = {**problem(as_host_error(error)), "event": "problem"}
    link.answer(ending)
    with contextlib.suppress(Aborted):
        link.wait_for_room()
    return status
