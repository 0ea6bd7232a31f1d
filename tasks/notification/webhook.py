"""A message to a chat: an HTTP POST of JSON with `text`, as Slack, Mattermost and others take it.

https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/
"""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request

from ..inventory.secret import Secret, reveal
from .attempt import SECONDS


class Webhook:
    """An attempt on a thread of its own: names that are not found and answers that drip have no time limit."""

    def __init__(self, url: Secret, text: str) -> None:
        self._url = url
        self._body = json.dumps({"text": text}).encode()
        self._problem = ""
        self._thread = threading.Thread(target=self._send, daemon=True)
        self._thread.start()

    def is_over(self) -> bool:
        return not self._thread.is_alive()

    def problem(self) -> str:
        return self._problem

    def cancel(self) -> None:
        """The thread ends with the process."""

    def _send(self) -> None:
        """No error of urllib is shown as it is: it may hold the URL."""
        try:
            request = urllib.request.Request(reveal(self._url), self._body, {"Content-Type": "application/json"})
            if request.type not in ("http", "https"):
                self._problem = "its URL begins with neither http:// nor https://"
                return
            with urllib.request.urlopen(request, timeout=SECONDS):
                pass
        except urllib.error.HTTPError as error:
            self._problem = f"the server answers {error.code}"
        except urllib.error.URLError as error:
            self._problem = _words(error.reason)
        except OSError as error:
            self._problem = _words(error)
        except Exception as error:
            self._problem = f"it is no URL that can be used ({type(error).__name__})"


def _words(reason: object) -> str:
    return getattr(reason, "strerror", None) or ("no answer in time" if isinstance(reason, TimeoutError)
                                                 else type(reason).__name__)
