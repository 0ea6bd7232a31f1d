from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from typing import Any, BinaryIO

import pytest

from tasks.executor.errors import Aborted
from tasks.executor.link import MOST_EVENTS, Link
from tasks.executor.message_check import NotInProtocol
from tests.support.lab import wait_for


class Ends:
    def __init__(self) -> None:
        read, self.to_link = os.pipe()
        self.from_link, write = os.pipe()
        self.files: list[BinaryIO] = [os.fdopen(read, "rb"), os.fdopen(write, "wb")]
        self.link = Link(self.files[0], self.files[1])

    def say(self, *messages: Any) -> None:
        os.write(self.to_link, b"".join(json.dumps(one).encode() + b"\n" for one in messages))


@pytest.fixture
def ends() -> Iterator[Ends]:
    made = Ends()
    yield made
    for fd in (made.to_link, made.from_link):
        try:
            os.close(fd)
        except OSError:
            pass


def test_link_receives_messages_in_order_and_skips_noise(ends: Ends) -> None:
    ends.link.start()
    os.write(ends.to_link, b"not json\n\n")
    ends.say({"do": "beat"}, {"do": "retry"}, {"do": "commit"})
    assert [ends.link.receive()["do"] for _ in range(2)] == ["retry", "commit"]


@pytest.mark.parametrize("line", [b"[1, 2]\n", b"3\n", b'"x"\n', b"null\n", b"[" * 100_000 + b"\n", b"\xff\xfe\n"])
def test_link_goes_on_after_odd_lines(ends: Ends, line: bytes) -> None:
    ends.link.start()
    ends.link.start_lease(5)
    os.write(ends.to_link, line if len(line) < 60_000 else line[-50_000:])
    ends.say({"do": "retry"})
    assert ends.link.receive() == {"do": "retry"}


def test_receive_refuses_what_the_client_cannot_say(ends: Ends) -> None:
    ends.link.start()
    ends.say({"do": "dance"})
    with pytest.raises(NotInProtocol):
        ends.link.receive()


def test_abort_wakes_a_receiver_without_lease(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first message there is no lease, and the wait has no limit."""
    waiting, real, ended = threading.Event(), ends.link._inbox.get, threading.Event()
    monkeypatch.setattr(ends.link._inbox, "get", lambda *args, **more: (waiting.set(), real(*args, **more))[1])

    def receive() -> None:
        with pytest.raises(Aborted):
            ends.link.receive()
        ended.set()

    threading.Thread(target=receive, daemon=True).start()
    assert waiting.wait(30)
    ends.link.start()
    ends.say({"do": "abort"})
    assert ended.wait(30)


@pytest.mark.promise(3)
def test_receive_raises_aborted_on_abort_and_at_end_of_input(ends: Ends) -> None:
    ends.link.start()
    ends.link.start_lease(30)
    ends.link.raise_if_aborted()
    ends.say({"do": "abort", "why": "changed my mind"})
    with pytest.raises(Aborted, match="changed my mind"):
        ends.link.receive()
    other = Ends()
    other.link.start()
    os.close(other.to_link)
    with pytest.raises(Aborted, match="ended"):
        other.link.receive()
    os.close(other.from_link)


@pytest.mark.promise(3)
def test_messages_after_the_lease_are_ignored(ends: Ends) -> None:
    ends.link.start_lease(0.01)
    wait_for(lambda: _lapsed(ends.link), "the lease")
    ends.link.start()                               # the thread that reads only gets to run now
    ends.say({"do": "commit"}, {"do": "beat"})
    with pytest.raises(Aborted, match="was silent for"):
        ends.link.receive()
    with pytest.raises(Aborted):                    # and a late beat brings nothing back
        ends.link.receive()


def test_full_link_drops_events_but_no_answer(ends: Ends) -> None:
    for number in range(3 * MOST_EVENTS):           # nothing is written yet: the writer has not started
        ends.link.event({"event": "output", "n": number})
    ends.link.answer({"event": "committed"})
    ends.link.start()
    text = b""
    while b"committed" not in text:
        text += os.read(ends.from_link, 1 << 16)
    assert text.count(b"\n") == MOST_EVENTS + 1


def test_last_answer_is_sent_after_the_input_has_ended(ends: Ends) -> None:
    ends.link.start()
    os.close(ends.to_link)
    with pytest.raises(Aborted):
        ends.link.receive()
    ends.link.answer({"event": "restored"})
    ends.link.drain(10)
    assert os.read(ends.from_link, 1000) == b'{"event": "restored"}\n'


def test_link_does_not_block_when_its_reader_is_gone(ends: Ends) -> None:
    ends.link.start()
    os.close(ends.from_link)
    ends.link.answer({"event": "x"})
    ends.link.drain(20)
    with pytest.raises(Aborted):
        ends.link.receive()


def _lapsed(link: Link) -> bool:
    try:
        link.raise_if_aborted()
    except Aborted:
        return True
    return False


@pytest.mark.promise(3)
def test_commit_received_in_time_is_carried_out_undisturbed(ends: Ends) -> None:
    """The client is gone right behind its last word; only while that is carried out does it not matter."""
    ends.link.start()
    ends.say({"do": "commit"})
    os.close(ends.to_link)
    wait_for(lambda: ends.link._gone, "the end of the connection")
    assert ends.link.receive() == {"do": "commit"}
    with ends.link.uninterruptible():
        ends.link.raise_if_aborted()
    with pytest.raises(Aborted):
        ends.link.raise_if_aborted()
    with pytest.raises(Aborted):
        ends.link.receive()
