"""The LAN API and the page: GET only, read from the record, nothing can reach the meter from here.

The paths of the seed stand as written (``/meter/electricity/...``); what it promised without a path (absolute
time, whole cache) and what was added (energy series, increments, live stream, status) uses query parameters
and neighbours. ``ROUTES`` is the one list: routing, OpenAPI and the documentation test are made from it.
"""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import resources
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from openesi.gateway import openapi
from openesi.gateway.cache import Run
from openesi.gateway.csvout import render_csv
from openesi.gateway.greenbutton import Feed
from openesi.gateway.live import LiveStream
from openesi.gateway.metadata import find_metadata
from openesi.gateway.record import MeterRecord, SeriesName
from openesi.gateway.report import Clocks, render_metrics, to_quality, to_status
from openesi.gateway.users import Role

MAX_SECONDS: Final = 0xFFFF_FFFF  # an unsigned 32-bit Unix second
# a client that takes nothing for so long is let go; it would hold memory for ever
SEND_TIMEOUT_S: Final = 30.0
GZIP_LEVEL: Final = 1  # readings compress thirtyfold already at the fastest level
CSV_CHUNK_S: Final = 6 * 3600
WHOLE_S: Final = 600  # up to so much time is answered in one piece, of 30 kB at most
_DIGITS = re.compile(r"[0-9]{1,10}\Z")

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class NotFound(HTTPException):
    """Nothing in the cache for this question: 404 and the words of the seed."""

    def __init__(self) -> None:
        super().__init__(404, "data not found")


@dataclass(frozen=True, slots=True)
class Window:
    """The times asked for, in the meter's Unix seconds, both included."""

    start_s: int
    end_s: int
    current: bool = False  # only the newest reading


class GatewayApi:
    """Answers from ``record``; ``clocks`` tells the time of each request."""

    def __init__(
        self, record: MeterRecord, *, clocks: Callable[[], Clocks], green_button: bool = True
    ) -> None:
        self._record = record
        self._clocks = clocks
        self._green_button = green_button
        self._live = LiveStream(record, clocks)

    def app(self, *outer: Middleware) -> Starlette:
        """The ASGI application; ``outer`` middleware (authentication) goes around it."""
        static = resources.files("openesi.web") / "static"
        handlers = {
            "page": self._page,
            "readings": self._readings,
            "metadata": self._metadata,
            "status": self._status,
            "quality": self._quality,
            "stream": self._stream,
            "metrics": self._metrics,
            "openapi": self._openapi,
        }
        routes: list[BaseRoute] = [
            Route(path, handlers[route.handler], methods=["GET"])
            for route in openapi.ROUTES
            for path in route.paths
        ]
        routes.append(Mount("/static", StaticFiles(directory=str(static))))
        return Starlette(
            routes=routes,
            middleware=[Middleware(Shield), *outer],
            exception_handlers={HTTPException: _plain_error},
        )

    # readings

    async def _readings(self, request: Request) -> Response:
        self._refuse_quality_role(request)
        form = request.path_params["form"]
        if form not in ("csv", "gb") or (form == "gb" and not self._green_button):
            raise NotFound
        series = _series(request)
        window = self._window(request, series)
        if form == "csv":
            return self._csv(request, series, window)
        return self._gb(request, window)

    def _csv(self, request: Request, series: SeriesName, window: Window) -> Response:
        if self._record.count(series, window.start_s, window.end_s) == 0:
            raise NotFound
        pieces = (
            render_csv(self._record.runs(series, start_s, min(start_s + CSV_CHUNK_S - 1, window.end_s)))
            for start_s in range(window.start_s, window.end_s + 1, CSV_CHUNK_S)
        )
        return self._stream_text(request, pieces, "text/csv; charset=utf-8", window)

    def _gb(self, request: Request, window: Window) -> Response:
        power, energy = SeriesName.POWER, SeriesName.ENERGY
        count, runs = self._record.count, self._record.runs
        start_s, clocks = window.start_s, self._clocks()
        # the newest power, and the newest amount of energy: it takes two register readings
        if window.current:
            registers = self._record.points(energy, 0, MAX_SECONDS)[-2:]
            start_s = min([start_s, *(point.time_s for point in registers)])
        if not count(power, window.start_s, window.end_s) and count(energy, start_s, window.end_s) < 2:
            raise NotFound
        seen = self._record.snapshot(clocks.monotonic_s)

        def power_runs(first_s: int, last_s: int) -> list[Run]:
            return runs(power, max(first_s, window.start_s), last_s)

        feed = Feed(
            meter=seen.network.meter_mac_id if seen.network is not None else seen.source,
            updated_s=window.end_s,
            start_s=start_s,
            end_s=window.end_s,
            interval_s=seen.interval_s,
            energy_interval_s=seen.energy_interval_s,
            export=seen.export_seen,
            net=request.query_params.get("flow") == "net",
            power=power_runs,
            energy=partial(runs, energy),
            energy_received=partial(runs, SeriesName.ENERGY_RECEIVED),
        )
        return self._stream_text(request, feed.render(), "application/atom+xml; charset=utf-8", window)

    def _window(self, request: Request, series: SeriesName) -> Window:
        """Which times a request asks for, cut to what the cache holds.

        Raises NotFound if it holds nothing.
        """
        clocks = self._clocks()
        bounds = self._record.bounds(series, clocks.monotonic_s)
        text, query = request.path_params.get("seconds", ""), request.query_params
        if not text and not query.keys() & {"start", "end", "since"}:
            newest = self._record.current(series, clocks.monotonic_s)
            if newest is None:
                raise NotFound
            return Window(newest.time_s, newest.time_s, current=True)
        now = self._record.meter_now(clocks.monotonic_s)
        if bounds is None:
            raise NotFound
        end_s = bounds[1] if now is None else int(now)  # before the first reading after a restart
        start_s = 0
        if text and text != "all":
            start_s = max(0, end_s - _seconds(text, "the interval"))
        if "since" in query:  # what came after a reading that the client already has
            start_s = max(start_s, _seconds(query["since"], "since") + 1)
        if "start" in query:
            start_s = max(start_s, _seconds(query["start"], "start"))
        if "end" in query:
            end_s = min(end_s, _seconds(query["end"], "end"))
        start_s, end_s = max(start_s, bounds[0]), min(end_s, bounds[1])
        if start_s > end_s:
            raise NotFound
        return Window(start_s, end_s)

    # the rest

    async def _metadata(self, request: Request) -> Response:
        self._refuse_quality_role(request)
        key = request.path_params["key"]
        names = request.query_params.get("names") == "1"
        value = find_metadata(self._record, key, self._clocks().monotonic_s, names=names)
        if value is None:
            raise NotFound
        return PlainTextResponse(f"{key}={value}\n")

    async def _status(self, request: Request) -> Response:
        self._refuse_quality_role(request)
        return JSONResponse(to_status(self._record, self._clocks()))

    async def _quality(self, request: Request) -> Response:
        return JSONResponse(to_quality(self._record, self._clocks()))

    async def _metrics(self, request: Request) -> Response:
        text = render_metrics(self._record, self._clocks(), with_load=_role(request) is Role.READER)
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    async def _stream(self, request: Request) -> Response:
        self._refuse_quality_role(request)
        last = request.headers.get("last-event-id", "")
        events = self._live.subscribe(int(last) if _DIGITS.match(last) else None)
        if events is None:
            raise HTTPException(503, "too many live streams; close a page or wait")
        return StreamingResponse(events, media_type="text/event-stream")

    async def _openapi(self, request: Request) -> Response:
        return JSONResponse(openapi.to_document(green_button=self._green_button))

    async def _page(self, request: Request) -> Response:
        page = resources.files("openesi.gateway") / "page.html"
        return Response(page.read_bytes(), media_type="text/html; charset=utf-8")

    def _refuse_quality_role(self, request: Request) -> None:
        if _role(request) is not Role.READER:
            raise HTTPException(403, "this user may see the quality report and the metrics only")

    def _stream_text(self, request: Request, pieces: Iterable[str], kind: str, window: Window) -> Response:
        headers = {"Vary": "Accept-Encoding"}
        now = self._record.meter_now(self._clocks().monotonic_s)
        if window.current and now is not None:
            headers["Age"] = str(max(0, round(now - window.end_s)))
        content: Iterator[bytes] = (piece.encode() for piece in pieces)
        if window.end_s - window.start_s <= WHOLE_S:
            return Response(b"".join(content), media_type=kind, headers=headers)
        if _accepts_gzip(request):
            headers["Content-Encoding"] = "gzip"
            content = compress(content)
        return StreamingResponse(_in_turns(content), media_type=kind, headers=headers)


class Shield:
    """The outermost layer: security headers on every answer, and no waiting for ever on a client that
    stalls.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                known = {name.lower() for name, _ in message["headers"]}
                added = [header for header in _HEADERS if header[0] not in known]
                message["headers"] = [*message["headers"], *added]
            try:
                async with asyncio.timeout(SEND_TIMEOUT_S):
                    await send(message)
            except TimeoutError as error:
                raise _Stalled from error

        try:
            await self._app(scope, receive, guarded if scope["type"] == "http" else send)
        except _Stalled:
            return  # the server closes a connection whose answer is not complete


class _Stalled(Exception):
    """The client takes nothing any more."""


_HEADERS = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]


def compress(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The gzip form of ``pieces``, as they come."""
    packer = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, 31)
    for piece in pieces:
        packed = packer.compress(piece)
        if packed:
            yield packed
    yield packer.flush()


async def _in_turns(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Between pieces of a large answer the other requests have their turn."""
    for piece in pieces:
        yield piece
        await asyncio.sleep(0)


def _accepts_gzip(request: Request) -> bool:
    return any(
        part.split(";")[0].strip().lower() in ("gzip", "*") and not re.search(r"q=0(\.0*)?\s*\Z", part)
        for part in request.headers.get("accept-encoding", "").split(",")
    )


def _series(request: Request) -> SeriesName:
    name = request.query_params.get("series", SeriesName.POWER.value)
    try:
        return SeriesName(name)
    except ValueError:
        known = ", ".join(series.value for series in SeriesName)
        raise HTTPException(400, f"there is no such series; choose one of {known}") from None


def _seconds(text: str, what: str) -> int:
    if not _DIGITS.match(text):
        raise HTTPException(400, f"{what} must be a whole number of seconds")
    return min(int(text), MAX_SECONDS)


def _role(request: Request) -> Role:
    user = request.scope.get("user")
    return user.role if user is not None else Role.QUALITY


async def _plain_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    text = error.detail if error.detail == "data not found" else error.detail + "\n"
    if error.status_code == 405:
        text = "this gateway can only be read: use GET\n"
    return PlainTextResponse(text, error.status_code, dict(error.headers or {}))
