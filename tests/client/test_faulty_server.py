"""A server that lies, breaks off, sends garbage: the client says so, and never spins."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from client.faulty import Faulty, document, empty, misbehaving
from openesi.client import AnswerError, BadAnswer, Client, NotThere, TLSSettings
from openesi.client.http import MAX_BODY
from openesi.client.tls import make_context
from openesi.devices.fleet import Statistics
from openesi.devices.wire import Wire
from openesi.errors import Unreachable
from openesi.pki import Authority
from openesi.sep2 import model as sep

DCAP = document('<DeviceCapability xmlns="NS" href="/dcap"><TimeLink href="/tm"/></DeviceCapability>')
Scenario = Callable[[Faulty, Client], Awaitable[None]]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    authority = Authority.create(tmp_path_factory.mktemp("pki"), now=datetime.now(UTC))
    authority.issue_server(("localhost",), now=datetime.now(UTC))
    authority.issue_device("device", now=datetime.now(UTC))
    return authority


@pytest.fixture(params=["httpcore", "wire"])
def play(authority: Authority, request: pytest.FixtureRequest) -> Callable[[Scenario], None]:
    """Play a scenario with a device's transport, and with that of fleets: both are to do the same."""

    def played(scenario: Scenario) -> None:
        async def all_of_it() -> None:
            device = authority.device("device")
            tls = TLSSettings(cert=device.cert, key=device.key, ca=(device.ca,))
            wire = Wire(lambda: make_context(tls), Statistics(), asyncio.Semaphore(1))
            transport = wire if request.param == "wire" else None
            async with (
                misbehaving(authority) as faulty,
                Client(faulty.url, tls=tls, transport=transport) as esi,
            ):
                await scenario(faulty, esi)

        asyncio.run(all_of_it())

    return played


Play = Callable[[Scenario], None]


def controls(count: int, *, all_: int, results: int, first: int = 0) -> bytes:
    members = "".join(
        f'<DERControl href="/c/{n}"><mRID>{n:032X}</mRID><creationTime>1</creationTime><EventStatus>'
        "<currentStatus>0</currentStatus><dateTime>1</dateTime><potentiallySuperseded>false"
        "</potentiallySuperseded></EventStatus><interval><duration>60</duration><start>9</start></interval>"
        "<DERControlBase/></DERControl>"
        for n in range(first, first + count)
    )
    return document(
        f'<DERControlList xmlns="NS" href="/derc" all="{all_}" results="{results}">{members}</DERControlList>'
    )


@pytest.mark.parametrize(
    ("pages", "expected"),
    [
        pytest.param([controls(2, all_=4_000_000_000, results=2)], 2, id="the same page for ever"),
        pytest.param([controls(2, all_=9, results=0), controls(0, all_=9, results=0)], 2, id="all too high"),
        pytest.param([controls(5, all_=1, results=77)], 5, id="all too low, results wrong"),
        pytest.param([controls(0, all_=3, results=3)], 0, id="nothing there"),
        pytest.param(
            [controls(3, all_=3, results=5), controls(2, all_=2, results=5, first=3)], 5, id="swapped"
        ),
        pytest.param(
            [controls(3, all_=5, results=3), controls(3, all_=5, results=3, first=2)], 5, id="overlap"
        ),
    ],
)
def test_lists_that_lie(play: Play, pages: list[bytes], expected: int) -> None:
    async def scenario(faulty: Faulty, esi: Client) -> None:
        faulty.on("GET /derc", *pages)
        listed = await esi.fetch_list("/derc", sep.DERControlList)
        assert len(listed.DERControl) == expected == listed.results
        assert len(faulty.asked) <= 3

    play(scenario)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
def test_a_moved_entry_point_is_followed(play: Play, status: str) -> None:
    async def scenario(faulty: Faulty, esi: Client) -> None:
        faulty.on("GET /dcap", empty(status, "Location: /new/dcap\r\n"))
        faulty.on("GET /new/dcap", DCAP)
        assert (await esi.device_capability()).TimeLink == sep.TimeLink(href="/tm")
        await esi.device_capability()
        moved_for_good = status[:3] in ("301", "308")
        assert faulty.asked.count("GET /dcap") == (1 if moved_for_good else 2)

    play(scenario)


def test_circles_are_left(play: Play) -> None:
    async def scenario(faulty: Faulty, esi: Client) -> None:
        faulty.on("GET /dcap", empty("302 Found", "Location: /dcap\r\n"))
        with pytest.raises(BadAnswer, match="redirects more than 5 times"):
            await esi.device_capability()
        assert len(faulty.asked) == 6

    play(scenario)


def test_no_redirect_leaves_tls(play: Play) -> None:
    async def scenario(faulty: Faulty, esi: Client) -> None:
        faulty.on("GET /dcap", empty("302 Found", "Location: http://127.0.0.1/dcap\r\n"))
        with pytest.raises(BadAnswer, match="leads away from TLS"):
            await esi.device_capability()

    play(scenario)


def test_a_post_is_never_turned_or_repeated(play: Play) -> None:
    async def scenario(faulty: Faulty, esi: Client) -> None:
        response = sep.Response(endDeviceLFDI=esi.lfdi, subject=bytes(16))
        faulty.on("POST /moved", empty("302 Found", "Location: /elsewhere\r\n"))
        with pytest.raises(AnswerError, match="302"):
            await esi.post("/moved", response)
        faulty.on("POST /broken", b"")
        with pytest.raises(Unreachable):
            await esi.post("/broken", response)
        assert faulty.asked == ["POST /moved", "POST /broken"]

    play(scenario)


def test_a_closed_connection_is_opened_again(play: Play) -> None:
    async def scenario(faulty: Faulty, esi: Client) -> None:
        faulty.close_after_each = True
        faulty.on("GET /dcap", DCAP)
        for _ in range(3):
            await esi.device_capability()
        faulty.on("GET /dcap", b"", DCAP)
        await esi.device_capability()

    play(scenario)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        pytest.param(document("<DeviceCapability"), "not in the standard", id="not well-formed"),
        pytest.param(document('<DeviceCapability xmlns="urn:x"/>'), "namespace", id="foreign namespace"),
        pytest.param(document("<html/>", kind="text/html"), "not a document of the standard", id="a page"),
        pytest.param(document('<Time xmlns="NS"/>'), "missing", id="incomplete"),
        pytest.param(
            document('<SelfDevice xmlns="NS"><sFDI>1</sFDI></SelfDevice>'),
            "expected DeviceCapability",
            id="another type",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n" + b" " * (MAX_BODY + 1),
            "octets",
            id="endless",
        ),
    ],
)
def test_garbage_is_refused(play: Play, answer: bytes, words: str) -> None:
    async def scenario(faulty: Faulty, esi: Client) -> None:
        faulty.on("GET /dcap", answer)
        with pytest.raises(BadAnswer, match=words):
            await esi.device_capability()
        faulty.on("GET /dcap", DCAP)
        await esi.device_capability()

    play(scenario)


def test_what_is_not_http_is_no_server(play: Play) -> None:
    async def scenario(faulty: Faulty, esi: Client) -> None:
        faulty.on("GET /dcap", b"220 mail ready\r\n\r\n")
        with pytest.raises(Unreachable, match="does not speak HTTP"):
            await esi.device_capability()

    play(scenario)


def test_an_error_tells_when_to_come_back(play: Play) -> None:
    async def scenario(faulty: Faulty, esi: Client) -> None:
        faulty.on("GET /dcap", empty("503 Busy", "Retry-After: 17\r\n"))
        with pytest.raises(AnswerError) as caught:
            await esi.device_capability()
        assert (caught.value.status, caught.value.retry_after_s, caught.value.is_temporary) == (503, 17, True)
        body = '<Error xmlns="NS"><maxRetryDuration>30</maxRetryDuration><reasonCode>4</reasonCode></Error>'
        faulty.on("GET /dcap", document(body, status="429 Slow"))
        with pytest.raises(AnswerError, match="reasonCode 4") as caught:
            await esi.device_capability()
        assert caught.value.retry_after_s == 30

    play(scenario)


def test_no_representation_is_not_there(play: Play) -> None:
    async def scenario(faulty: Faulty, esi: Client) -> None:
        faulty.on("GET /ders", b"HTTP/1.1 204 No Content\r\n\r\n")
        with pytest.raises(NotThere):
            await esi.get("/ders")

    play(scenario)


def test_links_are_resolved_against_where_they_stand(play: Play) -> None:
    async def scenario(faulty: Faulty, esi: Client) -> None:
        faulty.on("GET /dcap", empty("302 Found", "Location: /here/dcap\r\n"))
        faulty.on(
            "GET /here/dcap",
            document(
                '<DeviceCapability xmlns="NS" href="dcap"><TimeLink href="../tm"/>'
                f'<EndDeviceListLink href="https://127.0.0.1:{faulty.port}/edev"/>'
                '<MirrorUsagePointListLink href="https://other.example/mup"/></DeviceCapability>'
            ),
        )
        capability = await esi.device_capability()
        assert capability.TimeLink == sep.TimeLink(href="/tm")
        assert capability.EndDeviceListLink == sep.EndDeviceListLink(href="/edev")
        assert capability.MirrorUsagePointListLink is not None
        assert capability.MirrorUsagePointListLink.href == "https://other.example/mup"

    play(scenario)


def test_a_server_without_exi_is_spoken_to_in_xml(authority: Authority) -> None:
    async def scenario() -> None:
        device = authority.device("device")
        async with (
            misbehaving(authority) as faulty,
            Client(faulty.url, cert=device.cert, key=device.key, ca=device.ca, exi=True) as esi,
        ):
            faulty.on("GET /dcap", empty("406 Not Acceptable"), DCAP)
            assert (await esi.device_capability()).TimeLink is not None
            assert len(faulty.asked) == 2

    asyncio.run(scenario())


def test_a_server_whose_exi_cannot_be_read_is_spoken_to_in_xml(authority: Authority) -> None:
    async def scenario() -> None:
        device = authority.device("device")
        async with (
            misbehaving(authority) as faulty,
            Client(faulty.url, cert=device.cert, key=device.key, ca=device.ca, exi=True) as esi,
        ):
            faulty.on("GET /dcap", document("nonsense", kind="application/sep-exi"), DCAP)
            assert (await esi.device_capability()).TimeLink is not None
            assert len(faulty.asked) == 2

    asyncio.run(scenario())
