"""A wire between the client and the hosts, on which TCP begins slowly: a proxy passes on whatever comes, whereas a
wire makes a sender wait for acknowledgements."""

from __future__ import annotations

import ctypes
import fcntl
import os
import select
import struct
import subprocess
import threading
import time
from collections import deque
from contextlib import suppress
from typing import Any

from tests.bench.sides import Yard
from tests.support.proxy import Proxy

HERE, THERE = "10.9.0.1", "10.9.0.2"
DEVICE = "/dev/net/tun"
CLONE_NEWNET = 0x40000000                   # unshare(2)
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000       # linux/if_tun.h
IPV4 = 4


class Wire:
    """What this machine sends to THERE comes back as if THERE had sent it to HERE, `delay` seconds later: so each
    address is a neighbour of the other, with the kernel's own TCP. A context manager: this thread, and what it starts,
    is in a network of its own meanwhile. Needs root."""

    def __init__(self, delay: float) -> None:
        self.delay = delay
        self._over = threading.Event()

    def __enter__(self) -> Wire:
        self._network = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        _check(ctypes.CDLL(None).unshare(CLONE_NEWNET))
        self._device = os.open(DEVICE, os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self._device, TUNSETIFF, struct.pack("16sH22x", b"wire", IFF_TUN | IFF_NO_PI))
        for words in ("link set lo up", f"address add {HERE}/24 dev wire", "link set wire up"):
            subprocess.run(["ip", *words.split()], check=True)
        self._carrier = threading.Thread(target=self._carry, daemon=True)
        self._carrier.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._carrier.join()
        os.close(self._device)
        _check(ctypes.CDLL(None).setns(self._network, CLONE_NEWNET))
        os.close(self._network)

    def _carry(self) -> None:
        waiting: deque[tuple[float, bytes]] = deque()
        while not self._over.is_set():
            left = waiting[0][0] - time.monotonic() if waiting else 0.1
            select.select([self._device], [], [], max(0, left))
            due = time.monotonic() + self.delay
            with suppress(BlockingIOError):
                while packet := os.read(self._device, 65536):
                    if packet[0] >> 4 == IPV4:
                        waiting.append((due, _sent_back(packet)))
            while waiting and waiting[0][0] <= time.monotonic():
                os.write(self._device, waiting.popleft()[1])


def is_possible() -> bool:
    return os.geteuid() == 0 and os.path.exists(DEVICE)


def _sent_back(packet: bytes) -> bytes:
    """From where it goes to, to where it comes from. The sums of IP and TCP stay the same."""
    return packet[:12] + packet[16:20] + packet[12:16] + packet[20:]


def _check(result: int) -> None:
    if result:
        raise OSError("this takes root, and a kernel with namespaces")


class _End(Proxy):
    """Of the wire, in front of a host."""

    host = HERE


class WireYard(Yard):
    """Hosts at the other end of a wire."""

    def __enter__(self) -> WireYard:
        self.wire = Wire(self.delay).__enter__()
        super().__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        super().__exit__(*exc)
        self.wire.__exit__()

    def _way_to(self, host: Any) -> tuple[str, int]:
        return THERE, self._through(_End(host.sshd.host, host.sshd.port))
