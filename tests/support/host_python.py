"""The Python of a host on this machine: where an executor starts, it has the server of executors fork it.

It costs a third less processor time than an executor that imports what it takes of Python's library. Whatever else is
asked of this Python, or in another locale, the real one does.
"""

from __future__ import annotations

import sys
from functools import cache

from tests.support.forked import OPTIONS, ForkedExecutor, executors

# It ends as the executor does, and the executor with it. As long as it lives, it holds none of its streams.
SCRIPT = """\
#!{python} -IS
import _socket, marshal, os, sys
from _signal import SIGHUP, SIG_IGN, signal

CHANGES_THE_START = "LC_", "LANG", "LD_"
COERCED = "LC_CTYPE", "C.UTF-8"         # by Python itself

*options, code = sys.argv[1:] or [""]
changed = [one for one in os.environ.items() if one[0].startswith(CHANGES_THE_START) and one != COERCED]
if changed or options != [{options}, "-c"]:
    os.execv({python!r}, [{python!r}, *sys.argv[1:]])
signal(SIGHUP, SIG_IGN)                 # the undo outlives the connection
request = os.memfd_create("request")
os.umask(umask := os.umask(0o077))
os.write(request, marshal.dumps([[code], os.getcwd(), dict(os.environ), umask]))
os.lseek(request, 0, 0)
status, its_status = os.pipe()
server = _socket.socket(_socket.AF_UNIX)
server.connect({path!r})
given = b"".join(fd.to_bytes(4, sys.byteorder) for fd in (0, 1, 2, its_status, request))
server.sendmsg([b"1"], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, given)])
for fd in (0, 1, 2, its_status, server.detach()):
    os.close(fd)
said = b""
while part := os.read(status, 100):
    said += part
code = int(said.split()[1])
if code < 0:
    os.kill(os.getpid(), -code)
os._exit(code)
"""


@cache
def host_python() -> str:
    """The path of it. The server has imported all by then: a client waits only so long for an executor's first word."""
    first = ForkedExecutor("", {})
    first.wait()
    for file in (first.stdin, first.stdout, first.stderr):
        file.close()
    path = executors()[1]
    script = path.with_name("python")
    script.write_text(SCRIPT.format(python=sys.executable, options=", ".join(map(repr, OPTIONS)), path=str(path)))
    script.chmod(0o755)
    return str(script)
