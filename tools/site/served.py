"""The built book on a local server: below a path of its own and compressed, as it is published."""

from __future__ import annotations

import gzip
import posixpath
import threading
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from mimetypes import guess_type
from pathlib import Path
from urllib.parse import unquote, urlsplit

PREFIX = "/some/where/"  # a link that begins with / leads out of it
PACKED = {".css", ".html", ".ipynb", ".js", ".json", ".mjs", ".svg", ".ttf", ".txt", ".xml"}


class Site:
    """A folder, and the address it has while the ``with`` block lasts."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.answer = cache(self._answer)

    def __enter__(self) -> Site:
        answer = self.answer

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                status, headers, body = answer(urlsplit(self.path).path)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        self.url = self.origin + PREFIX
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        path = posixpath.normpath(unquote(path)) + "/" * path.endswith("/")
        file = self.root / path.removeprefix(PREFIX)
        if path.endswith("/"):
            file /= "index.html"
        if not path.startswith(PREFIX) or not file.is_file():
            body = b"not there"
            return 404, {"Content-Type": "text/plain", "Content-Length": str(len(body))}, body
        body, headers = file.read_bytes(), {}
        if file.suffix in PACKED:
            body = gzip.compress(body, 6)
            headers["Content-Encoding"] = "gzip"
        headers["Content-Type"] = guess_type(file.name)[0] or "application/octet-stream"
        return 200, headers | {"Content-Length": str(len(body))}, body

    def weight(self, url: str) -> int:
        """The bytes that a request for this address brings."""
        status, _, body = self.answer(urlsplit(url).path)
        return len(body) if status == 200 else 0
