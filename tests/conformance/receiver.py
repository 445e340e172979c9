"""Where notifications arrive: a small HTTPS server, as a client has one for this purpose alone."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from lxml import etree

from conformance.wire import CIPHER, XML, Certificate, Element, Schema, child, text


class Receiver:
    """Keeps what it is told. ``status`` is what it answers."""

    def __init__(self, certificate: Certificate, schema: Schema) -> None:
        self.heard: list[Element] = []
        self.refusals = 0
        self.status = 201
        self.schema = schema
        self._news = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                status = receiver.take(self.headers["content-type"], body)
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                del format, args

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(CIPHER)
        context.load_cert_chain(certificate.cert, certificate.key)
        context.load_verify_locations(certificate.ca)
        context.verify_mode = ssl.CERT_REQUIRED
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self._server.server_address[1]}/ntfy"

    def take(self, content_type: str, body: bytes) -> int:
        assert content_type.startswith(XML)
        with self._news:
            if self.status < 400:
                self.heard.append(self.schema.check(body, "notification"))
            else:
                self.refusals += 1
            self._news.notify_all()
            return self.status

    def wait(self, wanted: Callable[[Element], bool], *, timeout: float = 10.0) -> Element:
        """Return the first notification that is wanted and forget it and those before."""
        end = time.monotonic() + timeout
        with self._news:
            while True:
                for number, one in enumerate(self.heard):
                    if wanted(one):
                        del self.heard[: number + 1]
                        return one
                left = end - time.monotonic()
                assert left > 0, f"heard only {[etree.tostring(one) for one in self.heard]}"
                self._news.wait(left)

    def about(self, resource: str, **holds: str) -> Element:
        """Wait for a notification about a resource whose representation has these texts somewhere."""

        def wanted(one: Element) -> bool:
            if text(one, "subscribedResource") != resource:
                return False
            inside = child(one, "Resource")
            return all(
                inside is not None and value in [e.text for e in inside.iter(f"{{*}}{name}")]
                for name, value in holds.items()
            )

        return self.wait(wanted)

    def refused(self, *, timeout: float = 10.0) -> None:
        """Wait until a notification was refused."""
        with self._news:
            assert self._news.wait_for(lambda: self.refusals, timeout), "nothing came"
            self.refusals = 0

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
