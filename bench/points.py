"""What SunSpec points cost: all of 1,000 devices in one request, and from a value that is set to the control.

    python -m bench.points            1,000 devices
    python -m bench.points --quick    100 devices

The yardstick of a scrape is reading and parsing the same rows, nothing made of them; that of a value that is
set is an event that the operator sends over the same API. Both end when the device has its DERControlList.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx2

from openesi.sep2 import identity, xml
from openesi.sep2 import model as sep
from openesi.server import operator
from openesi.server.documents import STORED, make_row
from openesi.server.functions.base import insert_member
from openesi.server.message import Peer, Request, Response
from openesi.server.service import Place, Service, running
from openesi.server.settings import Settings
from openesi.store import Reader, Transaction
from openesi.web.listener import listening
from openesi.web.live import Live

HERE = Path(__file__).parent
NOW = 1_800_000_000
ROUNDS = 30
GOALS = {"scrape_s": 1.0, "set_to_seen_ms": 50.0}
READINGS = (
    *("PhaseCurrentAvg", "InstantPackCurrent", "LineVoltageAvg", "PhasePowerAvg", "PhasePFA", "EnergyIMP"),
    *("EnergyEXP", "InstantPackTemp"),
)


def lfdi_of(number: int) -> bytes:
    return (number << 4).to_bytes(5, "big") + bytes(11) + number.to_bytes(4, "big")


def watts(value: int) -> sep.ActivePower:
    return sep.ActivePower(multiplier=0, value=value)


def plug_in(tx: Transaction, number: int, settings: Settings) -> None:
    """Register one charger, and put down what it would have posted."""
    lfdi = lfdi_of(number)
    device = operator.add_device(tx, lfdi, pin=111115, now=NOW, settings=settings).path
    der = f"{device}/der/1"
    information = sep.DeviceInformation(
        lFDI=lfdi, mfDate=0, mfHwVer="1", mfID=0, mfModel="Charger", mfSerNum=str(number),
        primaryPower=1, secondaryPower=0, swActTime=0, swVer="1",
    )  # fmt: skip
    rated = {"rtgMaxChargeRateW": watts(7_400), "rtgMaxDischargeRateW": watts(0), "rtgMaxW": watts(7_400)}
    info = sep.PEVInfo(
        chargingPowerNow=watts(3_000), energyRequestNow=sep.RealEnergy(multiplier=0, value=number),
        maxForwardPower=watts(7_400), minimumChargingDuration=1, targetStateOfCharge=8_000,
        timeChargeIsNeeded=NOW, timeChargingStatusPEV=NOW,
    )  # fmt: skip
    for path, document in (
        (f"{device}/di", information),
        (f"{der}/dercap", sep.DERCapability(modesSupported=bytes(4), type=82, **rated)),
        (
            f"{der}/derg",
            sep.DERSettings(
                setGradW=1, setMaxW=watts(7_400), setMaxChargeRateW=watts(7_400), updatedTime=NOW
            ),
        ),
        (
            f"{der}/ders",
            sep.DERStatus(
                readingTime=NOW,
                inverterStatus=sep.InverterStatusType(dateTime=NOW, value=4),
                localControlModeStatus=sep.LocalControlModeStatusType(dateTime=NOW, value=1),
                stateOfChargeStatus=sep.StateOfChargeStatusType(dateTime=NOW, value=number % 10_000),
                storConnectStatus=sep.ConnectStatusType(dateTime=NOW, value=b"\x07"),
            ),
        ),
        (f"{der}/dera", sep.DERAvailability(availabilityDuration=number, readingTime=NOW)),
        (
            f"{device}/ps",
            sep.PowerStatus(batteryStatus=0, changedTime=NOW, currentPowerSource=1, PEVInfo=info),
        ),
    ):
        tx.put(make_row(path, document))
    point = sep.UsagePoint(
        mRID=lfdi[:16], roleFlags=bytes(2), serviceCategoryKind=0, status=1, deviceLFDI=lfdi
    )
    listing = insert_member(tx, "/upt", point, scope=lfdi, key=lfdi + lfdi[:16]).path + "/mr"
    for place, name in enumerate(READINGS):
        reading = sep.MeterReading(
            mRID=lfdi[:15] + bytes((place,)),
            description=name,
            ReadingTypeLink=sep.ReadingTypeLink(href="/"),
        )
        path = insert_member(tx, listing, reading).path
        tx.put(make_row(f"{path}/rt", sep.ReadingType(uom=38, powerOfTenMultiplier=0)))
        tx.put(make_row(f"{path}/r", sep.Reading(value=number)))


def read_only(reader: Reader) -> int:
    """Read and parse all that a scrape looks at, and make nothing of it."""
    count = 0
    for kind in (
        *("EndDevice", "DeviceInformation", "DERCapability", "DERSettings", "DERStatus", "DERAvailability"),
        *("PowerStatus", "UsagePoint", "MeterReading", "ReadingType", "Reading"),
    ):
        for row in reader.of_type(kind, limit=1_000_000):
            xml.parse(row.body, STORED)
            count += 1
    return count


async def timed(action: Callable[[], Awaitable[object]]) -> float:
    begin = time.perf_counter()
    await action()
    return time.perf_counter() - begin


async def seen_by(service: Service, number: int, path: str) -> None:
    """Ask for a control as its device does; it must be there."""
    lfdi = lfdi_of(number)
    peer = Peer(lfdi, identity.sfdi_from_lfdi(lfdi), None, False, "127.0.0.1")
    listing = path.rpartition("/")[0]
    request = Request(
        "GET", f"{listing}?l=255", listing, "l=255", {"accept": "application/sep+xml"}, b"", peer
    )
    answer = service.application(request)
    response = answer if isinstance(answer, Response) else await answer
    assert path.encode() + b'"' in response.body, f"{path} is not there: {response}"


async def measure(devices: int, folder: Path) -> dict[str, float]:
    place = Place(data=folder, hosts=("127.0.0.1",), port=0)
    async with running(place, Settings()) as service:
        for start in range(1, devices + 1, 100):
            numbers = range(start, min(start + 100, devices + 1))
            await service.store.write(
                lambda tx, numbers=numbers: [plug_in(tx, number, service.settings) for number in numbers]
            )
        live = Live(service)
        async with (
            listening(service, host="127.0.0.1", port=0, live=live) as url,
            httpx2.AsyncClient(base_url=url, timeout=60) as api,
        ):

            async def scrape() -> None:
                answer = (await api.get("/api/points")).json()
                assert len(answer) == devices
                assert len(answer[-1]["values"]) == 26

            async def put(number: int) -> None:
                path = f"/api/points/{identity.sfdi_from_lfdi(lfdi_of(number)):012d}/b124_WChaMax"
                answer = await api.put(path, json={"value": number % 7_000})
                await seen_by(service, number, answer.json()["event"])

            async def send(number: int) -> None:
                answer = await api.post("/api/events", json={"target_w": number})
                await seen_by(service, number, answer.json()["href"])

            async def warm() -> None:
                await api.get("/api/status")

            await warm()
            first = await timed(scrape)
            begin = time.process_time()
            again = statistics.median([await timed(scrape) for _ in range(3)])
            cpu = (time.process_time() - begin) / 3
            begin = time.perf_counter()
            rows = await service.store.read(read_only)
            alone = time.perf_counter() - begin
            new = [await timed(lambda number=number: put(number)) for number in range(1, ROUNDS + 1)]
            more = [await timed(lambda number=number: put(number)) for number in range(1, ROUNDS + 1)]
            sent = [await timed(lambda number=number: send(number)) for number in range(1, ROUNDS + 1)]
    return {
        "devices": devices,
        "rows": rows,
        "scrape_first_s": first,
        "scrape_s": again,
        "scrape_cpu_s": cpu,
        "read_and_parse_s": alone,
        "scrape_over_parse": again / alone,
        "first_set_to_seen_ms": 1e3 * statistics.median(new),
        "set_to_seen_ms": 1e3 * statistics.median(more),
        "set_to_seen_slowest_ms": 1e3 * max(new + more),
        "event_to_seen_ms": 1e3 * statistics.median(sent),
        "set_over_event": statistics.median(more) / statistics.median(sent),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    devices = 100 if parser.parse_args().quick else 1_000
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(measure(devices, Path(folder)))
    for name, value in found.items():
        goal = f"   goal: below {GOALS[name]:g}" if name in GOALS else ""
        print(f"{name:<26}{value:>12.3f}{goal}")
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    (results / "points.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
