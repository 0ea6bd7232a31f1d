"""A session that is asked for, and not waited for yet."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

from paramiko import Channel, Message, SSHException
from paramiko.common import cMSG_CHANNEL_DATA, cMSG_CHANNEL_OPEN, cMSG_CHANNEL_REQUEST

FIRST_CHANNEL = 0                           # OpenSSH's number for it
MOST_DATA = 32_000                          # bytes of a message; OpenSSH takes 32 KiB, and 2 MiB before it answers


class _Channel(Channel):
    """Data was sent in it before the server had given it a window: what the server gives pays for that first."""

    def __init__(self, number: int, sent: int) -> None:
        super().__init__(number)
        self._unpaid = sent

    def _window_adjust(self, message: Message) -> None:
        size = message.get_int()
        paid = min(size, self._unpaid)
        self._unpaid -= paid
        rest = Message()
        rest.add_int(size - paid)
        rest.rewind()
        before: Any = super()
        before._window_adjust(rest)


class SessionRequest:
    """Transport.open_channel in two halves. `command` is requested with the channel; "": none. `data`: what the command
    reads first."""

    def __init__(self, transport: Any, command: str, data: bytes = b"") -> None:
        self.command = command
        window, packet = transport.default_window_size, transport.default_max_packet_size
        with transport.lock:
            self._number = transport._next_channel()
            channel: Any = _Channel(self._number, len(data))
            self._channel: Channel = channel        # the transport has a weak reference only
            transport._channels.put(self._number, channel)
            transport.channel_events[self._number] = self._answered = threading.Event()
            transport.channels_seen[self._number] = True
            channel._set_transport(transport)
            channel._set_window(window, packet)
        message = Message()
        message.add_byte(cMSG_CHANNEL_OPEN)
        message.add_string("session")
        for number in (self._number, window, packet):
            message.add_int(number)
        transport._send_message(message)
        if command:
            transport._send_message(exec_message(FIRST_CHANNEL, command))
        with contextlib.suppress(EOFError, OSError):        # a server that ends the connection has said why
            for start in range(0, len(data), MOST_DATA):
                transport._send_message(_data_message(FIRST_CHANNEL, data[start:start + MOST_DATA]))
        self._transport = transport

    def channel(self) -> Channel:
        """Waits for the answer; raises SSHException or EOFError as open_channel does."""
        if not self._answered.wait(self._transport.channel_timeout):
            raise SSHException("Timeout opening channel.")
        # What ran in one that is closed already, as where there is no such command, has said why it ended.
        is_open = self._transport._channels.get(self._number) is not None or self._channel.closed
        if not is_open or not self._transport.is_active():
            raise self._transport.get_exception() or SSHException("Unable to open channel.")
        return self._channel


def exec_message(channel: int, command: str) -> Message:
    """`channel`: the server's number."""
    message = Message()
    message.add_byte(cMSG_CHANNEL_REQUEST)
    message.add_int(channel)
    message.add_string("exec")
    message.add_boolean(True)
    message.add_string(command)
    return message


def _data_message(channel: int, data: bytes) -> Message:
    message = Message()
    message.add_byte(cMSG_CHANNEL_DATA)
    message.add_int(channel)
    message.add_string(data)
    return message
