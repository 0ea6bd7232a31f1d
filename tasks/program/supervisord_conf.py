"""The text of a supervisord.conf of our own: the smallest with which Fabvisor works."""

from __future__ import annotations

from collections.abc import Iterable


def supervisord_conf(include: str, options: Iterable[str] = ()) -> str:
    """The text. Everything lies beside it, and its socket is closed to all other users.

    `include`: the value of `files`; `options`: more lines of [supervisord].
    """
    return "\n".join([
        "[unix_http_server]",
        "file=%(here)s/supervisor.sock",
        "chmod=0700",
        "",
        "[supervisord]",
        *options,
        "logfile=%(here)s/supervisord.log",
        "pidfile=%(here)s/supervisord.pid",
        "childlogdir=%(here)s",
        "",
        "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface",
        "",
        "[supervisorctl]",
        "serverurl=unix://%(here)s/supervisor.sock",
        "",
        "[include]",
        f"files = {include}",
        ""])
