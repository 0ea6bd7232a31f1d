"""GitLab's git over HTTP: the bare repositories of a folder, for clients with the job's token."""

from __future__ import annotations

import base64
import os
import subprocess
import threading
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit


class GitServer:
    """`with GitServer(folder, token) as server: server.url`. So many answers are a 503 first: `busy`."""

    def __init__(self, folder: Path, token: str) -> None:
        self.busy = 0
        server = self
        allowed = "Basic " + base64.b64encode(f"gitlab-ci-token:{token}".encode()).decode()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if server.busy:
                    server.busy -= 1
                    self.send_error(503)
                    return
                if self.headers.get("Authorization") != allowed:
                    self.send_response(401)
                    self.send_header("WWW-Authenticate", 'Basic realm="GitLab"')
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                asked = urlsplit(self.path)
                environment = {
                    **os.environ, "GIT_PROJECT_ROOT": str(folder), "GIT_HTTP_EXPORT_ALL": "1",
                    "PATH_INFO": asked.path, "QUERY_STRING": asked.query, "REQUEST_METHOD": self.command,
                    "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                    "CONTENT_LENGTH": self.headers.get("Content-Length", "0"),
                    "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                    "GIT_PROTOCOL": self.headers.get("Git-Protocol", "")}
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                done = subprocess.run(["git", "http-backend"], env=environment, input=body, capture_output=True,
                                      check=False)
                head, _, answer = done.stdout.partition(b"\r\n\r\n")
                headers = BytesParser().parsebytes(head)
                self.send_response(int(str(headers.get("Status", "200")).split()[0]))
                self.send_header("Content-Type", str(headers["Content-Type"]))
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_POST = do_GET

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> GitServer:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()
