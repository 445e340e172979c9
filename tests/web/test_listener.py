"""The operator's listener holds no place for those who ask nothing."""

from __future__ import annotations

import contextlib
import socket
import time

import httpx2
import pytest

from openesi.bounded_http import BoundedProtocol
from openesi.web import bodies
from web.house import House

ASKED = b"GET /-/health HTTP/1.1\r\nHost: localhost\r\n\r\n"
LOGIN = (
    b"POST /api/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: 20\r\n\r\n{"
)


def connected(house: House) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(house.url.rpartition(":")[2])), timeout=5)


@pytest.mark.parametrize("said", [b"", b"GET /", ASKED[:-2], ASKED + b"GET /-/he"])
def test_who_asks_nothing_is_hung_up_on(house: House, monkeypatch: pytest.MonkeyPatch, said: bytes) -> None:
    monkeypatch.setattr(BoundedProtocol, "quiet_s", 0.2)
    with connected(house) as line, contextlib.suppress(ConnectionResetError):
        line.sendall(said)
        while line.recv(4_096):
            pass


def test_who_listens_stays(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BoundedProtocol, "quiet_s", 0.05)
    with httpx2.stream("GET", f"{house.url}/api/live", timeout=15) as stream:
        pieces = stream.iter_raw()
        assert b"event: snapshot" in next(pieces)
        looks = 0.3 + time.monotonic()
        while time.monotonic() < looks:  # several looks at the connection pass
            assert httpx2.get(f"{house.url}/-/health").status_code == 200
        house.register(100)
        assert b"event: " in next(pieces)


def test_a_body_that_trickles_is_given_up(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_S", 0.1)
    with connected(house) as line:
        line.sendall(LOGIN)
        assert line.recv(4_096).startswith(b"HTTP/1.1 408 ")


def test_an_endless_head_is_refused(house: House) -> None:
    with connected(house) as line, contextlib.suppress(ConnectionError):
        line.sendall(ASKED[:-2])
        for _ in range(200):
            line.sendall(b"X-More: " + b"x" * 1_000 + b"\r\n")
        assert line.recv(4_096).startswith(b"HTTP/1.1 400 ")
