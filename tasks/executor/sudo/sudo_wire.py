"""The messages between the executor and its helper: a request and its answer are a line of JSON each."""

from __future__ import annotations

import socket
from typing import Any, Dict

from ..errors import HostError, NotReady
from ..supervisor import rpc

Answer = Dict[str, Any]


def text_of(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def data_of(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def failure(error: Exception) -> Answer:
    """The answer where the request raised this."""
    if isinstance(error, rpc.Fault):
        return {"error": "fault", "args": [error.code, str(error)]}
    if isinstance(error, rpc.NotOk):
        return {"error": "not_ok", "args": [error.status, str(error)]}
    if isinstance(error, socket.timeout):
        return {"error": "timeout", "args": [str(error)]}
    if isinstance(error, OSError):
        return {"error": "os", "args": [error.errno, error.strerror, error.filename]}
    if isinstance(error, HostError):
        return {"error": "not_ready" if isinstance(error, NotReady) else "failed", "args": [error.message, error.hint]}
    return {"error": "failed", "args": [f"a bug in the sudo helper: {type(error).__name__}: {error}", "report it"]}


def result(answer: Answer) -> Any:
    """The value that the request returned; raises the error that it raised."""
    kinds = {"fault": rpc.Fault, "not_ok": rpc.NotOk, "timeout": socket.timeout, "os": OSError, "not_ready": NotReady,
             "failed": HostError}
    if "error" in answer:
        raise kinds[answer["error"]](*answer["args"])
    return answer["result"]
