"""Ten thousand events: sent in one call, switched at the same second.

    python -m bench.events

Two shapes: one program of everybody with 10,000 events one after another, and 10,000 devices each with a
group, a program and an event of its own, all starting at one second. "Right" means that the active lists
show what they should, asked as devices ask. The yardstick of each is sqlite3 alone: the same number of rows
of the same size, inserted or updated one by one in one durable transaction.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from openesi.sep2 import identity, xml
from openesi.server import operator
from openesi.server.application import Application
from openesi.server.message import Peer, Request, Response
from openesi.server.settings import Settings
from openesi.server.tree import Hand
from openesi.store import Transaction
from openesi.store.sqlite import SQLiteStore

COUNT = 10_000
START = 1_800_000_000
ROW_OCTETS = 900  # of a DERControl as it is stored
LFDI = identity.parse_lfdi("0123456789ABCDEF0123456789ABCDEF01234567")


def clock() -> Span:
    """Return now, as seconds on the wall and seconds of the processor: the machine may have other work."""
    return Span(time.perf_counter(), time.process_time())


class Span(NamedTuple):
    wall: float
    cpu: float

    def __sub__(self, other: object) -> Span:
        assert isinstance(other, Span)
        return Span(self.wall - other.wall, self.cpu - other.cpu)


class Bench:
    """A store and its application, at a time that the bench decides."""

    def __init__(self, folder: Path) -> None:
        self.now = float(START)
        self.settings = Settings(lfdi=LFDI)
        self.store = SQLiteStore(folder / "openesi.db")
        self.application = Application(self.store, self.settings, clock=lambda: self.now)

    async def set_up(self) -> None:
        await self.store.write(lambda tx: operator.set_up(tx, START, self.settings))
        await self.store.write(
            lambda tx: operator.add_device(tx, LFDI, pin=111115, now=START, settings=self.settings)
        )

    def hand(self, tx: Transaction) -> Hand:
        return Hand(tx=tx, now=int(self.now), settings=self.settings)

    async def get(self, target: str) -> Any:
        path, _, query = target.partition("?")
        peer = Peer(
            lfdi=LFDI, sfdi=identity.sfdi_from_lfdi(LFDI), certificate=None, self_signed=False, address="::1"
        )
        headers = {"accept": "application/sep+xml", "host": "esi"}
        answer = self.application(Request("GET", target, path, query, headers, b"", peer))
        response = answer if isinstance(answer, Response) else await answer
        assert response.status == 200, (target, response)
        return xml.parse(response.body)


def control(start: int, duration_s: int) -> dict[str, Any]:
    return {
        "interval": {"start": start, "duration": duration_s},
        "DERControlBase": {"opModMaxLimW": 5_000},
        "description": "Bench",
    }


async def one_program(bench: Bench) -> tuple[Span, Span]:
    """Return the seconds that sending COUNT events in one call takes, and that the same start takes."""
    wanted = [control(START + 3_600, 600 + number) for number in range(COUNT)]

    def send(tx: Transaction) -> None:
        hand = bench.hand(tx)
        hand.insert_all("/derp/1/derc", wanted)
        hand.finish()

    began = clock()
    await bench.store.write(send, long=True)
    sent = clock() - began
    bench.now = START + 3_600
    began = clock()
    active = await bench.get("/derp/1/actderc?l=1")
    took = clock() - began
    assert active.all == 1, active.all  # of events that set the same, the one created last
    return sent, took


async def one_program_each(bench: Bench) -> Span:
    """Return the seconds it takes until COUNT programs show the event that starts now as active."""

    def send(tx: Transaction) -> None:
        hand = bench.hand(tx)
        for _ in range(COUNT):
            hand.insert("/derp", {"primacy": 1, "DERControl": [control(START + 7_200, 600)]})
        hand.finish()

    await bench.store.write(send, long=True)
    bench.now = START + 7_200
    began = clock()
    last = await bench.get(f"/derp/{COUNT + 1}/actderc?l=1")
    took = clock() - began
    assert last.all == 1
    for number in range(2, COUNT, 97):
        assert (await bench.get(f"/derp/{number}/actderc?l=1")).all == 1
    return took


def plain_rows(folder: Path) -> tuple[Span, Span]:
    """Return the seconds that sqlite3 alone takes to insert and to update COUNT rows, durably."""
    connection = sqlite3.connect(folder / "plain.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE resource (path TEXT PRIMARY KEY, body BLOB, state INTEGER, due INTEGER)")
    body = b"x" * ROW_OCTETS
    times = []
    for statement in ("INSERT INTO resource VALUES (:path, :body, 0, 1)",
                      "UPDATE resource SET body = :body, state = 1 WHERE path = :path"):  # fmt: skip
        began = clock()
        connection.execute("BEGIN IMMEDIATE")
        for number in range(COUNT):
            connection.execute(statement, {"path": f"/derp/1/derc/{number}", "body": body})
        connection.execute("COMMIT")
        times.append(clock() - began)
    connection.close()
    return times[0], times[1]


async def measure(folder: Path) -> None:
    inserted, updated = plain_rows(folder)
    bench = Bench(folder)
    await bench.set_up()
    sent, switched = await one_program(bench)
    each = await one_program_each(bench)
    await bench.store.close()
    rows = (
        ("10,000 controls in one call, durable", 5.0, sent, inserted),
        ("10,000 start together, one program", 1.0, switched, updated),
        ("10,000 start together, a program each", 1.0, each, updated),
    )
    for name, goal, took, plain in rows:
        sys.stdout.write(
            f"{name:<38} {took.wall:5.2f} s, {took.cpu:5.2f} s of the processor (goal {goal:.0f} s), "
            f"{took.cpu / plain.cpu:4.1f} x sqlite3 alone\n"
        )


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="openesi-bench-") as folder:
        asyncio.run(measure(Path(folder)))


if __name__ == "__main__":
    main()
