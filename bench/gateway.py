"""What the meter gateway costs and keeps up: answers for 48 hours, days of faults at once, polling under
load.

``python -m bench.gateway [--days 60]``. The days are simulated: an emulated dongle with faults and the real
poller, decoder and cache, joined in memory. The load is real: a gateway process over TLS, asked as fast as it
answers, while the times at which it asks the dongle are taken down at the dongle. Writes
bench/results/gateway.json.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import gc
import json
import os
import signal
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path

from openesi.gateway.api import compress
from openesi.gateway.cache import Point
from openesi.gateway.csvout import render_csv
from openesi.gateway.emulate import run_on_tcp
from openesi.gateway.emulator import Emulator, Fault, FaultKind
from openesi.gateway.events import Outcome, Quantity
from openesi.gateway.fragments import Scale
from openesi.gateway.greenbutton import Feed
from openesi.gateway.load import House
from openesi.gateway.poller import Poller
from openesi.gateway.raven import StreamDecoder
from openesi.gateway.record import MeterRecord, SeriesName
from openesi.gateway.users import UserStore

START_S = 1_700_000_000
DAY_S = 86_400
LOAD_S = 20
CLIENTS = 4
RESULTS = Path(__file__).parent / "results" / "gateway.json"
DEMAND = (
    b"<InstantaneousDemand>\r\n  <DeviceMacId>0xd8d5b9000000054e</DeviceMacId>\r\n"
    b"  <MeterMacId>0x00135003001aecf6</MeterMacId>\r\n  <TimeStamp>0x1be173c4</TimeStamp>\r\n"
    b"  <Demand>0x001540</Demand>\r\n"
    b"  <Multiplier>0x00000001</Multiplier>\r\n  <Divisor>0x000003e8</Divisor>\r\n"
    b"</InstantaneousDemand>\r\n"
)
Results = dict[str, float | int | str]


def best_ms(work: Callable[[], object], rounds: int = 7) -> float:
    """The shortest of some runs, in milliseconds."""
    times = []
    for _ in range(rounds):
        gc.collect()
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1000 * min(times)


def measure_answers() -> Results:
    """Rendering all of a full cache."""
    house, record = House(), MeterRecord("bench")
    times = range(START_S, START_S + 2 * DAY_S, 4)
    record.restore(SeriesName.POWER, (Point(t, house.power_w(t), Scale(1, 1000)) for t in times))
    record.restore(SeriesName.ENERGY, (Point(t, t // 60, Scale(1, 1000)) for t in times[::15]))
    power, end = partial(record.runs, SeriesName.POWER), times[-1]
    energy = partial(record.runs, SeriesName.ENERGY)
    feed = Feed("meter", end, START_S, end, 4, 60, True, False, power, energy, energy)

    def green_button() -> list[bytes]:
        return [piece.encode() for piece in feed.render()]

    csv = render_csv(power(START_S, end))
    return {
        "48 h as CSV, ms": round(best_ms(lambda: render_csv(power(START_S, end)).encode()), 1),
        "48 h as CSV, kB": len(csv) // 1000,
        "48 h as Green Button, ms": round(best_ms(green_button), 1),
        "48 h as Green Button, kB": sum(map(len, green_button())) // 1000,
        "48 h as Green Button, gzip, ms": round(best_ms(lambda: list(compress(green_button()))), 1),
        "48 h as Green Button, gzip, kB": sum(map(len, compress(green_button()))) // 1000,
        "fragments decoded per ms": round(2000 / best_ms(lambda: StreamDecoder().receive(DEMAND * 2000)), 1),
    }


class Watch:
    """Looks at the time tags as they are stored.

    Readings that are not there, and the wait after each fault.
    """

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        self.missing = 0
        self.longest_wait_s = 0.0
        self._last_s = 0
        self._ends = [fault.start_s + fault.length_s for fault in faults]

    def __call__(self, name: SeriesName, point: Point) -> None:
        if name is not SeriesName.POWER:
            return
        if self._last_s and point.time_s - self._last_s > 6:
            self.missing += round((point.time_s - self._last_s) / 4) - 1
        self._last_s = point.time_s
        while self._ends and point.time_s - START_S >= self._ends[0]:
            self.longest_wait_s = max(self.longest_wait_s, point.time_s - START_S - self._ends.pop(0))


def pass_days(emulator: Emulator, record: MeterRecord, days: float, *, start: float, poller: Poller) -> float:
    """Let ``days`` pass for dongle and poller, joined in memory; returns the time it then is."""
    now, is_open = start, start > 0
    while now < start + days * DAY_S:
        unplugged = emulator.unplugged(now)
        if is_open and unplugged:
            record.report(poller.closed("unplugged"), now)
            is_open = False
        elif not is_open and not unplugged:
            record.report(poller.opened(now), now)
            is_open = True
        data = emulator.output(now)
        if data and is_open:
            record.report(poller.receive(data, now), now)
        step = poller.advance(now)
        record.report(step.events, now)
        for command in step.commands:
            emulator.receive(command.wire, now)
        if step.reopen:
            record.report(poller.closed("silent"), now)
            is_open = False
        wake = min(poller.next_deadline(), emulator.next_deadline())
        now = max(now + 0.001, wake if is_open else min(wake, now + 1))
    return now


def measure_days(days: int) -> Results:
    """Days with four faults each: how many readings were lost, how many should have been, and the memory."""
    kinds = (FaultKind.SILENCE, FaultKind.UNPLUG, FaultKind.SILENCE, FaultKind.UNPLUG)
    faults = tuple(
        Fault(kind, day * DAY_S + 7200 + 20_000 * i, 60.0 + 40 * ((day + i) % 7))
        for day in range(days)
        for i, kind in enumerate(kinds)
    )
    emulator = Emulator(0.0, START_S, faults=faults, keep_commands=10)
    record, poller, watch, started = MeterRecord("bench"), Poller(), Watch(faults), time.perf_counter()
    record.listen(watch)
    filled = min(3, days / 2)  # after two days the cache is full
    now = pass_days(emulator, record, filled, start=0.0, poller=poller)
    full_kb = resident_kb("self")
    now = pass_days(emulator, record, days - filled, start=now, poller=poller)
    counted = record.snapshot(now).statistics
    return {
        "simulated days": days,
        "seconds they took": round(time.perf_counter() - started, 1),
        "reads due": counted.total(Quantity.POWER),
        "reads lost, counted by the gateway": counted.count(Outcome.LOST, Quantity.POWER),
        "reads lost, from the time tags": watch.missing,
        "longest wait for a reading after a fault, s": watch.longest_wait_s,
        "memory growth after the cache is full, kB": resident_kb("self") - full_kb,
    }


def measure_load() -> Results:
    """A real gateway process, idle and then asked as fast as it answers."""
    asked: list[float] = []
    emulator = _Listening(asked)
    stop, opened, ports = threading.Event(), threading.Event(), list[int]()

    def note(port: int) -> None:
        ports.append(port)
        opened.set()

    thread = threading.Thread(
        target=run_on_tcp, args=(emulator, stop), kwargs={"host": "127.0.0.1", "port": 0, "opened": note}
    )
    thread.start()
    opened.wait(5)
    with tempfile.TemporaryDirectory() as directory:
        data = Path(directory)
        UserStore(data / "gateway-users.json").insert("bench", "correct horse")
        command = [sys.executable, "-m", "openesi", "gateway", "run", "--data", directory, "--port", "0"]
        command += ["--host", "127.0.0.1", "--source", f"tcp://127.0.0.1:{ports[0]}"]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1] / "src")}
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split()[1]
            time.sleep(LOAD_S)
            idle = jitter_ms(asked)
            asked.clear()
            rate = asyncio.run(ask_for(LOAD_S, url, data / "gateway-cert.pem"))
            busy, memory_kb = jitter_ms(asked), resident_kb(str(process.pid))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(15)
            stop.set()
            thread.join()
    return {
        "requests per second over TLS": round(rate),
        "polling jitter when idle, ms (standard deviation)": idle,
        "polling jitter under that load, ms (standard deviation)": busy,
        "memory of the gateway process after it, MB": round(memory_kb / 1024, 1),
    }


class _Listening(Emulator):
    """Never pushes; takes down when it is asked for power."""

    def __init__(self, asked: list[float]) -> None:
        super().__init__(time.monotonic(), int(time.time()), pushes=False)
        self._asked = asked

    def receive(self, data: bytes, now: float) -> None:
        if b"get_instantaneous_demand" in data:
            self._asked.append(now)
        super().receive(data, now)


async def ask_for(seconds: float, url: str, certificate: Path) -> float:
    """Requests per second of CLIENTS connections that each ask for the current reading again and again."""
    context = ssl.create_default_context(cafile=str(certificate))
    host, port = url.removeprefix("https://").split(":")
    token = base64.b64encode(b"bench:correct horse").decode()
    request = (
        f"GET /meter/electricity/interval_reading/csv/60 HTTP/1.1\r\nHost: {host}\r\n"
        f"Authorization: Basic {token}\r\n\r\n"
    ).encode()

    async def client(end: float) -> int:
        reader, writer = await asyncio.open_connection(host, int(port), ssl=context)
        count = 0
        while time.monotonic() < end:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
            count += 1
        writer.close()
        return count

    end = time.monotonic() + seconds
    return sum(await asyncio.gather(*(client(end) for _ in range(CLIENTS)))) / seconds


def jitter_ms(asked: list[float]) -> float:
    """How far the times between polls stray from their mean.

    A place given to an energy read counts as two.
    """
    spacings = [b - a for a, b in pairwise(asked[1:]) if b - a < 6]
    return round(1000 * statistics.pstdev(spacings), 2)


def resident_kb(pid: str) -> int:
    """The resident memory of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--days", type=int, default=4)
    days = parser.parse_args().days
    results = {**measure_answers(), **measure_days(days), **measure_load()}
    for name, value in results.items():
        print(f"{name:<58}{value:>12}")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
