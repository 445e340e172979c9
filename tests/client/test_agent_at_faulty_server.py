"""A device whose server goes mad in the middle of an event: it keeps what it was told, and never spins."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from client.faulty import NS, Faulty, document, empty, misbehaving
from openesi.client import Agent, Client
from openesi.client.agent import State
from openesi.devices.house import summer_site
from openesi.devices.solar import SolarInverter
from openesi.pki import Authority, Identity
from openesi.sep2.editions import DRAFT_2_0_4, IEEE_2013, Edition
from openesi.sep2.identity import format_lfdi

START = 1_800_000_000
POLL_S = 30


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    authority = Authority.create(tmp_path_factory.mktemp("pki"), now=datetime.now(UTC))
    authority.issue_server(("localhost",), now=datetime.now(UTC))
    authority.issue_device("device", now=datetime.now(UTC))
    return authority


def control(name: int, start: int, duration: int, limit: int, *, required: str = "07") -> str:
    return (
        f'<DERControl href="/derc/{name}" replyTo="/rsp" responseRequired="{required}">'
        f"<mRID>{name:032X}</mRID><creationTime>{START}</creationTime><EventStatus>"
        f"<currentStatus>1</currentStatus><dateTime>{START}</dateTime>"
        "<potentiallySuperseded>false</potentiallySuperseded></EventStatus>"
        f"<interval><duration>{duration}</duration><start>{START + start}</start></interval>"
        f"<DERControlBase><opModMaxLimW>{limit}</opModMaxLimW></DERControlBase></DERControl>"
    )


def controls(*members: str, all_: int | None = None) -> bytes:
    count = len(members) if all_ is None else all_
    return document(
        f'<DERControlList xmlns="NS" href="/derc" all="{count}" results="{len(members)}">'
        f"{''.join(members)}</DERControlList>"
    )


def time_of(now: int) -> bytes:
    return document(
        f'<Time xmlns="NS" href="/tm"><currentTime>{now}</currentTime><dstEndTime>0</dstEndTime>'
        "<dstOffset>0</dstOffset><dstStartTime>0</dstStartTime><quality>7</quality><tzOffset>0</tzOffset></Time>"
    )


class World:
    """A small server of canned documents, an inverter, and one clock."""

    def __init__(self, faulty: Faulty, identity: Identity, **options: Any) -> None:
        self.faulty = faulty
        self.now = float(START)
        self.device = SolarInverter(site=summer_site(START))
        self.esi = Client(faulty.url, cert=identity.cert, key=identity.key, ca=identity.ca)
        self.agent = Agent(
            self.esi,
            self.device,
            random=random.Random(1),
            local=lambda: self.now,
            fallback_s=0.0,
            **options,
        )
        self.turns = 0
        poll = f'pollRate="{POLL_S}"'
        lfdi = format_lfdi(identity.lfdi)
        for path, body in {
            "/dcap": f'<DeviceCapability xmlns="NS" href="/dcap" {poll}><TimeLink href="/tm"/>'
            '<EndDeviceListLink href="/edev"/></DeviceCapability>',
            "/edev": f'<EndDeviceList xmlns="NS" href="/edev" all="1" results="1" {poll}>'
            f'<EndDevice href="/edev/1"><lFDI>{lfdi}</lFDI><sFDI>{identity.sfdi}</sFDI>'
            "<changedTime>1</changedTime>"
            '<FunctionSetAssignmentsListLink href="/fsa"/></EndDevice></EndDeviceList>',
            "/fsa": f'<FunctionSetAssignmentsList xmlns="NS" href="/fsa" all="1" results="1" {poll}>'
            '<FunctionSetAssignments href="/fsa/1"><DERProgramListLink href="/derp"/>'
            "<mRID>01</mRID></FunctionSetAssignments></FunctionSetAssignmentsList>",
            "/derp": f'<DERProgramList xmlns="NS" href="/derp" all="1" results="1" {poll}>'
            '<DERProgram href="/derp/1"><mRID>02</mRID><DefaultDERControlLink href="/dderc"/>'
            '<DERControlListLink href="/derc"/>'
            "<primacy>1</primacy></DERProgram></DERProgramList>",
            "/dderc": '<DefaultDERControl xmlns="NS" href="/dderc"><mRID>03</mRID><DERControlBase>'
            "<opModMaxLimW>8000</opModMaxLimW></DERControlBase></DefaultDERControl>",
        }.items():
            faulty.on(f"GET {path}", document(body))
        faulty.on("GET /tm", time_of(START))
        faulty.on("GET /derc", controls(control(7, 20, 600, 2_000)))
        faulty.on("POST /rsp", empty("201 Created", "Location: /rsp/1\r\n"))

    @property
    def limit_w(self) -> float:
        return self.device.state.power_w

    async def live(self, seconds: float) -> None:
        end = self.now + seconds
        while True:
            self.agent.tick()
            while True:
                self.turns += 1
                if await self.agent.turn() > 0:
                    break
            if self.now >= end:
                return
            self.now += 1

    def posted(self) -> int:
        return Counter(self.faulty.asked)["POST /rsp"]


Breaking = Callable[[Faulty], None]
OOPS = empty("500 Oops")
CIRCLE = empty("302 Found", "Location: /circle\r\n")
BIG = controls(*(control(n, 30_000 + n, 60, 1, required="00") for n in range(100, 900)), all_=4_000_000)


def everywhere(answer: bytes) -> Breaking:
    def broken(faulty: Faulty) -> None:
        faulty.on("GET /circle", CIRCLE)
        for asked in list(faulty.answers):
            if asked.startswith("GET") and asked != "GET /circle":
                faulty.on(asked, answer)

    return broken


def only(path: str, answer: bytes) -> Breaking:
    def broken(faulty: Faulty) -> None:
        faulty.on("GET /circle", CIRCLE)
        faulty.on(f"GET {path}", answer)

    return broken


def half(path: str) -> Breaking:
    """The connection breaks in the middle of an answer, each time."""

    def broken(faulty: Faulty) -> None:
        faulty.on(f"GET {path}", faulty.answers[f"GET {path}"][0][:-20])
        faulty.breaks_off = f"GET {path}"

    return broken


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(everywhere(empty("500 Oops")), id="500 everywhere"),
        pytest.param(everywhere(empty("404 Not Found")), id="404 everywhere"),
        pytest.param(everywhere(empty("403 Forbidden")), id="403 everywhere"),
        pytest.param(everywhere(document("<garbage")), id="garbage everywhere"),
        pytest.param(everywhere(document("<html/>", kind="text/html")), id="pages for people"),
        pytest.param(everywhere(CIRCLE), id="redirects in a circle"),
        pytest.param(everywhere(b""), id="hangs up"),
        pytest.param(only("/derc", empty("500 Oops")), id="500 for the controls"),
        pytest.param(only("/derc", empty("404 Not Found")), id="no list of controls"),
        pytest.param(only("/derc", controls()), id="the control is not listed any more"),
        pytest.param(only("/derc", controls(all_=99)), id="all without members"),
        pytest.param(only("/derc", BIG), id="a list without end"),
        pytest.param(only("/dderc", document("<DefaultDERControl/>")), id="default without namespace"),
        pytest.param(only("/tm", time_of(12)), id="1970"),
        pytest.param(only("/derc", document("<x/>", kind="application/sep-exi")), id="EXI that is none"),
        pytest.param(half("/derc"), id="half a list"),
        pytest.param(half("/dcap"), id="half an entry point"),
        pytest.param(only("/derp", b"220 mail ready\r\n\r\n"), id="no HTTP"),
    ],
)
def test_an_event_runs_on_whatever_the_server_does(authority: Authority, broken: Breaking) -> None:
    async def scenario() -> None:
        async with misbehaving(authority) as faulty:
            world = World(faulty, authority.device("device"))
            try:
                await world.live(40)
                assert world.limit_w == 1_000
                assert world.posted() == 2
                healthy = {asked: list(answers) for asked, answers in faulty.answers.items()}
                broken(faulty)
                faulty.asked.clear()
                world.turns = 0
                await world.live(400)
                assert world.limit_w == 1_000
                assert len(faulty.asked) < 400  # it never spins
                assert world.turns < 1_000
                faulty.answers.update(healthy)
                faulty.breaks_off = ""
                await world.live(1_200)
                assert world.limit_w == 4_000  # the event is over, the default holds
                assert world.posted() <= 1  # completed, said once
                assert world.agent.programs is not None
                (tracked,) = [
                    one for mrid, one in world.agent.programs.scheduler.tracked.items() if mrid[-1] == 7
                ]
                assert tracked.answered == {1, 2, 3}
            finally:
                await world.esi.close()

    asyncio.run(scenario())


def test_before_the_clock_is_set_no_event_is_obeyed(authority: Authority) -> None:
    async def scenario() -> None:
        async with misbehaving(authority) as faulty:
            world = World(faulty, authority.device("device"))
            faulty.on("GET /tm", time_of(12))
            await world.live(60)
            assert world.agent.problem is not None
            assert "12 s after 1970" in str(world.agent.problem)
            assert world.limit_w == 4_000  # the default needs no clock
            assert world.posted() == 0
            faulty.on("GET /tm", time_of(START + 60))
            await world.live(60)
            assert world.limit_w == 1_000
            await world.esi.close()

    asyncio.run(scenario())


def test_two_programs_of_one_primacy_are_ranked_all_the_same(authority: Authority) -> None:
    async def scenario() -> None:
        async with misbehaving(authority) as faulty:
            world = World(faulty, authority.device("device"))
            members = "".join(
                f'<DERProgram href="/derp/{n}"><mRID>{n:02}</mRID><DERControlListLink href="/derc{n}"/>'
                "<primacy>1</primacy></DERProgram>"
                for n in (1, 2)
            )
            faulty.on(
                "GET /derp",
                document(
                    f'<DERProgramList xmlns="NS" href="/derp" all="2" results="2">{members}</DERProgramList>'
                ),
            )
            faulty.on("GET /derc1", controls(control(8, 0, 600, 4_000)))
            faulty.on("GET /derc2", controls(control(9, 0, 600, 3_000)))
            await world.live(20)
            assert world.limit_w == 1_500  # made at the same time: the larger mRID wins
            await world.esi.close()

    asyncio.run(scenario())


def test_responses_that_the_server_loses_are_sent_until_it_has_them(authority: Authority) -> None:
    async def scenario() -> None:
        async with misbehaving(authority) as faulty:
            world = World(faulty, authority.device("device"))
            faulty.on("POST /rsp", empty("503 Busy", "Retry-After: 20\r\n"))
            await world.live(60)
            assert 1 <= world.posted() <= 4  # not before it asked
            assert len(world.agent.shared.outbox) == 2
            faulty.on("POST /rsp", empty("400 Bad"), empty("201 Created"))
            await world.live(400)
            assert not world.agent.shared.outbox  # what was refused is not repeated
            await world.esi.close()

    asyncio.run(scenario())


def answers(world: World, *statuses: int) -> bytes:
    members = "".join(
        f"<Response><createdDateTime>{START}</createdDateTime><endDeviceLFDI>{format_lfdi(world.esi.lfdi)}"
        f"</endDeviceLFDI><status>{status}</status><subject>07</subject></Response>"
        for status in statuses
    )
    count = len(statuses)
    return document(
        f'<ResponseList xmlns="NS" href="/rsp" all="{count}" results="{count}">{members}</ResponseList>'
    )


@pytest.mark.parametrize(
    ("failure", "listed", "posts"),
    [
        pytest.param(b"", lambda world: answers(world, 1), 2, id="it had arrived"),
        pytest.param(b"", lambda world: answers(world), 3, id="it had not"),
        pytest.param(b"", lambda world: empty("405 Method Not Allowed"), 2, id="nobody may see"),
        pytest.param(b"", lambda world: document("<garbage"), 2, id="nobody can read"),
        pytest.param(OOPS, lambda world: answers(world, 1), 2, id="taken, then 500"),
        pytest.param(OOPS, lambda world: empty("405 Method Not Allowed"), 3, id="500, nobody may see"),
    ],
)
def test_an_answer_that_may_have_arrived_is_not_sent_again_unseen(
    authority: Authority, failure: bytes, listed: Callable[[World], bytes], posts: int
) -> None:
    async def scenario() -> None:
        async with misbehaving(authority) as faulty:
            world = World(faulty, authority.device("device"))
            faulty.on("POST /rsp", failure, empty("201 Created"))
            faulty.on("GET /rsp", listed(world))
            await world.live(60)
            assert world.posted() == posts
            assert not world.agent.shared.outbox
            sent = [body.partition(b"<status>")[2][:1] for body in faulty.bodies["POST /rsp"]]
            assert sent == ([b"1", b"2"] if posts == 2 else [b"1", b"1", b"2"])
            await world.esi.close()

    asyncio.run(scenario())


def test_a_restart_while_an_answer_is_on_its_way_does_not_send_it_twice(
    authority: Authority, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with misbehaving(authority) as faulty:
            world = World(faulty, authority.device("device"), memory=tmp_path / "memory.json")
            faulty.on("POST /rsp", b"")
            await world.live(1)
            assert world.posted() == 1
            await world.esi.close()
            again = World(faulty, authority.device("device"), memory=tmp_path / "memory.json")
            faulty.on("GET /rsp", answers(world, 1))
            await again.live(60)
            assert again.posted() == 2  # received was said before; started is said now
            await again.esi.close()

    asyncio.run(scenario())


def test_a_half_answer_to_a_post_is_an_answer(authority: Authority) -> None:
    async def scenario() -> None:
        async with misbehaving(authority) as faulty:
            world = World(faulty, authority.device("device"))
            faulty.close_after_each = True
            faulty.on("POST /rsp", b"HTTP/1.1 201 Created\r\nContent-Length: 50\r\n\r\nhalf")
            await world.live(60)
            assert world.posted() == 2
            await world.esi.close()

    asyncio.run(scenario())


def test_a_program_that_cannot_be_read_holds_up_no_other_and_keeps_its_events(authority: Authority) -> None:
    async def scenario() -> None:
        async with misbehaving(authority) as faulty:
            world = World(faulty, authority.device("device"))
            members = "".join(
                f'<DERProgram href="/derp/{n}"><mRID>{n:02}</mRID><DERControlListLink href="/derc{n}"/>'
                f"<primacy>{n}</primacy></DERProgram>"
                for n in (1, 2)
            )
            faulty.on(
                "GET /derp",
                document(
                    f'<DERProgramList xmlns="NS" href="/derp" all="2" results="2" pollRate="30">{members}'
                    "</DERProgramList>"
                ),
            )
            faulty.on("GET /derc1", controls(control(8, 0, 100, 4_000)))
            faulty.on("GET /derc2", controls())
            await world.live(40)
            assert world.limit_w == 2_000
            faulty.on("GET /derc1", empty("500 Oops"))
            faulty.on("GET /derc2", controls(control(9, 120, 600, 2_000)))
            await world.live(40)
            assert world.limit_w == 2_000
            assert "500" in str(world.agent.problem)
            await world.live(60)
            assert world.limit_w == 1_000
            await world.esi.close()

    asyncio.run(scenario())


def test_a_server_without_a_list_for_strangers_is_registered_with(authority: Authority) -> None:
    async def scenario() -> None:
        async with misbehaving(authority) as faulty:
            world = World(faulty, authority.device("device"))
            known = faulty.answers["GET /edev"][0]
            faulty.on("GET /edev", empty("404 Not Found"), known)
            faulty.on("POST /edev", empty("200 OK", "Location: /edev/1\r\n"))
            await world.live(40)
            assert Counter(faulty.asked)["POST /edev"] == 1
            assert world.limit_w == 1_000
            await world.esi.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("edition", [IEEE_2013, DRAFT_2_0_4], ids=["2013", "2.0.4"])
def test_a_server_of_another_edition_is_understood(authority: Authority, edition: Edition) -> None:
    async def scenario() -> None:
        async with misbehaving(authority) as faulty:
            world = World(faulty, authority.device("device"))
            for asked, (body,) in list(faulty.answers.items()):
                faulty.on(asked, of_edition(body, edition))
            await world.live(60)
            assert world.limit_w == 1_000
            assert edition.namespace.encode() in faulty.bodies["POST /rsp"][0]
            await world.esi.close()

    asyncio.run(scenario())


def of_edition(answer: bytes, edition: Edition) -> bytes:
    _, _, body = answer.partition(b"\r\n\r\n")
    if not body:
        return answer
    text = body.decode().replace(NS, edition.namespace)
    return document('<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n' + text)


def test_what_the_server_of_gridappsd_does_is_lived_with(authority: Authority) -> None:
    """Version 0.0.2a37: nothing is assigned, times and events lack parts, links lead nowhere, meters fail."""

    async def scenario() -> None:
        async with misbehaving(authority) as faulty:
            world = World(faulty, authority.device("device"), public=True)
            faulty.on(
                "GET /dcap",
                document(
                    f'<DeviceCapability xmlns="NS" href="/dcap" pollRate="{POLL_S}"><DERProgramListLink '
                    'href="/derp" all="0"/><TimeLink href="/tm"/><EndDeviceListLink href="/edev" all="1"/>'
                    '<MirrorUsagePointListLink href="/mup" all="0"/></DeviceCapability>'
                ),
            )
            faulty.on("GET /fsa", document('<FunctionSetAssignmentsList xmlns="NS" all="0" results="0"/>'))
            faulty.on("GET /dderc", empty("404 Not Found"))
            told = control(7, 20, 60, 2_000, required="00")
            begins, _, rest = told.partition("<EventStatus>")
            faulty.on("GET /derc", controls(f"{begins}<EventStatus/>{rest.partition('</EventStatus>')[2]}"))
            faulty.on(
                "GET /tm",
                document(
                    f'<Time xmlns="NS"><currentTime>{START}</currentTime><dstEndTime>1</dstEndTime>'
                    "<dstOffset>3600</dstOffset><localTime>5</localTime><tzOffset>-18000</tzOffset></Time>"
                ),
            )
            faulty.on("POST /mup", empty("201 Created", "Location: /mup_0\r\n"))
            fails = [empty("500 Oops")] * 3  # at the second reading of one kind
            once = [empty("400 Bad"), *[empty("201 Created")] * 5, *fails]
            faulty.on("POST /mup_0", *once, empty("204 No Content"))
            await world.live(40)
            assert world.limit_w == 1_000
            await world.live(600)
            assert world.limit_w > 4_000
            assert not world.agent.problems
            assert b"MirrorReadingSet" in faulty.bodies["POST /mup_0"][-1]
            assert "currentStatus missing" in str(world.esi.remarks)
            await world.esi.close()

    asyncio.run(scenario())


def test_fifteen_assignments_are_followed_and_those_without_programs_passed_over(
    authority: Authority,
) -> None:
    """CORE-011: several lead to the same list, and the strongest program comes last."""

    async def scenario() -> None:
        async with misbehaving(authority) as faulty:
            world = World(faulty, authority.device("device"))
            members = "".join(
                f'<FunctionSetAssignments href="/fsa/{n}">'
                + (f'<DERProgramListLink href="/derp{n // 4}"/>' if n % 4 else "")
                + f"<mRID>{n:02X}</mRID></FunctionSetAssignments>"
                for n in range(15)
            )
            faulty.on(
                "GET /fsa",
                document(
                    f'<FunctionSetAssignmentsList xmlns="NS" all="15" results="15">{members}'
                    "</FunctionSetAssignmentsList>"
                ),
            )
            for n in range(4):
                program = (
                    f'<DERProgram href="/p{n}"><mRID>{n:02X}</mRID><DERControlListLink href="/derc{n}"/>'
                    f"<primacy>{9 - n}</primacy></DERProgram>"
                )
                faulty.on(
                    f"GET /derp{n}",
                    document(f'<DERProgramList xmlns="NS" all="1" results="1">{program}</DERProgramList>'),
                )
                faulty.on(f"GET /derc{n}", controls(control(8 + n, 20, 600, 4_000 - 1_000 * n)))
            await world.live(40)
            assert world.limit_w == 500
            asked = Counter(faulty.asked)  # at first, and again before the start
            assert [asked[f"GET /derp{n}?s=0&l=255"] for n in range(4)] == [2] * 4
            await world.esi.close()

    asyncio.run(scenario())


def test_a_server_that_shows_another_certificate_is_left_and_its_event_runs_on(
    authority: Authority, tmp_path: Path
) -> None:
    async def scenario() -> None:
        strange = Authority.create(tmp_path, now=datetime.now(UTC))
        strange.issue_server(("localhost",), now=datetime.now(UTC))
        async with misbehaving(authority) as faulty, misbehaving(strange) as other:
            world = World(faulty, authority.device("device"))
            await world.live(40)
            url = world.esi.url
            await world.esi.close()
            world.esi.url = other.url
            await world.live(100)
            assert world.agent.state is State.REFUSED
            assert "is not trusted" in str(world.agent.problem)
            assert world.limit_w == 1_000
            assert not other.asked  # nothing is said to it
            world.esi.url = url
            await world.live(1_000)
            assert world.agent.state is State.CONNECTED
            assert world.limit_w == 4_000
            await world.esi.close()

    asyncio.run(scenario())


def test_readings_come_as_often_as_the_server_asks_by_now(authority: Authority) -> None:
    async def scenario() -> None:
        async with misbehaving(authority) as faulty:
            world = World(faulty, authority.device("device"))
            mup = '<MirrorUsagePointListLink href="/mup"/>'
            text = faulty.answers["GET /dcap"][0].partition(b"\r\n\r\n")[2].decode()
            faulty.on("GET /dcap", document(text.replace("</DeviceCapability>", f"{mup}</DeviceCapability>")))
            faulty.on("POST /mup", empty("201 Created", "Location: /mup/1\r\n"))
            faulty.on("POST /mup/1", empty("201 Created"))
            faulty.on("GET /mup/1", mirror(600))
            await world.live(1_000)
            assert Counter(faulty.asked)["POST /mup/1"] == 2
            faulty.on("GET /mup/1", mirror(60))
            await world.live(900)
            faulty.asked.clear()
            await world.live(600)
            assert Counter(faulty.asked)["POST /mup/1"] == 10
            await world.esi.close()

    asyncio.run(scenario())


def mirror(post_rate: int) -> bytes:
    return document(
        '<MirrorUsagePoint xmlns="NS" href="/mup/1"><mRID>01</mRID><roleFlags>00</roleFlags>'
        "<serviceCategoryKind>0</serviceCategoryKind><status>1</status><deviceLFDI>01</deviceLFDI>"
        f"<postRate>{post_rate}</postRate></MirrorUsagePoint>"
    )
