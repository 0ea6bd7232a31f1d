"""Both outputs of a channel, read by one thread."""

from __future__ import annotations

import threading

from paramiko import Channel

SIZE = 65536                                # bytes


class Output:
    """The two streams share one window: unread, one of them would stop the other."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._arrived = threading.Event()   # a pipe sets it before it takes data, and clears it when it is read empty
        channel.in_buffer.set_event(self._arrived)
        channel.in_stderr_buffer.set_event(self._arrived)

    def read(self) -> tuple[bytes, bytes]:
        """The bytes that arrived on standard output and standard error. Waits for some; both are empty at the end."""
        channel = self._channel
        while True:
            is_over = channel.eof_received or channel.closed        # asked first: data may come before the end
            out = channel.recv(SIZE) if channel.recv_ready() else b""
            err = channel.recv_stderr(SIZE) if channel.recv_stderr_ready() else b""
            if out or err or is_over:
                return out, err
            self._arrived.wait()
