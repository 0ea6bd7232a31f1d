"""A TCP proxy that can be slow, frozen or cut: for latency, and for peers that die without a word."""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress


class Proxy:
    """`with Proxy(host, port, delay=0.05) as proxy:` listens on proxy.host, proxy.port. `delay` is in seconds,
    each direction. freeze(): nothing gets through any more, both ends stay open; thaw(); cut(): resets all.
    While `refusing`, it closes each new connection."""

    host = "127.0.0.1"

    def __init__(self, host: str, port: int, delay: float = 0) -> None:
        self.target = (host, port)
        self.delay = delay
        self.refusing = False
        self._flows = threading.Event()
        self._flows.set()
        self._over = threading.Event()
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server((self.host, 0))
        self.port = int(self._listener.getsockname()[1])

    def __enter__(self) -> Proxy:
        _thread(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._flows.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def freeze(self) -> None:
        self._flows.clear()

    def thaw(self) -> None:
        self._flows.set()

    def cut(self) -> None:
        for link in self._sockets:
            with suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self.refusing:
                    client.close()
                    continue
                try:
                    server = socket.create_connection(self.target)
                except OSError:
                    client.close()
                    continue
                for link in (client, server):
                    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._sockets += [client, server]
                _Pipe(self, client, server, self.of_client)
                _Pipe(self, server, client, self.of_server)

    def of_client(self, data: bytes) -> None:
        """For a proxy that looks at what it carries, or holds it back: `data` is to be sent on next."""

    def of_server(self, data: bytes) -> None:
        """As of_client."""

    def wait_open(self) -> bool:
        """Returns once traffic may flow; False when the proxy has ended."""
        self._flows.wait()
        return not self._over.is_set()


class _Pipe:
    """One direction: a thread that reads and one that writes `delay` later, so that delay limits no throughput."""

    def __init__(self, proxy: Proxy, source: socket.socket, sink: socket.socket, note: Callable[[bytes], None]) -> None:
        self.proxy, self.source, self.sink, self.note = proxy, source, sink, note
        self.queue: deque[tuple[float, bytes]] = deque()
        self.size = 0
        self.changed = threading.Condition()
        _thread(self._read)
        _thread(self._write)

    def _read(self) -> None:
        data = b"-"
        while data:
            if not self.proxy.wait_open():
                return
            try:
                data = self.source.recv(65536)
                # The kernel here would acknowledge up to 40 ms later, which no wire does: sshd waits for that.
                self.source.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            except OSError:
                data = b""
            with self.changed:
                self.changed.wait_for(lambda: self.size < 2**20)
                self.queue.append((time.monotonic() + self.proxy.delay, data))
                self.size += len(data)
                self.changed.notify_all()

    def _write(self) -> None:
        while True:
            with self.changed:
                self.changed.wait_for(lambda: bool(self.queue))
                due, data = self.queue.popleft()
                self.size -= len(data)
                self.changed.notify_all()
            if (wait := due - time.monotonic()) > 0:
                time.sleep(wait)
            if not self.proxy.wait_open():
                return
            try:
                if data:
                    self.note(data)
                    self.sink.sendall(data)
                    continue
                self.sink.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            return


def _thread(work: object) -> None:
    threading.Thread(target=work, daemon=True, name="proxy").start()  # type: ignore[arg-type]
