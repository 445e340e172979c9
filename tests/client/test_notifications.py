"""The notification listener over real TLS: told by a real server, by strangers, and by somebody hostile."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from client.conftest import serving
from openesi.client.notifications import MAX_BODY, MAX_CONNECTIONS, Listener, Received, listening
from openesi.client.tls import CIPHERS, TLSSettings
from openesi.errors import LocalError, WrongUsage
from openesi.pki import Authority, Identity
from openesi.sep2 import exi, xml
from openesi.sep2 import model as sep
from openesi.server import operator

NOTIFICATION = sep.Notification(
    subscribedResource="/derp/1/derc",
    Resource=sep.DERControlList(all=0, results=0, href="/derp/1/derc"),
    status=0,
    subscriptionURI="https://esi.test/edev/1/sub/1",
)
XML = "application/sep+xml"


@dataclass
class Inbox:
    """Takes what comes, or says that it is not wanted."""

    wanted: bool = True
    fails: bool = False
    received: list[Received] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, received: Received) -> bool:
        if self.fails:
            raise RuntimeError("a mistake of whom it is handed to")
        self.received.append(received)
        self.came.set()
        return self.wanted


@dataclass
class Sender:
    """A server that notifies, octet by octet."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, octets: bytes) -> int | None:
        """Return the status of the answer; None if there is none."""
        self.writer.write(octets)
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, OSError):
            return None
        return int(head.split()[1])

    async def post(self, body: bytes, content_type: str = XML) -> int | None:
        return await self.send(request(body, content_type))


def request(body: bytes, content_type: str = XML, *, method: str = "POST", more: str = "") -> bytes:
    head = f"{method} /ntfy HTTP/1.1\r\nHost: me\r\nContent-Type: {content_type}\r\n{more}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    made = Authority.create(tmp_path_factory.mktemp("pki"), now=datetime.now(UTC))
    made.issue_server(["localhost"], now=datetime.now(UTC))
    made.issue_device("mine", now=datetime.now(UTC))
    made.issue_device("other", now=datetime.now(UTC))
    return made


def settings(authority: Authority, **changes: object) -> TLSSettings:
    own = authority.device("mine")
    given = {"cert": own.cert, "key": own.key, "ca": (own.ca,), "server_lfdi": authority.server().lfdi}
    return TLSSettings(**(given | changes))  # type: ignore[arg-type]


@asynccontextmanager
async def sender(listener: Listener, identity: Identity) -> AsyncIterator[Sender]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.check_hostname = False
    context.load_verify_locations(identity.ca)
    context.load_cert_chain(identity.cert, identity.key)
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port, ssl=context)
    try:
        yield Sender(reader, writer)
    finally:
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


def test_a_notification_is_handed_over_typed_in_xml_and_exi(authority: Authority) -> None:
    async def play() -> None:
        inbox = Inbox()
        async with (
            listening(settings(authority), inbox.take, host="127.0.0.1") as listener,
            sender(listener, authority.server()) as server,
        ):
            assert await server.post(xml.serialize(NOTIFICATION)) == 201
            assert await server.post(exi.encode(NOTIFICATION), "application/sep-exi; level=-S1") == 201
        assert [one.notification for one in inbox.received] == [NOTIFICATION] * 2
        assert (inbox.received[0].sender, inbox.received[0].path) == (authority.server().lfdi, "/ntfy")

    asyncio.run(play())


@pytest.mark.parametrize(
    ("octets", "status"),
    [
        (request(b"<nonsense"), 400),
        (request(xml.serialize(sep.PowerStatus(batteryStatus=1, changedTime=1, currentPowerSource=1))), 400),
        (request(xml.serialize(NOTIFICATION), "text/plain"), 400),
        (request(b"", method="GET"), 405),
        (b"nonsense\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: me\r\nX: " + b"x" * 20_000 + b"\r\n\r\n", 413),
        (request(bytes(MAX_BODY + 20_000)), 413),
    ],
)
def test_what_is_no_notification_is_refused(authority: Authority, octets: bytes, status: int) -> None:
    async def play() -> None:
        inbox = Inbox()
        async with (
            listening(settings(authority), inbox.take, host="127.0.0.1") as listener,
            sender(listener, authority.server()) as server,
        ):
            assert await server.send(octets) == status
        assert inbox.received == []

    asyncio.run(play())


@pytest.mark.parametrize(("inbox", "status"), [({"wanted": False}, 400), ({"fails": True}, 500)])
def test_what_is_not_wanted_or_not_understood_is_said(
    authority: Authority, inbox: dict[str, bool], status: int
) -> None:
    async def play() -> None:
        async with (
            listening(settings(authority), Inbox(**inbox).take, host="127.0.0.1") as listener,
            sender(listener, authority.server()) as server,
        ):
            assert await server.post(xml.serialize(NOTIFICATION)) == status
            assert (listener.counters.unwanted, listener.counters.failed) == (
                int(status == 400),
                int(status == 500),
            )

    asyncio.run(play())


def test_requests_one_octet_at_a_time_and_several_at_once(authority: Authority) -> None:
    async def play() -> None:
        inbox = Inbox()
        octets = request(xml.serialize(NOTIFICATION))
        async with (
            listening(settings(authority), inbox.take, host="127.0.0.1") as listener,
            sender(listener, authority.server()) as server,
        ):
            for octet in octets[:-1]:
                server.writer.write(bytes((octet,)))
                await asyncio.sleep(0)
            assert await server.send(octets[-1:]) == 201
            assert await server.send(octets * 3) == 201
            while listener.counters.taken < 4:
                assert await server.send(b"") == 201
        assert len(inbox.received) == 4

    asyncio.run(play())


def test_another_device_of_the_same_authority_is_not_heard(authority: Authority) -> None:
    async def play() -> None:
        inbox = Inbox()
        async with (
            listening(settings(authority), inbox.take, host="127.0.0.1") as listener,
            sender(listener, authority.device("other")) as other,
        ):
            assert await other.post(xml.serialize(NOTIFICATION)) is None
            assert listener.counters.refused_connections == 1
        assert inbox.received == []

    asyncio.run(play())


def test_a_stranger_gets_no_farther_than_the_handshake(authority: Authority, tmp_path: Path) -> None:
    strangers = Authority.create(tmp_path, now=datetime.now(UTC))
    stranger = strangers.issue_device("stranger", now=datetime.now(UTC))
    trusting = replace(stranger, ca=authority.ca)

    async def play() -> None:
        inbox = Inbox()
        async with listening(settings(authority), inbox.take, host="127.0.0.1") as listener:
            try:
                async with sender(listener, trusting) as other:
                    assert await other.post(xml.serialize(NOTIFICATION)) is None
            except OSError as error:  # the refusal came before the client thought it was done
                assert not isinstance(error, TimeoutError)  # noqa: PT017
            assert listener.counters.connections == 0
        assert inbox.received == []

    asyncio.run(play())


def test_connections_are_bounded(authority: Authority) -> None:
    async def play() -> None:
        inbox = Inbox()
        async with listening(settings(authority), inbox.take, host="127.0.0.1") as listener:
            held = [sender(listener, authority.server()) for _ in range(MAX_CONNECTIONS)]
            for one in held:
                await (await one.__aenter__()).post(xml.serialize(NOTIFICATION))
            async with sender(listener, authority.server()) as late:
                assert await late.post(xml.serialize(NOTIFICATION)) is None
            for one in held:
                await one.__aexit__(None, None, None)
        assert len(inbox.received) == MAX_CONNECTIONS

    asyncio.run(play())


def test_nobody_listens_without_a_certificate_or_a_ca(authority: Authority, tmp_path: Path) -> None:
    async def play(tls: TLSSettings) -> None:
        async with listening(tls, Inbox().take, host="127.0.0.1"):
            pass

    for changes in ({"cert": None}, {"ca": ()}):
        with pytest.raises(WrongUsage, match="certificate"):
            asyncio.run(play(settings(authority, **changes)))
    with pytest.raises(LocalError, match=r"missing\.pem"):
        asyncio.run(play(settings(authority, ca=(tmp_path / "missing.pem",))))


def test_a_real_server_tells_what_a_get_shows(data: Path) -> None:
    async def play() -> None:
        inbox = Inbox()
        async with serving(data, notify_local=True) as house:
            own = house.issue()
            await house.service.store.write(
                lambda tx: operator.add_device(
                    tx, own.lfdi, pin=111115, now=int(house.clock()), settings=house.service.settings
                )
            )
            tls = TLSSettings(
                cert=own.cert, key=own.key, ca=(own.ca,), server_lfdi=house.authority.server().lfdi
            )
            client = house.client(own)
            async with listening(tls, inbox.take, host="127.0.0.1") as listener:
                subscription = sep.Subscription(
                    subscribedResource="/derp",
                    encoding=0,
                    level="+S1",
                    limit=10,
                    notificationURI=f"https://127.0.0.1:{listener.port}/ntfy",
                )
                await client.post("/edev/1/sub", subscription)
                await house.service.store.write(
                    lambda tx: operator.add_program(
                        tx, description="new", primacy=5, settings=house.service.settings
                    )
                )
                async with asyncio.timeout(10):
                    await inbox.came.wait()
                assert inbox.received[0].notification.Resource == await client.get("/derp?l=10")
            await client.close()

    asyncio.run(play())
