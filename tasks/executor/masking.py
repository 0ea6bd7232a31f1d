"""Masks secrets in messages and logs; the environment files list them."""

from __future__ import annotations

from typing import Any, Iterable, Mapping

from .protocol import MASK, SECRET_NAMES, SHORTEST_SECRET

# The fields of messages that are texts for people. All others (names, commits, states) stay as they are.
TEXTS = ("line", "why", "message", "hint", "remedy", "detail", "trace")


class Mask:
    def __init__(self) -> None:
        self._raw: set[bytes] = set()
        self._words: list[str] = []

    @property
    def longest(self) -> int:
        """Bytes of the longest secret; it has no more characters than that."""
        return max(map(len, self._raw), default=0)

    def learn(self, env_file: str) -> None:
        """Mask the secrets of this environment file from now on."""
        self.learn_words(_secrets(env_file))

    def learn_words(self, words: Iterable[str]) -> None:
        """Mask these words from now on."""
        self._raw.update(*map(_lines, words))
        # Output has a ? for each byte that is not UTF-8.
        self._words = sorted({word.decode("utf-8", "replace") for word in self._raw}, key=len, reverse=True)

    def learn_logins(self, services: list[Mapping[str, Any]]) -> None:
        """Mask the passwords of the git server from now on."""
        logins = [service["login"] for service in services if service["login"]]
        self.learn_words(login["password"] or login["user"] for login in logins)

    def __call__(self, text: str) -> str:
        for word in self._words:
            text = text.replace(word, MASK)
        return text

    def is_open(self, data: bytes) -> bool:
        """The end of `data` may be the beginning of a secret, whose rest is still to come."""
        return self.uncut(data, len(data)) < len(data)

    def uncut(self, data: bytes, end: int) -> int:
        """The last place up to `end` that cuts no secret in two, whole or only begun in `data`."""
        cut = end
        while True:
            starts = [start for word in self._raw for start in _starts(word, data, cut)]
            if not starts:
                return cut
            cut = min(starts)

    def message(self, value: Any) -> Any:
        """A message with its texts masked."""
        if not self._words:
            return value
        if isinstance(value, dict):
            return {key: self(item) if key in TEXTS and isinstance(item, str) else self.message(item)
                    for key, item in value.items()}
        return [self.message(item) for item in value] if isinstance(value, list) else value


def _lines(value: str) -> list[bytes]:
    """A secret of several lines is masked line by line, as output is sent, whatever ends the lines."""
    lines = [*value.splitlines(), *value.replace("\r", "\n").split("\n")]
    lines += [line.strip() for line in lines]
    return [line.encode("utf-8", "surrogateescape") for line in lines if len(line) >= SHORTEST_SECRET]


def _starts(word: bytes, data: bytes, cut: int) -> list[int]:
    """The places where `word` begins before the cut and goes on behind it, as far as there is data."""
    first = max(0, cut - len(word) + 1)
    return [start for start in range(first, cut) if word.startswith(data[start:start + len(word)])]


def secret_names(env_file: str) -> list[str]:
    """The names of the secrets, from the second line of an environment file."""
    head = env_file.split("\n", 2)
    return head[1][len(SECRET_NAMES):].split() if len(head) == 3 and head[1].startswith(SECRET_NAMES) else []


def values(env_file: str) -> dict[str, str]:
    """The variables of an environment file, by name; those of one program alone as PROGRAM:NAME. {} for a file that
    somebody edited and that cannot be read."""
    import shlex  # only where there is something to read

    body = env_file.partition("\n")[2]
    if body.startswith(SECRET_NAMES):
        body = body.partition("\n")[2]
    try:
        words = shlex.split(body)
    except ValueError:
        return {}
    pairs = {}
    program = ""
    for before, word in zip(["", *words], words):
        name, equals, value = word.partition("=")
        if before == "in" or word == "esac":            # of `case $1 in NAME)`
            program = word[:-1] + ":" if before == "in" else ""
        elif equals:
            pairs[program + name] = value
    return pairs


def _secrets(env_file: str) -> list[str]:
    names = secret_names(env_file)
    return [value for name, value in values(env_file).items() if name in names] if names else []
