"""supervisord, by its XML-RPC API over the unix socket that supervisord.conf names.

States and fault codes are those of supervisor.states and supervisor.xmlrpc (4.3).
"""

from __future__ import annotations

import base64
import configparser
import fnmatch
import glob
import http.client
import os
import re
import socket
import time
import xmlrpc.client
from typing import Any, Dict, List, Mapping, Optional, Tuple

from .errors import HostError, NotReady
from .shell import Check

UP = ("STARTING", "RUNNING", "BACKOFF", "STOPPING")
BAD_NAME, CANT_REREAD, ALREADY_STARTED, NOT_RUNNING = 10, 92, 60, 70
ANSWER_WITHIN = 10


class Down(HostError):
    """supervisord does not answer."""

    kind = "not_ready"


class Refused(HostError):
    """supervisord answers with a fault; `code` as in supervisor.xmlrpc.Faults."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__("supervisord: " + message)
        self.code = code


class BadConfiguration(HostError):
    """supervisord refuses to read its configuration; `message` is its own word for it."""

    kind = "not_ready"


class Configuration:
    """What we need to know of a supervisord.conf: the socket, the credentials, the included files."""

    def __init__(self, path: str, env: Mapping[str, str]) -> None:
        self.path = path
        self.here = os.path.dirname(path)
        self._expansions = {"here": self.here, "host_node_name": os.uname().nodename}
        self._expansions.update(("ENV_" + name, value) for name, value in env.items())
        self._parser = _parse(path)

    def socket(self) -> str:
        file = self._get("unix_http_server", "file") or ""
        url = self._get("supervisorctl", "serverurl") or ""
        if not file and url.startswith("unix://"):
            file = url[len("unix://"):]
        if not file:
            raise NotReady("%s has no unix socket" % self.path,
                           "add to it: [unix_http_server] file=%s/supervisor.sock" % self.here)
        return os.path.join(self.here, os.path.expanduser(file))

    def credentials(self) -> Optional[Tuple[str, str]]:
        for section in ("unix_http_server", "supervisorctl"):
            user = self._get(section, "username")
            if user is not None:
                return user, self._get(section, "password") or ""
        return None

    def patterns(self) -> List[str]:
        return [os.path.join(self.here, pattern) for pattern in (self._get("include", "files") or "").split()]

    def includes(self, path: str) -> bool:
        """Whether a file of that name is, or would be, read."""
        folder, name = os.path.split(path)
        return any(os.path.realpath(os.path.dirname(pattern)) == os.path.realpath(folder)
                   and fnmatch.fnmatchcase(name, os.path.basename(pattern)) for pattern in self._folders())

    def elsewhere(self, program: str, own: str) -> Optional[Tuple[str, int]]:
        """(file, line) of a definition of the program, or of a group of its name, that is not in `own`."""
        section = re.compile(r"\s*\[(program|group|fcgi-program|eventlistener):%s\]" % re.escape(program))
        included = [path for pattern in self.patterns() for path in sorted(glob.glob(pattern))]
        for path in [self.path, *included]:
            if os.path.realpath(path) != os.path.realpath(own):
                for number, line in enumerate(_lines(path), 1):
                    if section.match(line):
                        return path, number
        return None

    def _folders(self) -> List[str]:
        """The include patterns, with patterns in their folders resolved to the folders that are there."""
        return [os.path.join(folder, os.path.basename(pattern)) for pattern in self.patterns()
                for folder in glob.glob(os.path.dirname(pattern)) or [os.path.dirname(pattern)]]

    def _get(self, section: str, option: str) -> Optional[str]:
        if not self._parser.has_option(section, option):
            return None
        text = self._parser.get(section, option)
        try:
            return text % self._expansions
        except (KeyError, ValueError, TypeError) as error:
            raise NotReady("%s: [%s] %s=%s cannot be expanded: %s" % (self.path, section, option, text, error),
                           "set the variable in the login environment of the host's user") from None


def sections(text: str) -> List[str]:
    return re.findall(r"(?m)^\s*\[([^\]]+)\]", text)


class Supervisord:
    def __init__(self, configuration: Configuration, check: Check = lambda: None) -> None:
        self._path = configuration.socket()
        self._check = check
        self._conf = configuration.path
        credentials = configuration.credentials()
        headers = []
        if credentials:
            secret = base64.b64encode(":".join(credentials).encode()).decode()
            headers.append(("Authorization", "Basic " + secret))
        self._proxy = xmlrpc.client.ServerProxy("http://supervisord/RPC2", transport=_Unix(self._path, headers))

    def reload(self) -> Tuple[List[str], List[str], List[str]]:
        """(added, changed, removed) groups against what runs. Starts and stops nothing."""
        try:
            ((added, changed, removed),) = self._call("reloadConfig")
        except Refused as fault:
            if fault.code == CANT_REREAD:
                raise BadConfiguration(fault.message.replace("supervisord: CANT_REREAD: ", "")) from None
            raise
        return added, changed, removed

    def info(self, program: str) -> Dict[str, Any]:
        """getProcessInfo; {"statename": "absent"} when supervisord does not know the program."""
        try:
            found: Dict[str, Any] = self._call("getProcessInfo", "%s:%s" % (program, program))
            return found
        except Refused as fault:
            if fault.code == BAD_NAME:
                return {"statename": "absent", "pid": 0, "start": 0, "spawnerr": "", "description": ""}
            raise

    def processes(self, program: str) -> List[str]:
        """The full names of what is in the group of that name."""
        return ["%s:%s" % (one["group"], one["name"]) for one in self._call("getAllProcessInfo")
                if one["group"] == program]

    def start(self, program: str) -> None:
        self._tolerating(ALREADY_STARTED, "startProcess", "%s:%s" % (program, program), False)

    def stop(self, program: str, patience: float) -> None:
        """Ask for it and wait until it is stopped; supervisord itself kills it after stopwaitsecs."""
        if self.info(program)["statename"] not in UP:
            return
        self._tolerating(NOT_RUNNING, "stopProcess", "%s:%s" % (program, program), False)
        deadline = time.monotonic() + patience
        while self.info(program)["statename"] in UP:
            self._check()
            if time.monotonic() > deadline:
                raise HostError("%s did not stop within %g s" % (program, patience))
            time.sleep(0.02)

    def add(self, program: str) -> None:
        self._call("addProcessGroup", program)

    def remove(self, program: str) -> None:
        self._call("removeProcessGroup", program)

    def _tolerating(self, code: int, method: str, *args: Any) -> None:
        try:
            self._call(method, *args)
        except Refused as fault:
            if fault.code != code:
                raise

    def _call(self, method: str, *args: Any) -> Any:
        try:
            return getattr(self._proxy.supervisor, method)(*args)
        except xmlrpc.client.Fault as fault:
            raise Refused(fault.faultCode, fault.faultString) from None
        except FileNotFoundError:
            why = "its socket %s does not exist" % self._path
        except ConnectionRefusedError:
            why = "its socket %s refuses connections" % self._path
        except PermissionError:
            raise Down("no permission to use supervisord's socket %s" % self._path,
                       "log in as the user that runs supervisord, or set chown/chmod in [unix_http_server]") from None
        except socket.timeout:
            why = "no answer within %d s" % ANSWER_WITHIN
        except xmlrpc.client.ProtocolError as error:
            if error.errcode == 401:
                raise Down("supervisord refuses the username and password in %s" % self._conf,
                           "restart supervisord, or correct [unix_http_server]") from None
            why = "HTTP %d %s" % (error.errcode, error.errmsg)
        except (OSError, http.client.HTTPException) as error:
            why = str(error) or type(error).__name__
        raise Down("supervisord is down: %s" % why, "start it on the host: supervisord -c %s" % self._conf)


class _Unix(xmlrpc.client.Transport):
    def __init__(self, path: str, headers: List[Tuple[str, str]]) -> None:
        super().__init__(headers=headers)
        self._path = path

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        if self._connection and self._connection[1]:
            return self._connection[1]
        connection = _UnixConnection(self._path)
        self._connection = host, connection
        return connection


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("supervisord", timeout=ANSWER_WITHIN)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(ANSWER_WITHIN)
        self.sock.connect(self._path)


def _parse(path: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(inline_comment_prefixes=(";", "#"), strict=False)
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            parser.read_file(file)
    except FileNotFoundError:
        raise NotReady("%s does not exist" % path, "correct `root` or `supervisord_conf` in hosts.yaml") from None
    except OSError as error:
        raise NotReady("cannot read %s: %s" % (path, error.strerror), "make it readable for the user") from None
    except configparser.Error as error:
        raise NotReady("%s cannot be parsed: %s" % (path, str(error).replace("\n", " ")), "correct it") from None
    return parser


def _lines(path: str) -> List[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.readlines()
    except OSError:
        return []
