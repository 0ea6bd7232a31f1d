"""The supervised program: bringing it in line with its file, and watching it come up."""

from __future__ import annotations

import time
from typing import Any, Mapping

from .errors import HostError
from .here import Here
from .locks import reload_lock
from .supervisord import Supervisord, reason


def renew(here: Here, supervisord: Supervisord) -> bool:
    """Bring the active group (stopped now) in line with the configuration file."""
    with reload_lock(here.place):
        added, changed, _ = supervisord.reload()
        if here.name in changed:
            supervisord.remove(here.name)
        renewed = here.name in changed or here.name in added
        if renewed:
            supervisord.add(here.name)
    return renewed


def stop(here: Here, supervisord: Supervisord, patience: float) -> None:
    """supervisord kills what does not end within its stopwaitsecs; whoever waits for that is told."""
    supervisord.stop(here.name, patience,
                     lambda: here.waiting("for %s to stop (up to %g s)" % (here.name, patience)))


def wait_until_up(here: Here, supervisord: Supervisord, startsecs: float) -> None:
    begin, running_since, pid, pause = time.monotonic(), None, None, 0.01
    while True:
        here.check()
        info, now = supervisord.info(here.name), time.monotonic()
        state = info["statename"]
        pid = pid or info["pid"] or None
        fresh = state == "STOPPED" and pid is None and now - begin < 5
        if (state not in ("STARTING", "RUNNING") and not fresh) or (pid and info["pid"] not in (pid, 0)):
            here.say_log()
            raise fell(here, info)
        if state == "RUNNING" and pid == here.old_pid:
            raise HostError("supervisord did not start a new process (still pid %s)" % pid,
                            "see on the host: supervisorctl status %s" % here.name)
        if state == "RUNNING":
            running_since = running_since or now
            if now - running_since >= startsecs:
                here.pid, here.start = pid, info["start"]
                return
        if now - begin > 2 * startsecs + 60:
            raise HostError("still %s after %g s" % (state, now - begin),
                            "fab logs %s, or on the host: supervisorctl status %s" % (here.name, here.name))
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)


def keep_down(here: Here, supervisord: Supervisord, patience: float) -> None:
    """A group that was added starts by itself (autostart): begin it, so that there is one to stop."""
    try:
        supervisord.start(here.name)
    except HostError:
        pass                # it could not start before either
    stop(here, supervisord, patience)


def fell(here: Here, info: Mapping[str, Any]) -> HostError:
    """supervisord may have started it anew before we looked: that it runs says nothing then."""
    again = info["statename"] in ("STARTING", "RUNNING")
    return HostError("it did not stay up: " + ("it ended, and was started again" if again else word(info)),
                     "its last lines are above; more: fab logs %s" % here.name)


def word(info: Mapping[str, Any]) -> str:
    """supervisord's own word for the state of the program."""
    detail = reason(info)
    return "%s%s" % (info["statename"], " (%s)" % detail if detail else "")
