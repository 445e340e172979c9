"""An inverter at bsgip/envoy, a CSIP-AUS server: documents as its own schema package writes and reads them.

What the server does with them is told after its source (src/envoy/server): mirrors want MirrorReadingSets,
Time is linked from assignments alone, a client that is not registered sees little.
"""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime
from typing import Any

import pytest
from envoy_schema.server.schema.csip_aus.connection_point import ConnectionPointLink, ConnectionPointRequest
from envoy_schema.server.schema.sep2 import der, metering_mirror, response
from envoy_schema.server.schema.sep2.device_capability import DeviceCapabilityResponse
from envoy_schema.server.schema.sep2.end_device import (
    EndDeviceListResponse,
    EndDeviceRequest,
    EndDeviceResponse,
)
from envoy_schema.server.schema.sep2.event import EventStatus
from envoy_schema.server.schema.sep2.function_set_assignments import (
    FunctionSetAssignmentsListResponse,
    FunctionSetAssignmentsResponse,
)
from envoy_schema.server.schema.sep2.identification import Link, ListLink
from envoy_schema.server.schema.sep2.time import TimeResponse
from envoy_schema.server.schema.sep2.types import DateTimeIntervalType

from client.faulty import Faulty, empty, misbehaving
from openesi.client import Agent, Client
from openesi.devices.house import summer_site
from openesi.devices.solar import SolarInverter
from openesi.pki import Authority, Identity
from openesi.sep2 import identity as identities
from openesi.sep2.editions import CSIP_AUS_13

START = 1_800_000_000
GCM_ALONE = "ECDHE-ECDSA-AES256-GCM-SHA384"  # what a TLS library without CCM8 offers


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    made = Authority.create(tmp_path_factory.mktemp("pki"), now=datetime.now(UTC))
    made.issue_server(("localhost",), now=datetime.now(UTC))
    made.issue_device("device", now=datetime.now(UTC))
    return made


def answer(document: Any, status: str = "200 OK", *, declared: bool = False) -> bytes:
    body = document.to_xml(skip_empty=False, exclude_none=True, exclude_unset=True)
    if declared:
        body = b'<?xml version="1.0" encoding="UTF-8"?>\n' + body
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/sep+xml\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def watts(value: int) -> der.ActivePower:
    return der.ActivePower(multiplier=-2, value=value * 100)


def end_devices(own: Identity | None) -> EndDeviceListResponse:
    members = []
    if own is not None:
        members = [
            EndDeviceResponse(
                href="/edev/1",
                lFDI=identities.format_lfdi(own.lfdi).lower(),
                sFDI=own.sfdi,
                deviceCategory="40000",
                changedTime=START,
                enabled=True,
                ConnectionPointLink=ConnectionPointLink(href="/edev/1/cp"),
                DERListLink=ListLink(href="/edev/1/der", all_=1),
                FunctionSetAssignmentsListLink=ListLink(href="/edev/1/fsa", all_=1),
            )
        ]
    return EndDeviceListResponse(
        href="/edev", all_=len(members), results=len(members), pollRate=60, EndDevice=members
    )


class Envoy:
    """Sets up what the server answers, and says what it was told."""

    def __init__(self, server: Faulty, own: Identity) -> None:
        self.server, self.own = server, own
        edev = ListLink(href="/edev", all_=0)
        server.on("GET /dcap", answer(DeviceCapabilityResponse(href="/dcap", EndDeviceListLink=edev)))
        server.on("GET /edev", answer(end_devices(None)))
        server.on("POST /edev", empty("201 Created", "Location: /edev/1\r\n"))
        server.on("GET /edev/1", empty("404 Not Found"))
        self.later = {
            "GET /dcap": DeviceCapabilityResponse(
                href="/dcap",
                pollRate=60,
                EndDeviceListLink=ListLink(href="/edev", all_=1),
                MirrorUsagePointListLink=ListLink(href="/mup", all_=0),
            ),
            "GET /edev": end_devices(own),
            "GET /edev/1/fsa": FunctionSetAssignmentsListResponse(
                href="/edev/1/fsa",
                all_=1,
                results=1,
                FunctionSetAssignments=[
                    FunctionSetAssignmentsResponse(
                        href="/edev/1/fsa/1",
                        mRID="F5A".rjust(32, "0"),
                        description="",
                        TimeLink=Link(href="/tm"),
                        DERProgramListLink=ListLink(href="/edev/1/derp", all_=1),
                    )
                ],
            ),
            "GET /tm": TimeResponse(
                href="/tm",
                currentTime=START,
                dstEndTime=0,
                dstOffset=0,
                dstStartTime=0,
                localTime=START,
                quality=4,
                tzOffset=36_000,
            ),
            "GET /edev/1/derp": der.DERProgramListResponse(
                href="/edev/1/derp",
                pollRate=60,
                all_=1,
                results=1,
                DERProgram=[
                    der.DERProgramResponse(
                        href="/edev/1/derp/1",
                        mRID="D0E".rjust(32, "0"),
                        primacy=0,
                        description="Dynamic Operating Envelope",
                        DERControlListLink=ListLink(href="/edev/1/derp/1/derc", all_=1),
                        DefaultDERControlLink=Link(href="/edev/1/derp/1/dderc"),
                    )
                ],
            ),
            "GET /edev/1/derp/1/dderc": der.DefaultDERControl(
                mRID="D0F".rjust(32, "0"), DERControlBase_=der.DERControlBase(opModExpLimW=watts(3_000))
            ),
            "GET /edev/1/derp/1/derc": self.controls(watts(1_000)),
            "GET /edev/1/der": der.DERListResponse(
                href="/edev/1/der",
                all_=1,
                results=1,
                pollRate=60,
                DER_=[
                    der.DER(
                        href="/edev/1/der/1",
                        DERCapabilityLink=Link(href="/edev/1/der/1/dercap"),
                        DERSettingsLink=Link(href="/edev/1/der/1/derg"),
                        DERStatusLink=Link(href="/edev/1/der/1/ders"),
                        DERAvailabilityLink=Link(href="/edev/1/der/1/dera"),
                    )
                ],
            ),
        }

    def controls(self, limit: der.ActivePower) -> der.DERControlListResponse:
        control = der.DERControlResponse.model_validate(
            {
                "href": "/edev/1/derp/1/derc/7",
                "mRID": "7".rjust(32, "0"),
                "version": 1,
                "description": "2027-01-15T08:00:20+00:00",
                "replyTo": "/edev/1/rsps/doe/rsp",
                "responseRequired": "03",
                "interval": DateTimeIntervalType(duration=300, start=START + 20),
                "creationTime": START,
                "EventStatus_": EventStatus(currentStatus=0, dateTime=START, potentiallySuperseded=False),
                "DERControlBase_": der.DERControlBase(opModExpLimW=limit, opModImpLimW=watts(5_000)),
            }
        )
        return der.DERControlListResponse(href="/edev/1/derp/1/derc", all_=1, results=1, DERControl=[control])

    def registered(self) -> None:
        server = self.server
        for asked, document in self.later.items():
            server.on(asked, answer(document, declared=asked == "GET /tm"))
        for part in ("dercap", "derg", "ders", "dera"):
            server.on(f"PUT /edev/1/der/1/{part}", empty("204 No Content"))
        server.on("PUT /edev/1/cp", empty("201 Created"))
        server.on("POST /edev/1/rsps/doe/rsp", empty("201 Created", "Location: /rsp/1\r\n"))
        server.on("POST /mup", empty("201 Created", "Location: /mup/1\r\n"))
        # Neither a list nor a single reading, as the first releases had it; sets alone.
        server.on("POST /mup/1", empty("400 Bad Request"), empty("400 Bad Request"), empty("201 Created"))


def test_an_inverter_registers_obeys_and_reports(authority: Authority) -> None:
    async def scenario() -> None:
        own = authority.device("device")
        async with (
            misbehaving(authority, ciphers=GCM_ALONE) as server,
            Client(server.url, cert=own.cert, key=own.key, ca=own.ca) as esi,
        ):
            envoy, now = Envoy(server, own), float(START)
            device = SolarInverter(site=summer_site(START))
            agent = Agent(
                esi,
                device,
                connection_point="NMI1234567",
                random=random.Random(1),
                local=lambda: now,
                fallback_s=0.0,
            )

            async def live(seconds: int) -> None:
                nonlocal now
                for _ in range(seconds):
                    agent.tick()
                    while await agent.turn() <= 0:
                        pass
                    now += 1

            await live(2)
            registration = EndDeviceRequest.from_xml(server.bodies["POST /edev"][0])
            assert (registration.lFDI, registration.sFDI) == (identities.format_lfdi(own.lfdi), own.sfdi)
            assert server.asked.count("POST /edev") == 1
            envoy.registered()
            await live(1_000)
            assert esi.edition is CSIP_AUS_13
            posted = server.bodies["POST /edev/1/rsps/doe/rsp"]
            answers = [response.DERControlResponse.from_xml(body) for body in posted]
            assert [one.status for one in answers] == [1, 2, 3]
            assert agent.programs is not None
            assert agent.programs.orders.base.opModExpLimW is not None
            limit = agent.programs.orders.base.opModExpLimW
            assert limit.value * 10**limit.multiplier == 3_000
            point = ConnectionPointRequest.from_xml(server.bodies["PUT /edev/1/cp"][0])
            assert point.id == "NMI1234567"
            assert len(server.bodies["PUT /edev/1/cp"]) == 1
            capability = der.DERCapability.from_xml(server.bodies["PUT /edev/1/der/1/dercap"][-1])
            assert capability.doeModesSupported == "0F"
            assert der.DERSettings.from_xml(server.bodies["PUT /edev/1/der/1/derg"][-1]).doeModesEnabled
            assert der.DERStatus.from_xml(server.bodies["PUT /edev/1/der/1/ders"][-1]).readingTime > START
            mirror = metering_mirror.MirrorUsagePointRequest.from_xml(server.bodies["POST /mup"][0])
            assert mirror.mirrorMeterReadings
            sets = metering_mirror.MirrorMeterReadingRequest.from_xml(server.bodies["POST /mup/1"][-1])
            assert sets.mirrorReadingSets
            assert sets.mirrorReadingSets[0].readings
            assert "500000 x 10^-2 taken as 5000 x 10^0" in esi.remarks["/edev/1/derp/1/derc?s=0&l=255"]
            assert not agent.problems

    asyncio.run(scenario())
