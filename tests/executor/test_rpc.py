"""XML-RPC of our own: it reads what Python's own writes, which supervisord uses."""

from __future__ import annotations

import xmlrpc.client
from typing import Any
from xml.parsers import expat

import pytest

from tasks.executor.supervisor import rpc

INFO = {"name": "a <b> & c", "pid": 12, "spawnerr": "", "description": "é\n  x ]]> " * 2000, "autostart": True,
        "exitcodes": [0, -2], "empty": [], "none": {}, "inner": {"deep": [{"er": False}]}}


@pytest.mark.parametrize("value", [INFO, [INFO, INFO], [], {}, "", "x", 7, True, False, "<fault>"])
def test_answer_is_read_as_it_was_written(value: Any) -> None:
    read = rpc._read(xmlrpc.client.dumps((value,), methodresponse=True).encode())
    assert read == value and type(read) is type(value)


def test_only_a_fault_has_its_tag() -> None:
    fault = xmlrpc.client.dumps(xmlrpc.client.Fault(10, "BAD_NAME: <fault>")).encode()
    assert rpc._read(fault) == {"faultCode": 10, "faultString": "BAD_NAME: <fault>"}
    assert fault.count(b"<fault>") == 1
    assert b"<fault>" not in xmlrpc.client.dumps(("<fault>",), methodresponse=True).encode()


@pytest.mark.parametrize("answer", [b"", b"<methodResponse>", b"<html></html>", b"<params></params>",
                                    b"<p><int>1</int><int>2</int></p>", b"<value><int>x</int></value>"])
def test_answer_that_holds_no_single_value_cannot_be_read(answer: bytes) -> None:
    with pytest.raises((expat.ExpatError, ValueError)):
        rpc._read(answer)
