"""Every kind of device at a server that says whatever the schema lets it say: nothing stops the device."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openesi.client import Agent, Client, TLSSettings
from openesi.client.http import Answer
from openesi.devices.catalogue import DEVICES
from openesi.pki import Authority, Identity
from openesi.sep2 import model as sep
from openesi.sep2 import xml
from openesi.sep2.editions import CSIP_AUS_13
from openesi.sep2.errors import EncodeError
from strategies import values

START = 1_800_000_000
STEP_S, STEPS = 20, 12
MOST_REQUESTS = 1_200  # 200 intervals have a price each


def drawn(kind: type[sep.Sep]) -> st.SearchStrategy[Any]:
    return values(kind, CSIP_AUS_13)


@st.composite
def listing(draw: st.DrawFn, kind: type[Any]) -> Any:
    """A list of events, most of them about now, some of them known under one mRID."""
    name = kind.__name__.removesuffix("List")
    members = []
    for one in draw(st.lists(drawn(getattr(sep, name)), max_size=4)):
        start = draw(st.integers(START - 100, START + 200) | st.just(one.interval.start))
        duration = draw(st.integers(0, 200) | st.just(one.interval.duration))
        changes: dict[str, Any] = {
            "interval": sep.DateTimeInterval(duration=duration, start=start),
            "replyTo": draw(st.sampled_from(["/rsp", "/nowhere", None])),
            "mRID": draw(st.sampled_from([one.mRID, b"\x07"])),
        }
        if hasattr(one, "deviceCategory"):
            changes["deviceCategory"] = draw(st.sampled_from([b"\xff\xff\xff\xff", one.deviceCategory]))
        if hasattr(one, "primacy"):
            changes["primacy"] = draw(st.integers(0, 2))
        members.append(sep.replace(one, **changes))
    return kind(href="/x", all=draw(st.integers(0, 9)), results=0, **{name: tuple(members)})


ANYTHING = st.fixed_dictionaries({
    "/dderc": drawn(sep.DefaultDERControl),
    "/derc": listing(sep.DERControlList),
    "/edc": listing(sep.EndDeviceControlList),
    "/tti": listing(sep.TimeTariffIntervalList),
    "/txt": listing(sep.TextMessageList),
    "/frp": listing(sep.FlowReservationResponseList),
    "/rt": drawn(sep.ReadingType),
    "/mup/1": drawn(sep.MirrorUsagePoint),
    "else": st.one_of(
        [drawn(one) for one in (sep.DERCurve, sep.ConsumptionTariffIntervalList, sep.Registration)]
    ),
})  # fmt: skip


def listed(name: str, href: str, **members: Any) -> sep.Sep:
    kind: Any = getattr(sep, f"{name}List")
    member: Any = getattr(sep, name)
    mrid = {"mRID": bytes(15) + b"\x01"} if "mRID" in member.__struct_fields__ else {}
    return kind(href=href, all=1, results=1, **{name: (member(href=f"{href}/1", **mrid, **members),)})


def fixed(own: Identity) -> dict[str, sep.Sep]:
    """What leads to everything."""
    return {
        "/dcap": sep.DeviceCapability(
            TimeLink=sep.TimeLink(href="/tm"),
            EndDeviceListLink=sep.EndDeviceListLink(href="/edev"),
            MirrorUsagePointListLink=sep.MirrorUsagePointListLink(href="/mup"),
            pollRate=30,
        ),
        "/tm": sep.Time(
            currentTime=START, dstEndTime=0, dstOffset=0, dstStartTime=0, quality=7, tzOffset=0
        ),
        "/edev": listed(
            "EndDevice",
            "/edev",
            lFDI=own.lfdi,
            sFDI=own.sfdi,
            changedTime=1,
            FunctionSetAssignmentsListLink=sep.FunctionSetAssignmentsListLink(href="/fsa"),
            DERListLink=sep.DERListLink(href="/der"),
            FlowReservationRequestListLink=sep.FlowReservationRequestListLink(href="/frq"),
            FlowReservationResponseListLink=sep.FlowReservationResponseListLink(href="/frp"),
            LoadShedAvailabilityListLink=sep.LoadShedAvailabilityListLink(href="/lsl"),
            LogEventListLink=sep.LogEventListLink(href="/lel"),
            PowerStatusLink=sep.PowerStatusLink(href="/ps"),
        ),
        "/fsa": listed(
            "FunctionSetAssignments",
            "/fsa",
            DERProgramListLink=sep.DERProgramListLink(href="/derp"),
            DemandResponseProgramListLink=sep.DemandResponseProgramListLink(href="/dr"),
            TariffProfileListLink=sep.TariffProfileListLink(href="/tp"),
            MessagingProgramListLink=sep.MessagingProgramListLink(href="/msg"),
        ),
        "/derp": listed(
            "DERProgram",
            "/derp",
            primacy=1,
            DefaultDERControlLink=sep.DefaultDERControlLink(href="/dderc"),
            DERControlListLink=sep.DERControlListLink(href="/derc"),
        ),
        "/dr": listed(
            "DemandResponseProgram",
            "/dr",
            primacy=1,
            availabilityUpdatePercentChangeThreshold=1,
            EndDeviceControlListLink=sep.EndDeviceControlListLink(href="/edc"),
        ),
        "/tp": listed(
            "TariffProfile",
            "/tp",
            primacy=1,
            serviceCategoryKind=0,
            RateComponentListLink=sep.RateComponentListLink(href="/rc"),
        ),
        "/rc": listed(
            "RateComponent",
            "/rc",
            roleFlags=bytes(2),
            ReadingTypeLink=sep.ReadingTypeLink(href="/rt"),
            TimeTariffIntervalListLink=sep.TimeTariffIntervalListLink(href="/tti"),
        ),
        "/msg": listed(
            "MessagingProgram",
            "/msg",
            locale="en",
            primacy=1,
            TextMessageListLink=sep.TextMessageListLink(href="/txt"),
        ),
        "/der": listed("DER", "/der", DERStatusLink=sep.DERStatusLink(href="/ders")),
    }  # fmt: skip


class AnyServer:
    """Answers in process, in place of a connection."""

    def __init__(self, documents: Mapping[str, sep.Sep]) -> None:
        self.documents = documents
        self.requests = 0
        self.posted: list[bytes] = []

    async def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        self.requests += 1
        path = url.removeprefix("https://any.test").partition("?")[0]
        if method == "POST":
            if path == "/rsp":
                self.posted.append(body.partition(b"<endDeviceLFDI>")[2])
            return Answer(201, {"location": f"{path}/1"}, b"", url)
        if method == "PUT":
            return Answer(204, {}, b"", url)
        document = self.documents.get(path, self.documents["else"])
        try:
            text = xml.serialize(document, CSIP_AUS_13)
        except EncodeError:
            return Answer(500, {}, b"", url)
        return Answer(200, {"content-type": "application/sep+xml"}, text, url)

    async def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    authority = Authority.create(tmp_path_factory.mktemp("pki"), now=datetime.now(UTC))
    return authority.issue_device("any", now=datetime.now(UTC))


@pytest.mark.parametrize("name", ["inverter", "evse", "thermostat", "switch", "appliance", "display"])
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents=ANYTHING, seed=st.integers(0, 99))
def test_nothing_stops_it(
    own: Identity,
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    documents: dict[str, sep.Sep],
    seed: int,
) -> None:
    async def scenario(memory: Path) -> None:
        server = AnyServer(documents | fixed(own))
        tls = TLSSettings(cert=own.cert, key=own.key, ca=(own.ca,))
        esi = Client("https://any.test", tls=tls, edition=CSIP_AUS_13, transport=server)
        now = float(START)
        device = DEVICES[name].make(now)
        agent = Agent(
            esi, device, random=random.Random(seed), local=lambda: now, fallback_s=0.0, memory=memory
        )
        turns = 0
        for _ in range(STEPS):
            agent.tick()
            while await agent.turn() <= 0:
                turns += 1
            now += STEP_S
        assert turns < 5 * STEPS
        assert server.requests < MOST_REQUESTS
        assert len(server.posted) == len(set(server.posted))  # nothing is said twice
        again = Agent(
            esi, DEVICES[name].make(now), random=random.Random(seed), local=lambda: now, memory=memory
        )
        again.tick()
        assert not memory.with_suffix(".bad").exists()  # what it remembered it can read

    asyncio.run(scenario(tmp_path_factory.mktemp("memory") / "memory.json"))
