"""Server-Sent Events: each new power reading as it is stored, missed ones on reconnection."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable

from openesi.gateway.cache import Point
from openesi.gateway.csvout import render_value
from openesi.gateway.record import MeterRecord, SeriesName
from openesi.gateway.report import Clocks, to_status

MAX_STREAMS = 16  # pages that are open at once; each holds a task and a connection
MAX_WAITING = 256  # readings kept for one slow client; it then gets the newest ones
HEARTBEAT_S = 15.0  # keeps the connection open through routers, and finds clients that have gone
RETRY_MS = 3000


class LiveStream:
    """Hands each new reading to every subscriber."""

    def __init__(self, record: MeterRecord, clocks: Callable[[], Clocks]) -> None:
        self._record = record
        self._clocks = clocks
        self._open = 0

    def subscribe(self, after_s: int | None) -> AsyncIterator[str] | None:
        """A stream that begins with the status, then what is newer than ``after_s``;

        None if there are too many.
        """
        if self._open >= MAX_STREAMS:
            return None
        return self._events(after_s)

    async def _events(self, after_s: int | None) -> AsyncIterator[str]:
        self._open += 1
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[Point] = asyncio.Queue(MAX_WAITING)

        def put(point: Point) -> None:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(point)

        def listener(name: SeriesName, point: Point) -> None:
            if name is SeriesName.POWER:
                loop.call_soon_threadsafe(put, point)

        end = self._record.listen(listener)
        try:
            yield f"retry: {RETRY_MS}\n{self._status()}"
            if after_s is not None:
                missed = self._record.points(SeriesName.POWER, after_s + 1, 0xFFFF_FFFF, limit=MAX_WAITING)
                for point in missed:
                    yield _render(point)
            while True:
                try:
                    point = await asyncio.wait_for(queue.get(), HEARTBEAT_S)
                except TimeoutError:
                    yield self._status()
                    continue
                yield _render(point)
        finally:
            end()
            self._open -= 1

    def _status(self) -> str:
        return f"event: status\ndata: {json.dumps(to_status(self._record, self._clocks()))}\n\n"


def _render(point: Point) -> str:
    value = render_value(point.raw, point.scale)
    return f'id: {point.time_s}\nevent: reading\ndata: {{"time": {point.time_s}, "power_w": {value}}}\n\n'
