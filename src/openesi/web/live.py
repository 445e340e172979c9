"""What the page shows, kept up while the server runs, and told to every browser that listens.

A listener gets a snapshot and then patches: the parts that changed, as Server-Sent Events. Nobody is waited
for: a browser that does not read fast enough is dropped and comes back for a new snapshot.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator
from typing import Any

import msgspec

from openesi.errors import PeerError
from openesi.sep2 import identity
from openesi.server.service import Service
from openesi.store import Reader
from openesi.web.history import History, Sample
from openesi.web.meters import Meters, Power
from openesi.web.point_board import PointBoard
from openesi.web.roster import Device, Roster
from openesi.web.timeline import Event, Timeline

log = logging.getLogger(__name__)

PATCH_S = 0.25  # between two patches; a thousand changes in between are one
LOOK_S = 1.0  # between two looks at who was heard, while nothing is written
SAMPLE_S = 5.0  # a sample at least so often, changed or not: the graph moves on, and silence becomes a gap
HEARTBEAT_S = 10.0  # a line at least so often, so that a browser knows the line is not dead
MAX_LISTENERS = 50  # browsers; a page that is opened over and over must not take the server down
MAX_WAITING = 32  # patches that a listener may be behind before it is dropped
SEND_S = 20.0  # how long a browser may take to read one of them

Part = dict[str, Any]


class TooManyListeners(PeerError):
    """MAX_LISTENERS listen already."""

    def __init__(self) -> None:
        super().__init__("too many browsers follow this server already: close some pages", status=503)


class Live:
    """The state of one server's page. ``run`` keeps it up; everything else only looks."""

    def __init__(self, service: Service) -> None:
        self.service = service
        settings = service.settings
        self.meters = Meters()
        self.history = History()
        self.timeline = Timeline()
        self.roster = Roster(min(settings.default_poll_rate, settings.post_rate))
        self.power = Power()
        self.points = PointBoard()
        self._changed: set[str] | None = None  # everything, to begin with
        self._wake = asyncio.Event()
        self._told: dict[str, bytes] = {}
        self._seen: dict[str, float] = {}
        self._listeners: set[asyncio.Queue[bytes | None]] = set()
        service.application.watch(self._note)

    async def run(self) -> None:
        """Follow the store until cancelled."""
        while True:
            self._wake.clear()
            await self._look()
            await asyncio.sleep(PATCH_S)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), LOOK_S - PATCH_S)

    async def catch_up(self) -> None:
        """Look at once: who asks after having written must see it."""
        for _ in ("notice what was written, switch what is due", "notice what was switched"):
            await self.service.application.tick()
        await self._look()

    async def step(self) -> None:
        """Look at what changed since the last step, take a sample, tell the listeners."""
        changed, self._changed = self._changed, set()
        now = self.service.clock()
        await self.service.store.read(lambda reader: self._refresh(reader, changed, now))
        self.power = self.meters.total(now)
        sample = self._sample(now)
        if not self._listeners:
            return
        patch = self._patch(now)
        if sample is not None:
            patch["sample"] = sample
        if patch:
            self._tell(encode_event("patch", {"now": now, **patch}))

    def events(self) -> list[Event]:
        """Return the events: those in force, those to come, those that ended (the last first)."""
        return self.timeline.events(self.roster.share)

    def describe(self, devices: list[Device], now: float) -> list[Part]:
        """Return devices with a name for people and the power that they, or their grid meters, tell now."""
        powers, grid = self.meters.by_device(now), self.meters.by_device(now, grid=True)
        called = self.meters.descriptions()
        return [
            {
                **msgspec.to_builtins(one),
                "name": one.name or called.get(one.lfdi) or f"device {one.href.rpartition('/')[2]}",
                "power_w": powers.get(one.lfdi),
                "grid_w": grid.get(one.lfdi),
            }
            for one in devices
        ]

    def snapshot(self) -> Part:
        """Return all that a page shows."""
        now = self.service.clock()
        return {"now": now, **self._parts(now), "seen": self._seen_now(), "history": self.history.recent(now)}

    async def listen(self) -> AsyncGenerator[bytes]:
        """Yield a snapshot, then patches, as Server-Sent Events. Raises TooManyListeners at once."""
        if len(self._listeners) >= MAX_LISTENERS:
            raise TooManyListeners
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(MAX_WAITING)
        if not self._listeners:
            self._patch(self.service.clock())  # what a snapshot tells is not told again
        self._listeners.add(queue)
        try:
            yield b"retry: 2000\n\n" + encode_event("snapshot", self.snapshot())
            while queue in self._listeners:
                message: bytes | None = encode_event("beat", {"now": self.service.clock()})
                with contextlib.suppress(TimeoutError):
                    message = await asyncio.wait_for(queue.get(), HEARTBEAT_S)
                if message is None:
                    return
                yield message
        finally:
            self._listeners.discard(queue)

    def close(self) -> None:
        """Send every listener away: the server goes down."""
        for queue in list(self._listeners):
            self._drop(queue)

    @property
    def listeners(self) -> int:
        """How many browsers listen."""
        return len(self._listeners)

    async def _look(self) -> None:
        try:
            await self.step()
        except Exception:  # outermost: a document that cannot be read must not stop the page for good
            log.exception("the page could not look at the store; it looks at everything again")
            self._changed = None

    def _note(self, changed: set[str] | None) -> None:
        if changed is None or self._changed is None:
            self._changed = None
        else:
            self._changed |= changed
        self._wake.set()

    def _refresh(self, reader: Reader, changed: set[str] | None, now: float) -> None:
        self.roster.refresh(reader, changed)
        if changed is not None and not changed:
            return
        self.meters.refresh(reader, changed, now=now)
        self.points.refresh(reader, changed, now)
        self.timeline.refresh(reader, changed)

    def _sample(self, now: float) -> Sample | None:
        limit_w = self.timeline.limit_w(self.roster.max_w)
        sample = Sample(round(now, 1), self.power.devices_w, self.power.grid_w, limit_w)
        last = self.history.last
        changed = last is None or msgspec.structs.astuple(last)[1:] != msgspec.structs.astuple(sample)[1:]
        if not changed and last is not None and 0 <= sample.at - last.at < SAMPLE_S:
            return None
        self.history.add(sample)
        return sample

    def _parts(self, now: float) -> Part:
        return {
            "power": self.power,
            "max_w": self.roster.max_w,
            "devices": {"total": self.roster.total, "shown": self.describe(self.roster.all(), now)},
            "events": self.events(),
            "programs": self.timeline.programs,
        }

    def _patch(self, now: float) -> Part:
        """Return the parts that differ from what was told last."""
        patch: Part = {}
        for name, part in self._parts(now).items():
            encoded = msgspec.json.encode(part)
            if self._told.get(name) != encoded:
                self._told[name] = encoded
                patch[name] = part
        seen = self._seen_now()
        heard = {lfdi: at for lfdi, at in seen.items() if self._seen.get(lfdi) != at}
        self._seen = seen
        return {**patch, "seen": heard} if heard else patch

    def _seen_now(self) -> dict[str, float]:
        """Return when each shown device was last heard, by the certificate that speaks for it."""
        heard = self.service.application.seen
        found = {one.heard_by: heard.get(identity.parse_lfdi(one.heard_by)) for one in self.roster.all()}
        return {lfdi: round(at, 1) for lfdi, at in found.items() if at is not None}

    def _tell(self, message: bytes) -> None:
        for queue in list(self._listeners):
            try:
                queue.put_nowait(message)
            except asyncio.QueueFull:
                log.info("dropped a browser that was %d messages behind", MAX_WAITING)
                self._drop(queue)

    def _drop(self, queue: asyncio.Queue[bytes | None]) -> None:
        self._listeners.discard(queue)
        while not queue.empty():
            queue.get_nowait()
        queue.put_nowait(None)


def encode_event(name: str, value: object) -> bytes:
    """Write one Server-Sent Event; JSON has no line breaks, so one data line holds it."""
    return b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode(value) + b"\n\n"
