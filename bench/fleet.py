"""What devices cost: the scheduler alone, a request, a device that idles, devices for each core.

    python -m bench.fleet            300 devices
    python -m bench.fleet --count 50 fewer, to see that it works

A server runs beside it in a process of its own. Requests are compared with the plain httpx2 client in the
same run; the memory of a device with that of its TLS context and connection alone, in another process.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx2

from openesi.client import Client, der
from openesi.client.scheduler import Scheduler
from openesi.client.tls import TLSSettings, make_context
from openesi.devices.fleet import Fleet, Statistics
from openesi.devices.house import Credentials, summer_site
from openesi.devices.solar import SolarInverter
from openesi.devices.wire import Wire
from openesi.pki import Authority
from openesi.sep2 import model as sep
from openesi.sep2.enums import DeviceCategory

RESULTS = Path(__file__).parent / "results"
POLL_S = 10  # devices poll so often here; costs are scaled to one poll a minute
MINUTE_S = 60
GOAL_KB = 60.0
PAGE = os.sysconf("SC_PAGE_SIZE")


@contextmanager
def serving(data: Path) -> Iterator[tuple[str, int]]:
    """Run a server; yield its URL and process id."""
    command = [
        sys.executable,
        "-m",
        "openesi",
        "serve",
        "--data",
        str(data),
        "--host",
        "127.0.0.1",
        "--quiet",
    ]
    rates = ["--poll", str(POLL_S), "--post", str(POLL_S)]
    process = subprocess.Popen(
        [*command, *rates, "--port", "0", "--web-port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"XDG_STATE_HOME": str(data)},
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().split()[1], process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        process.stdout.close()


def credentials_of(authority: Authority, count: int) -> list[Credentials]:
    """Return the fleet's certificates."""
    found = (authority.device(f"fleet-{number}") for number in range(count))
    return [Credentials(one.cert, one.key, one.ca, one.pin) for one in found]


def resident_kb() -> float:
    """Return the memory this process has now."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 1024


def cpu_of_s(process: int) -> float:
    """Return the CPU time that a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def controls(count: int, programs: int) -> list[der.Program]:
    """Return as many controls in each of so many programs, overlapping each other."""
    made = []
    for number in range(programs):
        listed = tuple(
            sep.DERControl(
                mRID=bytes((number, one)).rjust(16, b"\x01"),
                responseRequired=b"\x03",
                creationTime=one,
                EventStatus=sep.EventStatus(currentStatus=0, dateTime=0, potentiallySuperseded=False),
                interval=sep.DateTimeInterval(duration=900, start=1_000 + one * 600 + number * 100),
                DERControlBase=sep.DERControlBase(opModMaxLimW=one, opModEnergize=True),
            )
            for one in range(count)
        )
        made.append(der.Program(mrid=bytes((number + 1,)).rjust(16, b"\0"), primacy=number, controls=listed))
    return made


def per_second(work: Callable[[int], object], *, seconds: float = 1.0) -> float:
    """Return how often ``work`` is done in a second."""
    began, count = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - began) < seconds:
        work(count)
        count += 1
    return count / elapsed


def scheduler_rates() -> dict[str, float]:
    """Decisions of one device: a whole new schedule, a poll that changes nothing, what rules now."""
    rates = {}
    for name, programs in (("24 controls", controls(24, 1)), ("15 programs of 24", controls(24, 15))):
        found = der.occurrences(
            programs, supported=frozenset(der.MODES), category=DeviceCategory.PHOTOVOLTAIC
        )

        def schedule(number: int, found: list[der.Occurrence] = found) -> Scheduler:
            scheduler = Scheduler(random.Random(number))
            scheduler.update(found, 0)
            return scheduler

        ready = schedule(0)
        rates[f"{name}: schedules made"] = per_second(schedule)
        rates[f"{name}: polls without change"] = per_second(
            lambda _, ready=ready, found=found: ready.update(found, 1)
        )
        rates[f"{name}: decisions"] = per_second(lambda number, ready=ready: ready.active(number % 9_000))
    return rates


def wire_of(who: Credentials) -> Wire:
    """Return what a device of a fleet sends its requests with."""
    tls = TLSSettings(cert=who.cert, key=who.key, ca=(who.ca,))
    return Wire(lambda: make_context(tls), Statistics(), asyncio.Semaphore(1))


async def request_cost_ms(url: str, who: Credentials) -> dict[str, float]:
    """CPU of this side for a kept-alive GET of /dcap: both of ours with decoding, httpx2 without."""
    tls = TLSSettings(cert=who.cert, key=who.key, ca=(who.ca,))
    count = 400
    costs = {}
    async with Client(url, tls=tls) as esi:
        await esi.device_capability()
        began = time.process_time()
        for _ in range(count):
            await esi.device_capability()
        costs["openesi.client"] = (time.process_time() - began) / count * 1000
    async with Client(url, tls=tls, transport=wire_of(who)) as esi:
        await esi.device_capability()
        began = time.process_time()
        for _ in range(count):
            await esi.device_capability()
        costs["the wire of fleets"] = (time.process_time() - began) / count * 1000
    async with httpx2.AsyncClient(verify=make_context(tls), trust_env=False) as plain:
        headers = {"Accept": "application/sep+xml"}
        await plain.get(url, headers=headers)
        began = time.process_time()
        for _ in range(count):
            (await plain.get(url, headers=headers)).content  # noqa: B018
        costs["httpx2"] = (time.process_time() - began) / count * 1000
    return costs


async def tls_memory_kb(url: str, credentials: list[Credentials]) -> float:
    """Return what a context and an open connection take, without a device."""
    before = resident_kb()
    transports = []
    for who in credentials:
        transport = wire_of(who)
        await transport.send("GET", url, {"Accept": "application/sep+xml"})
        transports.append(transport)
    grown = resident_kb() - before
    for transport in transports:
        await transport.close()
    return grown / len(credentials)


async def fleet_costs(url: str, credentials: list[Credentials], server: int) -> dict[str, float]:
    """Run the fleet until it has settled; return CPU and memory of a device, and what it costs its server."""
    before = resident_kb()
    fleet = Fleet(
        url=url,
        make=lambda now: SolarInverter(site=summer_site(now)),
        credentials=credentials,
        starts_per_s=40,
        seed=1,
    )
    settling_s = len(credentials) / 40 + 2 * POLL_S
    starting = time.process_time()
    task = asyncio.create_task(fleet.run(None))
    await asyncio.sleep(settling_s)
    memory_kb = (resident_kb() - before) / len(credentials)
    first_ms = (time.process_time() - starting) / len(credentials) * 1000
    server_s = cpu_of_s(server)
    requests, began = sum(fleet.statistics.requests.values()), time.process_time()
    measured_s = 3 * POLL_S
    await asyncio.sleep(measured_s)
    cpu_s, server_s = time.process_time() - began, cpu_of_s(server) - server_s
    requests = sum(fleet.statistics.requests.values()) - requests
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    summary = fleet.summary()
    polls = measured_s / POLL_S * len(credentials)
    return {
        "memory_kb": memory_kb,
        "cpu_ms_first_contact_and_two_polls": first_ms,
        "cpu_ms_per_poll": cpu_s / polls * 1000,
        "server_cpu_ms_per_poll": server_s / polls * 1000,
        "requests_per_poll": requests / polls,
        "clients_per_core_at_60_s": MINUTE_S / (cpu_s / polls),
        "connected": summary.connected,
        "errors": sum(summary.errors.values()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--tls", nargs=2, metavar=("URL", "DATA"), help="measure TLS alone, for this program")
    arguments = parser.parse_args()
    count = arguments.count
    if arguments.tls:
        url, data = arguments.tls
        print(asyncio.run(tls_memory_kb(url, credentials_of(Authority.open(Path(data)), count))))
        return
    results: dict[str, object] = {"devices": count}
    results["scheduler_per_s"] = rates = {name: round(rate) for name, rate in scheduler_rates().items()}
    for name, rate in rates.items():
        print(f"{name:<40} {rate:>10,} /s")
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        authority = Authority.create(data, now=datetime.now(UTC))
        authority.issue_server(["localhost", "127.0.0.1"], now=datetime.now(UTC))
        for number in range(count):
            authority.issue_device(f"fleet-{number}", now=datetime.now(UTC), pin=111115)
        credentials = credentials_of(authority, count)
        with serving(data) as (url, server):
            costs = asyncio.run(request_cost_ms(url, credentials[0]))
            results["request_cpu_ms"] = costs
            for name, cost in costs.items():
                print(f"{'GET /dcap, ' + name:<40} {cost:>10.2f} ms CPU")
            results["fleet"] = fleet = asyncio.run(fleet_costs(url, credentials, server))
            command = [sys.executable, "-m", "bench.fleet", "--count", str(count), "--tls", url, str(data)]
            results["tls_kb"] = tls_kb = float(subprocess.check_output(command, text=True))
    own_kb = fleet["memory_kb"] - tls_kb
    results["device_kb_without_tls"], results["goal_kb"] = own_kb, GOAL_KB
    print(f"{'TLS context and connection':<40} {tls_kb:>10.1f} kB")
    print(f"{'device without them (goal under 60)':<40} {own_kb:>10.1f} kB")
    print(f"{'a poll (' + format(fleet['requests_per_poll'], '.1f') + ' requests)':<40} "
          f"{fleet['cpu_ms_per_poll']:>10.1f} ms CPU")  # fmt: skip
    print(f"{'the same poll at its server':<40} {fleet['server_cpu_ms_per_poll']:>10.1f} ms CPU")
    print(f"{'clients for each core, one poll a minute':<40} {fleet['clients_per_core_at_60_s']:>10,.0f}")
    print(f"{'connected, errors':<40} {fleet['connected']:>6.0f} {fleet['errors']:>3.0f}")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "fleet.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
