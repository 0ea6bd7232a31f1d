"""The monitor: /healthz says ok, / says what runs. It is told by PORT, RUN_MODE and LOG_LEVEL."""

from __future__ import annotations

import json
import logging
import os
import pkgutil
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer

logger = logging.getLogger("monitor")


class Server(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    facts: dict[str, str]
    started: float


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        if self.path == "/healthz":
            self.answer(200, "text/plain", "ok\n")
        elif self.path == "/":
            uptime = round(time.monotonic() - self.server.started, 1)
            self.answer(200, "application/json", json.dumps({**self.server.facts, "uptime": uptime}) + "\n")
        else:
            self.answer(404, "text/plain", "nothing here\n")

    def answer(self, status: int, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        logger.info(format, *args)


def main() -> None:
    logging.basicConfig(stream=sys.stdout, level=os.environ.get("LOG_LEVEL", "info").upper(),
                        format="%(asctime)s %(levelname)s %(message)s")
    facts = json.loads(pkgutil.get_data("service", "build.json") or b"{}")
    facts["run_mode"] = os.environ.get("RUN_MODE", "none")
    with Server(("127.0.0.1", int(os.environ.get("PORT", "8080"))), Handler) as server:
        server.facts, server.started = facts, time.monotonic()
        # In a thread: shutdown() waits for the loop that this handler interrupts.
        signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
        logger.info("monitor %s (%s) on port %d, mode %s", facts["version"], facts["commit"][:7],
                    server.server_address[1], facts["run_mode"])
        server.serve_forever(poll_interval=0.1)
    logger.info("stopped")
