"""Bodies that are read while they are sent: whole, in turn with others, bounded, and let go of at the end."""

from __future__ import annotations

import contextlib
import hashlib
import threading

import pytest

from openesi.server.message import Request, Response
from openesi.server.wire import _PIECE_OCTETS

from .conftest import Client, Pki, Server

LARGE = 24 << 20


class Endless:
    """So many octets, made while they are read; what of it was in memory at a time is known."""

    def __init__(self, octets: int, *, break_off_at: int | None = None) -> None:
        self.octets = self.left = octets
        self.break_off_at = break_off_at
        self.largest = 0
        self.closed = threading.Event()
        self.closings = 0

    def read(self, most: int) -> bytes:
        sent = self.octets - self.left
        if self.break_off_at is not None and sent >= self.break_off_at:
            return b""
        piece = bytes((sent // _PIECE_OCTETS) % 256 for _ in range(1)) * min(most, self.left)
        self.largest = max(self.largest, len(piece))
        self.left -= len(piece)
        return piece

    def close(self) -> None:
        self.closings += 1
        self.closed.set()


class Application:
    def __init__(self) -> None:
        self.sources: list[Endless] = []
        self.octets = LARGE
        self.break_off_at: int | None = None

    def __call__(self, request: Request) -> Response:
        if request.path != "/file":
            return Response(200, request.path.encode())
        source = Endless(self.octets, break_off_at=self.break_off_at)
        self.sources.append(source)
        return Response(200, content_type="application/octet-stream", source=source)


def get(path: str, method: str = "GET", *headers: str) -> bytes:
    return "\r\n".join((f"{method} {path} HTTP/1.1", "Host: esi", *headers, "", "")).encode()


@pytest.fixture
def application() -> Application:
    return Application()


@pytest.fixture
def client(server: Server, application: Application, pki: Pki) -> Client:
    server.start(application, tls=pki.settings())
    return server.connect(pki.client_context(pki.device))


def expected(octets: int) -> bytes:
    digest = hashlib.sha256()
    for start in range(0, octets, _PIECE_OCTETS):
        number = start // _PIECE_OCTETS
        digest.update(bytes((number % 256,)) * min(_PIECE_OCTETS, octets - start))
    return digest.digest()


def test_a_large_body_comes_whole_and_what_was_asked_behind_it_after_it(
    client: Client, application: Application
) -> None:
    client.send(get("/file"), get("/after"), get("/file", "HEAD"), get("/last", "GET", "Connection: close"))
    answer = client.receive()

    assert answer.headers["content-length"] == str(LARGE)
    assert hashlib.sha256(answer.body).digest() == expected(LARGE)
    assert client.receive().body == b"/after"
    head = client.receive(head_only=True)
    assert head.headers["content-length"] == str(LARGE)
    assert client.receive().body == b"/last"
    assert client.is_closed()
    assert application.sources[0].largest <= _PIECE_OCTETS
    assert [source.closings for source in application.sources] == [1, 1]
    assert application.sources[1].left == LARGE


@pytest.mark.parametrize("octets", [0, 1, 16_384, 65_536, 65_537])
def test_bodies_of_any_length_come_to_their_end(
    client: Client, application: Application, octets: int
) -> None:
    application.octets = octets
    client.send(get("/file", "GET", "Connection: close"))

    assert len(client.receive().body) == octets
    assert client.is_closed()
    assert application.sources[0].closings == 1


def test_others_are_answered_while_a_large_body_waits_for_its_reader(
    server: Server, client: Client, application: Application, pki: Pki
) -> None:
    client.send(get("/file"))
    other = server.connect(pki.client_context(pki.second))

    assert other.ask(get("/other")).body == b"/other"
    assert application.sources[0].left > LARGE // 2  # nothing is read ahead of what the reader takes
    assert not application.sources[0].closed.is_set()


def test_a_reader_that_goes_away_or_never_reads_is_let_go(
    server: Server, client: Client, application: Application, pki: Pki
) -> None:
    client.send(get("/file"))
    idle = server.connect(pki.client_context(pki.second))
    idle.send(get("/file"))
    assert client._file.read(1_000)
    client.close()
    while len(application.sources) < 2:
        assert server.connect(pki.client_context(pki.second)).ask(get("/x")).status == 200
    assert application.sources[0].closed.wait(10)
    for _ in range(1_000):  # until the buffers of both sides are full, it is not the reader who is slow
        server.pass_time(61)
        if application.sources[1].closed.wait(0.01):
            break

    assert application.sources[1].closings == 1


def test_a_body_that_breaks_off_ends_the_connection(client: Client, application: Application) -> None:
    application.break_off_at = 3 * _PIECE_OCTETS
    client.send(get("/file"), get("/after"))
    line = client._file.readline()
    assert line.startswith(b"HTTP/1.1 200")
    rest = b""
    with contextlib.suppress(OSError):  # a reset says it as well
        rest = client._file.read()

    assert len(rest) < LARGE
    assert b"/after" not in rest
    assert application.sources[0].closed.wait(10)


def test_a_server_that_stops_lets_go_of_what_it_sends(
    server: Server, client: Client, application: Application
) -> None:
    client.send(get("/file"))
    assert client._file.read(1_000)
    server.run(server.wire.close(0.1))

    assert application.sources[0].closed.is_set()
