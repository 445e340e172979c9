"""The whole application on a real SQLite file, asked without sockets, at a time that the test decides."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from openesi.sep2 import identity, xml
from openesi.sep2 import model as sep
from openesi.sep2.editions import IEEE_2018, Edition
from openesi.server import operator
from openesi.server.application import Application
from openesi.server.message import Peer, Request, Response
from openesi.server.settings import Settings
from openesi.store import Reader, Transaction
from openesi.store.sqlite import SQLiteStore

T = TypeVar("T")
START = 1_800_000_000
XML = "application/sep+xml"


def lfdi_of(number: int) -> bytes:
    """Return an LFDI whose SFDI differs from that of other numbers."""
    return number.to_bytes(4, "big") + bytes(12) + number.to_bytes(4, "big")


class Esi:
    """One server. ``now`` is its clock; requests come from the device number that is given."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.now: float = START
        self.folder = folder
        self.settings = Settings(lfdi=lfdi_of(0xFFFFFFFF), started=START, **settings)
        self.runner = asyncio.Runner()
        self._open()

    def _open(self) -> None:
        self.store = SQLiteStore(self.folder / "openesi.db")
        self.application = Application(self.store, self.settings, clock=lambda: self.now)
        self.change(lambda tx: operator.set_up(tx, START, self.settings))

    def restart(self) -> None:
        """Stop and start again on the same file."""
        self.runner.run(self.store.close())
        self._open()

    def close(self) -> None:
        self.runner.run(self.store.close())
        self.runner.close()

    def change(self, change: Callable[[Transaction], T]) -> T:
        return self.runner.run(self.store.write(change))

    def look(self, query: Callable[[Reader], T]) -> T:
        return self.runner.run(self.store.read(query))

    def register(self, device: int, *, aggregator: int | None = None) -> str:
        """Register a device out of band and return its path."""
        scope = lfdi_of(aggregator) if aggregator is not None else None
        row = self.change(
            lambda tx: operator.add_device(
                tx,
                lfdi_of(device),
                pin=111115,
                now=int(self.now),
                settings=self.settings,
                aggregator_lfdi=scope,
            )
        )
        return row.path

    def ask(
        self, method: str, target: str, body: bytes = b"", *, device: int | None = 1, **headers: str
    ) -> Response:
        """Send one request as a device (None: without certificate) and return the answer."""
        path, _, query = target.partition("?")
        given = {"accept": XML, "host": "esi"}
        if body:
            given["content-type"] = XML
        given.update({name.replace("_", "-"): value for name, value in headers.items()})
        lfdi = None if device is None else lfdi_of(device)
        peer = Peer(
            lfdi=lfdi,
            sfdi=identity.sfdi_from_lfdi(lfdi) if lfdi else None,
            certificate=None,
            self_signed=False,
            address="192.0.2.1",
        )
        request = Request(method, target, path, query, given, body, peer)

        async def answer() -> Response:
            result = self.application(request)
            return result if isinstance(result, Response) else await result

        return self.runner.run(answer())

    def get(self, target: str, *, device: int = 1, edition: Edition = IEEE_2018) -> Any:
        """GET a resource that must be there, and return it read."""
        response = self.ask("GET", target, device=device)
        assert response.status == 200, (target, response.status)
        return xml.parse(response.body, edition)

    def post(self, target: str, document: sep.Sep, *, device: int = 1) -> Response:
        return self.ask("POST", target, xml.serialize(document), device=device)

    def put(self, target: str, document: sep.Sep, *, device: int = 1) -> Response:
        return self.ask("PUT", target, xml.serialize(document), device=device)

    def send_control(self, *, start: float, duration_s: int, program: str = "/derp/1", **order: Any) -> str:
        """Send a control as the operator does and return its path."""
        base = order.pop("base", sep.DERControlBase(opModMaxLimW=4_000))
        wanted = operator.ControlOrder(base=base, start=int(start), duration_s=duration_s, **order)
        row = self.change(
            lambda tx: operator.send_control(tx, program, wanted, now=int(self.now), settings=self.settings)
        )
        return row.path


def location(response: Response) -> str:
    """Return the Location of a response that must have one."""
    return dict(response.headers)["Location"]


def hrefs(body: bytes) -> set[str]:
    """Return every href and replyTo that an answer names."""
    import re

    return {found.decode() for found in re.findall(rb'(?:href|replyTo)="([^"]+)"', body)}
