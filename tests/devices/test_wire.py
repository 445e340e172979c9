"""The wire of fleets, where it does more than a device's transport; client/test_faulty_server plays both."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.conftest import serving
from client.faulty import Faulty, document, misbehaving
from openesi.client import BadAnswer, Client, TLSSettings
from openesi.client.tls import make_context
from openesi.devices.fleet import Statistics
from openesi.devices.wire import MAX_HEAD, Broken, Incoming, Wire
from openesi.errors import Refused, Unreachable
from openesi.pki import Authority, Identity

DCAP = '<DeviceCapability xmlns="NS" href="/dcap"/>'


def wired(url: str, who: Identity, said: Statistics) -> Client:
    tls = TLSSettings(cert=who.cert, key=who.key, ca=(who.ca,))
    return Client(url, tls=tls, transport=Wire(lambda: make_context(tls), said, asyncio.Semaphore(2)))


def test_a_connection_is_resumed_and_still_knows_who_asks(tmp_path: Path) -> None:
    async def scenario() -> Statistics:
        said = Statistics()
        async with serving(tmp_path / "data") as house, wired(house.url, house.issue(), said) as esi:
            for _ in range(3):
                assert (await esi.device_capability()).EndDeviceListLink is not None
                await esi.close()
        return said

    said = asyncio.run(scenario())
    assert (sum(said.handshakes.counts), said.resumed) == (3, 2)
    assert said.statuses == {200: 3}


def test_a_server_that_forgot_the_session_gets_a_whole_handshake(tmp_path: Path) -> None:
    async def scenario() -> Statistics:
        said = Statistics()
        async with serving(tmp_path / "data") as house:
            esi = wired(house.url, house.issue(), said)
            await esi.device_capability()
        async with serving(tmp_path / "data") as house:
            esi.url = house.url
            await esi.device_capability()
            await esi.close()
        return said

    said = asyncio.run(scenario())
    assert (sum(said.handshakes.counts), said.resumed) == (2, 0)
    assert said.failures == {}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    authority = Authority.create(tmp_path_factory.mktemp("pki"), now=datetime.now(UTC))
    authority.issue_server(("localhost",), now=datetime.now(UTC))
    authority.issue_device("device", now=datetime.now(UTC))
    return authority


def play(authority: Authority, scenario: Callable[[Faulty, Client], Awaitable[None]]) -> Statistics:
    async def all_of_it() -> Statistics:
        said = Statistics()
        async with (
            misbehaving(authority) as faulty,
            wired(faulty.url, authority.device("device"), said) as esi,
        ):
            await scenario(faulty, esi)
        return said

    return asyncio.run(all_of_it())


def test_a_body_may_end_with_the_connection(authority: Authority) -> None:
    async def scenario(faulty: Faulty, esi: Client) -> None:
        whole = document(DCAP)
        faulty.close_after_each = True
        faulty.on(
            "GET /dcap",
            b"HTTP/1.1 200 OK\r\nContent-Type: application/sep+xml\r\n\r\n" + whole.split(b"\r\n\r\n")[1],
        )
        await esi.device_capability()

    assert play(authority, scenario).statuses == {200: 1}


def test_an_interim_answer_is_not_the_answer(authority: Authority) -> None:
    async def scenario(faulty: Faulty, esi: Client) -> None:
        faulty.on("GET /dcap", b"HTTP/1.1 102 Processing\r\n\r\n" + document(DCAP))
        await esi.device_capability()

    assert play(authority, scenario).statuses == {200: 1}


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * MAX_HEAD + b"\r\n\r\n", BadAnswer, "octets of headers"),
        (document(DCAP) + document(DCAP), None, ""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n<Dev", Unreachable, "closed the connection"),
    ],
)
def test_answers_that_are_not_as_they_should_be(
    authority: Authority, answer: bytes, kind: type[Exception] | None, words: str
) -> None:
    async def scenario(faulty: Faulty, esi: Client) -> None:
        faulty.on("GET /dcap", answer)
        faulty.close_after_each = True
        if kind is None:
            await esi.device_capability()  # the second answer, which nobody asked for, is not taken
        else:
            with pytest.raises(kind, match=words):
                await esi.device_capability()
        faulty.on("GET /dcap", document(DCAP))
        await esi.device_capability()

    play(authority, scenario)


def test_a_stranger_is_refused_and_says_so(authority: Authority, tmp_path: Path) -> None:
    other = Authority.create(tmp_path, now=datetime.now(UTC))
    other.issue_server(("localhost",), now=datetime.now(UTC))
    stranger = other.issue_device("device", now=datetime.now(UTC))

    async def scenario() -> Statistics:
        said = Statistics()
        async with serving(tmp_path / "data") as house:
            esi = wired(house.url, stranger, said)
            with pytest.raises(Refused, match="not trusted"):
                await esi.device_capability()
        return said

    assert asyncio.run(scenario()).failures == {"Refused": 1}


BODIES = st.binary(max_size=300)


@st.composite
def answers(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """Draw an answer and its body, of a given length or in chunks."""
    body = draw(BODIES)
    if draw(st.booleans()):
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nX: y\r\n\r\n" % len(body) + body, body
    parts = [body[start : start + 70] for start in range(0, len(body), 70)]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n", body


@given(answers(), st.lists(st.integers(1, 60), max_size=20))
def test_pieces_of_any_size_are_one_answer(answer: tuple[bytes, bytes], sizes: list[int]) -> None:
    octets, body = answer
    incoming = Incoming()
    for size in (*sizes, len(octets)):
        if octets:
            assert not incoming.is_whole
            incoming.feed(octets[:size])
            octets = octets[size:]
    assert incoming.is_whole
    assert (incoming.status, b"".join(incoming.body)) == (200, body)


@given(st.lists(st.binary(max_size=200) | st.sampled_from([b"HTTP/1.1 200 OK\r\n", b"\r\n\r\n"]), max_size=8))
def test_whatever_comes_is_an_answer_or_an_error_of_ours(pieces: list[bytes]) -> None:
    incoming = Incoming()
    try:
        for piece in pieces:
            incoming.feed(piece)
        incoming.end()
    except (Broken, BadAnswer):
        return
    assert incoming.is_whole
