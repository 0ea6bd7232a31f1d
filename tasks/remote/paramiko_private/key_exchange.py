"""A key exchange that does not wait for the server's first word, and how far the server is."""

from __future__ import annotations

import time
from typing import Any, ClassVar

from paramiko import Message, SSHException, Transport
from paramiko.kex_curve25519 import KexCurve25519

NEAR = 0.02                                 # seconds of a round trip


class WrongGuess(SSHException):
    """Both agree on another key exchange than the one that was begun."""


class EarlyKeyExchange(Transport):
    """A connection that may begin the key exchange before the server has said which ones it has. `round_trip`: the
    shortest wait for an answer so far, in seconds."""

    # paramiko has curve25519-sha256 by its older name only.
    _kex_info: ClassVar[dict[str, type]] = {
        "curve25519-sha256": KexCurve25519, **Transport._kex_info}  # type: ignore[attr-defined]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.round_trip = float("inf")
        self._asked = float("-inf")
        self.key_exchange = ""              # that both have agreed on
        self._guess: Any = None             # a key exchange that has begun before the server said what it has

    def note_question(self) -> None:
        """Something was asked that the server answers without much work."""
        self._asked = time.monotonic()

    def note_answer(self) -> None:
        self.round_trip = min(self.round_trip, time.monotonic() - self._asked)

    @property
    def is_near(self) -> bool:
        return self.round_trip < NEAR

    def guess(self, key_exchange: str) -> None:
        """Before the start: begin this key exchange right behind our version, as if both had agreed on it. Where they
        agree on another one, the connection ends with WrongGuess."""
        self._guess = self._kex_info[key_exchange](self)

    def _check_banner(self) -> None:
        own: Any = self
        if self._guess:
            self._send_kex_init()
            self._guess.start_kex()
            self._answers: tuple[int, ...] = own._expected_packet      # paramiko waits for the server's offer first
        before: Any = super()
        before._check_banner()

    def _send_kex_init(self) -> None:
        if self.local_kex_init is None:     # else it is on its way
            before: Any = super()
            before._send_kex_init()

    def _negotiate_keys(self, message: Message) -> None:
        before: Any = super()
        if self._guess is None:
            before._negotiate_keys(message)
            self.note_question()
            return
        guess, self._guess = self._guess, None
        self._parse_kex_init(message)
        if type(self.kex_engine) is not type(guess):
            raise WrongGuess(f"the server agrees on {self.key_exchange}")
        self.kex_engine = guess
        before._expect_packet(*self._answers)

    def _parse_kex_init(self, message: Message) -> None:
        before: Any = super()
        before._parse_kex_init(message)
        self.key_exchange = next(name for name in self.preferred_kex if self._kex_info[name] is type(self.kex_engine))

    def _set_K_H(self, key: int, digest: bytes) -> None:
        self.note_answer()
        before: Any = super()
        before._set_K_H(key, digest)
