"""A public key infrastructure as devices have it, and a wire that runs in its own thread."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import socket
import ssl
import threading
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pytest

from openesi.pki import Authority, Identity
from openesi.pki.authority import read_certificates
from openesi.server.message import Application
from openesi.server.tls import TLSSettings
from openesi.server.wire import Wire, serve

T = TypeVar("T")

CCM8 = "ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Pki:
    """SERCA -> MICA -> device by the profile of the standard, and those who are not of it."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority.create(folder / "ours", now=NOW)
        self.server = self.authority.issue_server(["127.0.0.1"], now=NOW)
        self.device = self.issue("device")
        self.second = self.issue("second")
        self.self_signed = self.authority.issue_device("self-signed", now=NOW, self_signed=True)
        self.strangers = Authority.create(folder / "strangers", now=NOW, length=2)
        self.foreign = self.strangers.issue_device("foreign", now=NOW)

    def issue(self, name: str) -> Identity:
        return self.authority.issue_device(name, now=NOW)

    def settings(self, **changes: Any) -> TLSSettings:
        return TLSSettings(self.server.cert, self.server.key, ca_files=(self.authority.ca,), **changes)

    def client_context(self, entity: Identity | None, *, ciphers: str = CCM8) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(ciphers)
        context.check_hostname = False
        context.load_verify_locations(self.authority.ca)
        if entity is not None:
            context.load_cert_chain(entity.cert, entity.key)
        return context


def der_of(entity: Identity) -> bytes:
    return read_certificates(entity.cert)[0]


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("pki"))


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class Client:
    """A device with a socket, and nothing between it and the octets."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._file = sock.makefile("rb")

    def send(self, *octets: bytes) -> None:
        for piece in octets:
            self.sock.sendall(piece)

    def receive(self, *, head_only: bool = False) -> Answer:
        line = self._file.readline()
        assert line.startswith(b"HTTP/1.1 "), line
        status = int(line.split()[1])
        headers = {}
        while (line := self._file.readline()) != b"\r\n":
            name, _, value = line.decode("ascii").partition(":")
            headers[name.lower()] = value.strip()
        assert "transfer-encoding" not in headers
        if status in (100, 204):
            assert "content-length" not in headers
            return Answer(status, headers, b"")
        length = int(headers["content-length"])
        return Answer(status, headers, b"" if head_only else self._file.read(length))

    def ask(self, octets: bytes) -> Answer:
        self.send(octets)
        return self.receive()

    def is_closed(self) -> bool:
        """True once the server has said all; a reset connection raises."""
        return self._file.read(1) == b""

    def close(self) -> None:
        self._file.close()
        self.sock.close()


class Server:
    """A wire in a thread with an event loop of its own."""

    def __init__(self, new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
        self.wire: Wire
        self._loop = new_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._clients: list[Client] = []
        self._thread.start()

    def start(self, application: Application, **options: Any) -> Server:
        self.wire = self.run(serve(application, host="127.0.0.1", **options))
        return self

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(20)

    def call(self, function: Callable[[], T]) -> T:
        async def called() -> T:
            return function()

        return self.run(called())

    def pass_time(self, seconds: float) -> None:
        """Do what the wire does once a second, as if so much time had passed."""
        self.call(lambda: self.wire.sweep(self._loop.time() + seconds))

    def connect(self, context: ssl.SSLContext | None = None, session: ssl.SSLSession | None = None) -> Client:
        plain = socket.create_connection(("127.0.0.1", self.wire.port), timeout=10)
        try:
            sock = plain if context is None else context.wrap_socket(plain, session=session)
        except ssl.SSLError:
            plain.close()
            raise
        client = Client(sock)
        self._clients.append(client)
        return client

    def stop(self) -> None:
        for client in self._clients:
            client.close()
        try:
            if hasattr(self, "wire"):
                self.run(self.wire.close(1))
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()


LOOPS = {"asyncio": asyncio.new_event_loop}
if importlib.util.find_spec("uvloop") is not None:  # an extra: whoever installs it gets it tested as well
    LOOPS["uvloop"] = importlib.import_module("uvloop").new_event_loop


@pytest.fixture(params=LOOPS.values(), ids=LOOPS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    server = Server(request.param)
    yield server
    server.stop()
