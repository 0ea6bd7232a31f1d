"""Code that tests append to a copy of executor/main.py: one fault a host, read once, from armed/<host>.json in
the lab's folder.

{"at": the name of a point, "nth": which time it is passed, "do": what happens there}. Points are `step:NAME` (before
it is begun), `did:NAME`, `pack` (each piece of a pack from the client), `undo:NAME`, `undid:NAME`, `telling` (why it
failed), `commit`, `committed`, `restored`, and `disk` (every change of it). A power cut is more than a kill: what was
not synced is lost, in the way that POSIX allows at worst. What git and builds wrote into the service directory since
the last `sync` is empty then; git syncs its own files itself.
"""
import os
import signal
import time

from . import pack_channel as _pack_channel
from .service import context as _context
from .state import journal as _journal
from .transaction import transaction as _transaction
from .transaction import undo as _undo
from .verbs import participant as _participant

_real = {name: getattr(os, name) for name in ("open", "close", "write", "fsync", "replace", "unlink", "mkdir")}
_fault = {"at": "", "host": "", "path": "", "root": "\0", "passed": 0, "full": 0}


def _arm(root):
    import json

    lab, host, *_ = root.rsplit(os.sep, 4)
    path = os.path.join(lab, "armed", host)
    try:
        os.rename(path + ".json", path + ".armed")
    except OSError:
        return
    with open(path + ".armed") as file:
        _fault.update(json.load(file), host=host, path=path, root=root, passed=0)
    _disk.synced = _disk.tree()


def _point(name):
    if not name or _fault["at"] != name:
        return
    _fault["passed"] += 1
    if _fault["passed"] == _fault["nth"]:
        _DO[_fault["do"]]()


def _hold():
    _flag("reached")
    limit = time.monotonic() + 60
    while not _is_flagged("go") and time.monotonic() < limit:
        if _is_flagged("cut"):
            _power_cut()
        time.sleep(0.005)


def _flag(name):
    open(_fault["path"] + "." + name, "w").close()


def _is_flagged(name):
    return os.path.exists(_fault["path"] + "." + name)


def _kill():
    _flag("reached")
    os.kill(os.getpid(), signal.SIGKILL)


def _power_cut():
    _disk.lose()
    _kill()


def _jump():
    real, shift = time.time, _fault["seconds"]
    gmtime = time.gmtime
    time.time = lambda: real() + shift
    time.gmtime = lambda *when: gmtime(*when or [time.time()])


def _break():
    raise OSError(5, "Input/output error", "the armed disk")


def _full():
    _fault["full"] = _fault["writes"]


_DO = {"hold": _hold, "kill": _kill, "power cut": _power_cut, "jump": _jump, "break": _break, "full": _full,
       "count": lambda: None}


class _Disk:
    """What is not on the platter yet: contents by path, and changes of directories, newest last."""

    def __init__(self):
        self.paths = {}
        self.contents = {}
        self.entries = []
        self.synced = {}

    def tree(self):
        """What tells files of the service apart from what they become."""
        found = {}
        for folder, folders, names in os.walk(os.path.join(_fault["root"], "micro")):
            folders[:] = [name for name in folders if name not in (".git", "logs")]
            for path in (os.path.join(folder, name) for name in names):
                about = os.lstat(path)
                found[path] = about.st_ino, about.st_size, about.st_mtime_ns
        return found

    def open(self, path, flags, *rest, **more):
        writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) and str(path).startswith(_fault["root"])
        if writes:
            _point("disk")
            self._space(flags & os.O_CREAT)
            there = os.path.lexists(path)
            if not there:
                self.contents[path] = b""
                self.entries.append((os.path.dirname(path), lambda: _gone(path)))
            elif flags & os.O_TRUNC:
                self._keep(path)
        fd = _real["open"](path, flags, *rest, **more)
        self.paths[fd] = path
        return fd

    def close(self, fd):
        self.paths.pop(fd, None)
        _real["close"](fd)

    def write(self, fd, data):
        path = self.paths.get(fd)
        if path and path.startswith(_fault["root"]):
            _point("disk")
            self._space(True)
            self._keep(path)
        return _real["write"](fd, data)

    def fsync(self, fd):
        path = self.paths.get(fd, "")
        if path.startswith(_fault["root"]):
            _point("disk")
        _real["fsync"](fd)
        self.contents.pop(path, None)
        self.entries = [entry for entry in self.entries if entry[0] != path]

    def replace(self, aside, path):
        if not path.startswith(_fault["root"]):
            return _real["replace"](aside, path)
        _point("disk")
        old = _state(path)
        _real["replace"](aside, path)
        if aside in self.contents:
            self.contents[path] = self.contents.pop(aside)

        def back():
            _real["replace"](path, aside)
            _put(path, old)
        self.entries.append((os.path.dirname(path), back))

    def unlink(self, path, **more):
        if more or not str(path).startswith(_fault["root"]):
            return _real["unlink"](path, **more)
        _point("disk")
        old = _state(path)
        _real["unlink"](path)
        self.contents.pop(path, None)
        self.entries.append((os.path.dirname(path), lambda: _put(path, old)))

    def mkdir(self, path, *rest, **more):
        _real["mkdir"](path, *rest, **more)
        if str(path).startswith(_fault["root"] + "/.fabvisor"):
            self.entries.append((os.path.dirname(path), lambda: _gone(path)))

    def lose(self):
        for path, about in self.tree().items():
            if self.synced.get(path) != about and not os.path.islink(path):
                os.truncate(path, 0)
        for path, data in self.contents.items():
            if os.path.exists(path):
                with open(path, "wb") as file:
                    file.write(data)
        for _, back in reversed(self.entries):
            back()

    def _keep(self, path):
        if path not in self.contents:
            with open(path, "rb") as file:
                self.contents[path] = file.read()

    def _space(self, writes):
        if writes and _fault["full"]:
            _fault["full"] -= 1
            raise OSError(28, "No space left on device", "the armed disk")


def _state(path):
    try:
        with open(path, "rb") as file:
            return file.read(), os.fstat(file.fileno()).st_mode & 0o777
    except OSError:
        return None


def _put(path, state):
    if state is not None and os.path.isdir(os.path.dirname(path)):
        with open(path, "wb") as file:
            file.write(state[0])
        os.chmod(path, state[1])


def _gone(path):
    import shutil

    if os.path.isdir(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        _real["unlink"](path)


_disk = _Disk()
for _name in _real:
    setattr(os, _name, getattr(_disk, _name))


def _around(owner, name, before, after):
    real = getattr(owner, name)

    def wrapped(*args, **more):
        _point(before(*args))
        found = real(*args, **more)
        _point(after(*args))
        return found
    setattr(owner, name, wrapped)


_init = _participant.Participant.__init__


def _armed_init(self, *args):
    _init(self, *args)
    _arm(self.layout.root)


_participant.Participant.__init__ = _armed_init
_sync = _context.ServiceContext.sync


def _noted_sync(self, folder):
    found = _sync(self, folder)
    if _fault["host"]:
        _disk.synced = _disk.tree()
    return found


_context.ServiceContext.sync = _noted_sync
_around(_transaction.Transaction, "_run_step", lambda it, written, service, step: "step:" + step["name"],
        lambda it, written, service, step: "did:" + step["name"])
_around(_transaction.Transaction, "_report_failure", lambda it, error: "telling", lambda it, error: "")
_around(_journal.Journal, "begin", lambda it, service, step: "", lambda it, service, step: "begun:" + step)
_around(_journal.Journal, "commit", lambda left, *args: "commit", lambda left, *args: "committed")
_around(_undo.Undo, "_undo_step", lambda it, service, step: "undo:" + step["name"],
        lambda it, service, step: "undid:" + step["name"])
_around(_undo.Undo, "run", lambda it, *args: "", lambda it, *args: "restored")


def _pieces(*args):
    for piece in _real_pieces(*args):
        yield piece
        _point("pack")


_real_pieces, _pack_channel._request = _pack_channel._request, _pieces
