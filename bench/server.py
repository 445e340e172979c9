"""What the whole server costs: real application, real store, real TLS, beside nginx and beside plain sqlite3.

    python -m bench.server            everything
    python -m bench.server --quick    fewer devices and shorter runs, to see that it works

Reads are measured by bench.wire against nginx with the same octets. Writes: MirrorMeterReading POSTs that
are acknowledged after commit, over 50 connections, beside the plain sqlite3 module committing such rows one
by one in the same run. Size: the cost of a GET and the memory with 1,000 and with 100,000 EndDevices.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import signal
import sqlite3
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from openesi.pki import Authority
from openesi.pki.authority import Identity
from openesi.sep2 import model as sep
from openesi.sep2 import xml
from openesi.server import operator
from openesi.server.service import database_path
from openesi.server.settings import Settings
from openesi.store import Transaction
from openesi.store.sqlite import SQLiteStore

HERE = Path(__file__).parent
RESULTS = HERE / "results"
SUITE = "ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0"
READ_PATHS = ("/dcap", "/edev/1", "/derp/1/derc?l=10", "/tm")
POSTERS = 50
GOALS = {"posts_per_sqlite_row": 1.0, "get_100000_over_1000": 1.3, "memory_mb": 300}
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Server:
    """A running ``openesi serve`` and a registered device of it."""

    data: Path
    pid: int
    port: int
    device: Identity

    def cpu_s(self) -> float:
        """Return the CPU time the process has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory_mb(self) -> float:
        """Return the resident memory."""
        found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.pid}/status").read_text())
        assert found
        return int(found[1]) / 1024


@contextmanager
def serving(folder: Path, devices: int) -> Iterator[Server]:
    """Run a server with ``devices`` registered; number 1 is the one that asks."""
    data = folder / f"data{devices}"
    data.mkdir()
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
    Authority.create(data, now=datetime.now(UTC)).issue_server(
        ["localhost", "127.0.0.1"], now=datetime.now(UTC)
    )
    device = Authority.open(data).issue_device("device", now=datetime.now(UTC))
    fill(data, device, devices)
    process = subprocess.Popen(
        [*command, "--port", "0", "--web-port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"XDG_STATE_HOME": str(folder)},
    )
    assert process.stdout is not None
    try:
        found = re.search(r":(\d+)/dcap", process.stdout.readline())
        assert found
        yield Server(data, process.pid, int(found[1]), device)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        process.stdout.close()


def fill(data: Path, device: Identity, devices: int) -> None:
    """Register devices, and send ten controls that are still to come."""
    settings, now = Settings(), int(time.time())
    store = SQLiteStore(database_path(data))
    store.run(lambda tx: operator.set_up(tx, now, settings))

    def register(tx: Transaction, numbers: range) -> None:
        for number in numbers:
            lfdi = device.lfdi if number == 0 else number.to_bytes(4, "big") * 5
            operator.add_device(tx, lfdi, pin=111115, now=now - devices + number, settings=settings)

    for first in range(0, devices, 5_000):
        store.run(lambda tx, first=first: register(tx, range(first, min(first + 5_000, devices))))  # type: ignore[misc]

    def send(tx: Transaction) -> None:
        for number in range(10):
            order = operator.ControlOrder(
                base=sep.DERControlBase(opModConnect=True, opModMaxLimW=5_000),
                start=now + 86_400 + 3_600 * number,
                duration_s=1_800,
                description="bench",
                randomize_start_s=60,
            )
            operator.send_control(tx, "/derp/1", order, now=now, settings=settings)

    store.run(send)
    store.close_now()


async def connect(server: Server) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open one connection as the device."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(SUITE)
    context.load_verify_locations(server.device.ca)
    context.load_cert_chain(server.device.cert, server.device.key)
    return await asyncio.open_connection("localhost", server.port, ssl=context, family=2)


async def exchange(
    stream: tuple[asyncio.StreamReader, asyncio.StreamWriter], method: str, path: str, body: bytes = b""
) -> tuple[int, bytes]:
    """Send one request and return status and head of the answer."""
    reader, writer = stream
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/sep+xml\r\n"
    if body:
        head += f"Content-Type: application/sep+xml\r\nContent-Length: {len(body)}\r\n"
    writer.write(head.encode() + b"\r\n" + body)
    answer = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"Content-Length: (\d+)", answer)
    if length:
        await reader.readexactly(int(length[1]))
    return int(answer[9:12]), answer


def reading(value: int) -> bytes:
    """Return a MirrorMeterReading as a meter posts it."""
    return xml.serialize(
        sep.MirrorMeterReading(
            mRID=bytes(15) + b"\2",
            description="real power",
            lastUpdateTime=1_800_000_000,
            Reading=sep.Reading(
                qualityFlags=b"\0\1", timePeriod=sep.DateTimeInterval(duration=60, start=value), value=value
            ),
        )
    )


async def measure_posts(server: Server, seconds: float) -> dict[str, float]:
    """Post readings over many connections and count those acknowledged."""
    streams = [await connect(server) for _ in range(POSTERS)]
    mirror = sep.MirrorUsagePoint(
        mRID=bytes(15) + b"\1",
        roleFlags=b"\0\x08",
        serviceCategoryKind=0,
        status=1,
        deviceLFDI=server.device.lfdi,
        MirrorMeterReading=(
            sep.MirrorMeterReading(mRID=bytes(15) + b"\2", ReadingType=sep.ReadingType(uom=38)),
        ),
    )
    status, head = await exchange(streams[0], "POST", "/mup", xml.serialize(mirror))
    assert status == 201, head
    done = 0
    end = time.perf_counter() + seconds
    bodies = [reading(value) for value in range(100)]

    async def post(stream: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
        nonlocal done
        while time.perf_counter() < end:
            status, head = await exchange(stream, "POST", "/mup/1", bodies[done % 100])
            assert status == 204, head
            done += 1

    cpu = server.cpu_s()
    await asyncio.gather(*map(post, streams))
    cpu = server.cpu_s() - cpu
    for _, writer in streams:
        writer.close()
    return {"per_second": done / seconds, "server_us": cpu / done * 1e6}


def measure_sqlite(folder: Path, seconds: float) -> float:
    """Return how many such rows a second the plain sqlite3 module commits one by one."""
    connection = sqlite3.connect(folder / "plain.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE reading (path TEXT, at INTEGER, body BLOB)")
    connection.execute("CREATE INDEX path ON reading (path, at)")
    body, done = reading(1), 0
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        connection.execute("INSERT INTO reading VALUES (?, ?, ?)", ("/upt/1/mr/1/r", done, body))
        done += 1
    connection.close()
    return done / seconds


async def measure_gets(server: Server, count: int) -> float:
    """Return server CPU time (us) for a GET of an EndDevice and its list, one connection, kept answers."""
    stream = await connect(server)
    path = "/edev/1"
    for _ in range(200):
        status, head = await exchange(stream, "GET", path)
        assert status == 200, head
    before = server.cpu_s()
    for _ in range(count):
        await exchange(stream, "GET", path)
    cost = (server.cpu_s() - before) / count * 1e6
    stream[1].close()
    return cost


def measure_reads(server: Server) -> int:
    """Run bench.wire against the server; it prints and keeps its own results."""
    command = [sys.executable, "-m", "bench.wire", "--pid", str(server.pid), "--port", str(server.port)]
    command += ["--data", str(server.data), "--device", server.device.name, "--name", "reads"]
    return subprocess.run([*command, *READ_PATHS], cwd=HERE.parent, check=False).returncode


def main() -> int:
    """Measure, print, write bench/results/server.json. Return 1 if a goal was missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--no-reads", action="store_true", help="leave out what needs nginx and gcc")
    options = parser.parse_args()
    seconds, many, count = (1.0, 5_000, 2_000) if options.quick else (5.0, 100_000, 20_000)
    failed = 0
    with tempfile.TemporaryDirectory(prefix="openesi-bench-") as name:
        folder = Path(name)
        with serving(folder, 1_000) as few, serving(folder, many) as lots:
            if not options.no_reads:
                failed |= measure_reads(few)
            rows = [
                (asyncio.run(measure_gets(few, count)), asyncio.run(measure_gets(lots, count)))
                for _ in range(3)
            ]
            plain = measure_sqlite(folder, seconds)
            posts = asyncio.run(measure_posts(few, seconds))
            result = {
                "posts_per_second": posts["per_second"],
                "post_server_us": posts["server_us"],
                "sqlite_rows_per_second": plain,
                "posts_per_sqlite_row": posts["per_second"] / plain,
                "get_us_1000": statistics.median(few for few, _ in rows),
                f"get_us_{many}": statistics.median(lots for _, lots in rows),
                f"get_{many}_over_1000": statistics.median(lots / few for few, lots in rows),
                "memory_mb": lots.memory_mb(),
            }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "server.json").write_text(json.dumps(result, indent=2) + "\n")
    for key, value in result.items():
        goal = GOALS.get(key)
        print(f"{key:<28} {value:>12,.2f}" + (f"   goal {goal}" if goal else ""))
    missed = (
        result["posts_per_sqlite_row"] < 1
        or result[f"get_{many}_over_1000"] > GOALS["get_100000_over_1000"]
        or result["memory_mb"] > GOALS["memory_mb"]
    )
    return int(bool(failed or missed))


if __name__ == "__main__":
    sys.exit(main())
