"""What telling costs: one change, 1,000 subscribers, over mutual TLS; and a change that nobody subscribed to.

    python -m bench.notify            everything
    python -m bench.notify --quick    100 subscribers

The yardstick of telling is the HTTP client that is used, POSTing the same octets to the same receivers, as
many at once, from the same process: first with new connections, then on kept ones. The receiver is one
process; each of its addresses in 127.0.0.0/8 is a host of its own. The yardstick of a change is the same
change in a store in which nobody has subscribed to anything.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from openesi.pki import Authority
from openesi.sep2 import identity, xml
from openesi.sep2 import model as sep
from openesi.server import operator
from openesi.server.application import Application
from openesi.server.http import Limits
from openesi.server.message import Peer, Request, Response
from openesi.server.notify import MAX_AT_ONCE, MAX_CONNECTIONS, TIMEOUT_S, Notifier
from openesi.server.service import notifying_context
from openesi.server.settings import Settings
from openesi.server.tls import TLSSettings
from openesi.server.wire import serve
from openesi.store.sqlite import SQLiteStore

HERE = Path(__file__).parent
NOW = 1_800_000_000
CHANGES = 300
GOALS = {"told_over_client": 0.5, "unsubscribed_over_none": 1.2}


def receive(authority: Authority, told: Connection) -> None:
    """Run the receiver: it says its port, keeps one body, counts the others."""

    async def run() -> None:
        own = authority.device("receiver")
        tls = TLSSettings(own.cert, own.key, ca_files=authority.trusted_files())
        body = b""

        def take(request: Request) -> Response:
            nonlocal body
            if not body:
                body = request.body
                told.send(body)
            return Response(201)

        many = Limits(connections_per_lfdi=10_000)  # it stands for many machines
        wire = await serve(take, host="0.0.0.0", tls=tls, limits=many)
        told.send(wire.port)
        await asyncio.Event().wait()

    asyncio.run(run())


@dataclass
class Bench:
    """A store with subscribers, each on a host of its own among ``hosts``."""

    store: SQLiteStore
    settings: Settings
    targets: list[str]
    clock: float = NOW

    @classmethod
    async def made(cls, folder: Path, port: int, *, subscribers: int, hosts: int) -> Bench:
        """Register devices, each of which subscribes to the list of programs."""
        folder.mkdir()
        settings = Settings(lfdi=bytes(20), started=NOW, notify_local=True)
        store = SQLiteStore(folder / "openesi.db")
        await store.write(lambda tx: operator.set_up(tx, NOW, settings))
        application = Application(store, settings, clock=lambda: NOW)
        lfdis = [number.to_bytes(4) + bytes(16) for number in range(1, subscribers + 1)]
        targets = []

        def register(tx: object) -> None:
            for lfdi in lfdis:
                operator.add_device(tx, lfdi, pin=111115, now=NOW, settings=settings)  # type: ignore[arg-type]

        await store.write(register)
        for number, lfdi in enumerate(lfdis):
            host = number % hosts
            targets.append(f"https://127.1.{host // 250}.{host % 250 + 1}:{port}/ntfy")
            wish = sep.Subscription(
                subscribedResource="/derp", encoding=0, level="+S1", limit=5, notificationURI=targets[-1]
            )
            peer = Peer(lfdi, identity.sfdi_from_lfdi(lfdi), None, False, "192.0.2.1")
            path = f"/edev/{number + 1}/sub"
            headers = {"host": "esi", "content-type": "application/sep+xml", "accept": "application/sep+xml"}
            answer = application(Request("POST", path, path, "", headers, xml.serialize(wish), peer))
            response = answer if isinstance(answer, Response) else await answer
            assert response.status == 201, response
        return cls(store, settings, targets)

    async def change(self) -> None:
        """Change what everybody subscribed to."""
        await self.store.write(
            lambda tx: operator.add_program(tx, description="new", primacy=5, settings=self.settings)
        )

    async def change_unwatched(self, number: int) -> None:
        """Change what nobody subscribed to."""
        base = sep.DERControlBase(opModMaxLimW=number)
        await self.store.write(lambda tx: operator.set_default(tx, "/derp/1", base, settings=self.settings))


async def timed(work: Callable[[], Awaitable[None]]) -> float:
    """Return how long ``work`` takes (s)."""
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began


async def told(bench: Bench, notifier: Notifier) -> None:
    """Carry out all that is due."""
    while tasks := await notifier.work():
        await asyncio.gather(*tasks)


async def posted(client: httpx2.AsyncClient, targets: list[str], body: bytes) -> None:
    """POST one body to every target, host by host as the notifier does."""
    slots = asyncio.Semaphore(MAX_AT_ONCE)
    by_host: dict[str, list[str]] = {}
    for target in targets:
        by_host.setdefault(urlsplit(target).netloc, []).append(target)

    async def visit(waiting: list[str]) -> None:
        async with slots:
            for target in waiting:
                answer = await client.post(
                    target, content=body, headers={"Content-Type": "application/sep+xml"}
                )
                assert answer.status_code == 201

    await asyncio.gather(*(visit(waiting) for waiting in by_host.values()))


async def measure(
    folder: Path, authority: Authority, receiver: Connection, port: int, subscribers: int
) -> dict[str, dict[str, float]]:
    """Return seconds and ratios, by how many hosts there are."""
    results: dict[str, dict[str, float]] = {}
    body = b""
    for hosts in (subscribers // 10, subscribers):
        bench = await Bench.made(folder / str(hosts), port, subscribers=subscribers, hosts=hosts)
        context = notifying_context(authority)
        notifier = Notifier(
            bench.store,
            bench.settings,
            context=context,
            base_url="https://esi",
            clock=lambda b=bench: b.clock,
        )
        await bench.change()
        first = await timed(lambda b=bench, n=notifier: told(b, n))
        bench.clock += 60
        await bench.change()
        again = await timed(lambda b=bench, n=notifier: told(b, n))
        await notifier.close()
        body = body or receiver.recv()
        limits = httpx2.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS)
        async with httpx2.AsyncClient(
            verify=notifying_context(authority), timeout=TIMEOUT_S, trust_env=False, limits=limits
        ) as client:
            plain_first = await timed(lambda b=bench, c=client, o=body: posted(c, b.targets, o))
            plain_again = await timed(lambda b=bench, c=client, o=body: posted(c, b.targets, o))
        results[f"{hosts} hosts"] = {
            "told_s": first,
            "client_s": plain_first,
            "ratio": plain_first / first,
            "told_again_s": again,
            "client_again_s": plain_again,
            "ratio_again": plain_again / again,
        }
        if hosts == subscribers:
            nobody = await Bench.made(folder / "nobody", port, subscribers=0, hosts=1)
            pairs = [  # by turns, so that a burden on the machine falls on both
                (
                    await timed(lambda n=number, b=nobody: b.change_unwatched(n)),
                    await timed(lambda n=number, b=bench: b.change_unwatched(n)),
                )
                for number in range(CHANGES)
            ]
            quiet, loud = (statistics.median(times) for times in zip(*pairs, strict=True))
            results["unwatched change"] = {"nobody_s": quiet, "others_s": loud, "ratio": loud / quiet}
            await nobody.store.close()
        await bench.store.close()
    return results


def main() -> None:
    """Measure, print, and write bench/results/notify.json."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="100 subscribers")
    subscribers = 100 if parser.parse_args().quick else 1_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        now = datetime.now(UTC)
        authority = Authority.create(folder / "pki", now=now)
        authority.issue_server(["localhost"], now=now)
        authority.issue_device("receiver", now=now)
        ours, theirs = multiprocessing.Pipe()
        process = multiprocessing.get_context("fork").Process(target=receive, args=(authority, theirs))
        process.start()
        try:
            results = asyncio.run(measure(folder, authority, ours, ours.recv(), subscribers))
        finally:
            process.terminate()
            process.join()
    print(f"{subscribers} subscribers of one change")
    for row, values in results.items():
        print(f"{row:18}", "  ".join(f"{key} {value:.4g}" for key, value in values.items()))
    print("goals", GOALS)
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results" / "notify.json").write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
