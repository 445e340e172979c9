"""The 2030.5 application: a request in, a response out. It knows no sockets; the clock is passed in.

GETs are answered from kept bytes as long as nothing they show has changed, whoever changed it. Everything
else goes the same way for all resources: find the place in the tree, check who asks, read or write, encode.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from openesi.sep2 import identity, lists, resources
from openesi.sep2 import model as sep
from openesi.sep2.errors import DecodeError, EncodeError, ReasonCode
from openesi.sep2.resources import Match
from openesi.server import artefacts, encoding, functions, ranges, rates
from openesi.server.cache import Cache
from openesi.server.caller import Caller, find_caller
from openesi.server.errors import Refusal, not_found
from openesi.server.functions import log_event
from openesi.server.functions.base import (
    Change,
    Outcome,
    check_document,
    create_member,
    delete_document,
    replace_document,
)
from openesi.server.functions.events import realign, switch
from openesi.server.functions.metering_mirror import POSTED
from openesi.server.message import Request, Response, Source
from openesi.server.settings import Settings
from openesi.server.view import View
from openesi.store import Reader, Store, StoreError, Transaction

log = logging.getLogger(__name__)

MAX_CALLERS = 50_000  # certificates remembered; each connection may bring a new one
NOTED_EVERY_S = 3_600  # log events about one revoked certificate, which may go on asking
LOG_LINES_A_MINUTE = 600  # refusals and failures; a client that sends nonsense must not fill the disk


class Application:
    """Answers requests for one store. Call it with a Request; see ``openesi.server.message.Application``."""

    def __init__(self, store: Store, settings: Settings, *, clock: Callable[[], float] = time.time) -> None:
        self.store = store
        self.settings = settings  # those below, with the operator's rates
        self._started_with = settings
        self._rates_known = False
        self._clock = clock
        self._cache = Cache()
        self._callers: dict[bytes, Caller] = {}
        self.loads = artefacts.Loads()
        self._refused: dict[bytes, float] = {}
        self.seen: dict[bytes, float] = {}  # when each LFDI was last heard (s since 1970), for the operator
        self._watchers: list[Callable[[set[str] | None], None]] = []
        self._switching: asyncio.Future[None] | None = None
        self._due: float = 0.0  # nothing is served before the first look at what is due
        self._log_minute = 0
        self._log_lines = 0

    def __call__(self, request: Request) -> Response | Awaitable[Response]:
        """Answer at once what is kept, else work it out."""
        now = self._clock()
        self._refresh()
        if now < self._due and request.method in ("GET", "HEAD"):
            caller = self._callers.get(request.peer.lfdi or b"")
            if caller is not None and not caller.revoked:
                accept = request.headers.get("accept")
                kept = self._cache.get((request.target, accept, caller.shared_view), now)
                if kept is None:
                    kept = self._cache.get((request.target, accept, caller.own_view), now)
                if kept is not None:
                    self.seen[caller.lfdi] = now
                    return kept
        return self._answer(request, now)

    async def tick(self) -> float:
        """Switch what is due. Return when something is due next (s since 1970; inf: nothing is)."""
        self._refresh()
        await self._know_rates()
        now = int(self._clock())
        due = await self.store.read(_next_due)
        while due <= now:
            await self._switch(now)
            due = await self.store.read(_next_due)
        self._due = due
        return due

    async def _switch(self, now: int) -> None:
        """Switch some of what is due. All who wait share one write: a fleet asks at the same second."""
        if self._switching is None:
            self._switching = asyncio.ensure_future(
                self.store.write(lambda tx: switch(tx, now, functions.TURNS), long=True)
            )
            self._switching.add_done_callback(self._switched)
        await asyncio.shield(self._switching)

    def _switched(self, done: asyncio.Future[None]) -> None:
        self._switching = None
        if not done.cancelled():
            done.exception()  # those who waited have it

    async def _know_rates(self) -> None:
        if not self._rates_known:
            kept = await self.store.read(rates.kept_rates)
            self.settings = rates.with_rates(self._started_with, kept)
            self._rates_known = True

    def watch(self, watcher: Callable[[set[str] | None], None]) -> None:
        """Have ``watcher`` told what changed in the store: paths and tags, or None for everything."""
        self._watchers.append(watcher)

    def refuse(self, status: int, text: str, request: Request) -> Response:
        """Answer what the wire would not take, as the standard's Error."""
        self._log_refusal(status, text, request)
        reason = ReasonCode.LIMIT if status in (413, 414, 431) else ReasonCode.FORMAT
        return self._error(status, reason, request)

    # --- keeping up with the store ---------------------------------------------------------------------

    def _refresh(self) -> None:
        """Forget what was changed, by whomever."""
        changed = self.store.changes()
        if changed is None or changed:
            if changed is None or rates.TAG in changed:
                self._rates_known, changed = False, None
            self._cache.forget(changed)
            self._forget_callers(changed)
            self._due = 0.0
            for watcher in self._watchers:
                watcher(changed)

    def _forget_callers(self, changed: set[str] | None) -> None:
        if changed is None:
            self._callers.clear()
            return
        if not any(path.startswith(("peer:", "/edev")) for path in changed):
            return
        listed = any(path.startswith("/edev#") for path in changed)
        for lfdi, caller in list(self._callers.items()):
            device_changed = _is_about(caller.device, changed) if caller.device else listed
            if device_changed or f"peer:{lfdi.hex()}" in changed:
                del self._callers[lfdi]

    async def _caller(self, request: Request) -> Caller:
        lfdi = request.peer.lfdi
        if lfdi is None:
            raise Refusal(403, "a client certificate is needed")
        self.note_seen(lfdi)
        caller = self._callers.get(lfdi)
        if caller is None:
            caller = await self.store.read(lambda reader: find_caller(reader, lfdi, self.settings))
            if len(self._callers) >= MAX_CALLERS:
                self._callers.clear()
            self._callers[lfdi] = caller
        if caller.revoked:
            await self._note_refused(lfdi)
            raise Refusal(403, f"certificate {identity.format_lfdi(lfdi)} is revoked")
        return caller

    async def note_clock_step(self, step_s: float) -> None:
        """Say in the server's own log that somebody set the clock by so much."""
        log.warning("clock_set step_s=%+.1f", step_s)
        now, extended = int(self._clock()), min(round(abs(step_s)), 2**32 - 1)
        details = f"{step_s:+.0f} s"
        await self.store.write(
            lambda tx: log_event.note(
                tx, now, self.settings, log_event.TIME_ADJUSTED, details=details, extended=extended
            )
        )
        if step_s < 0:
            await self.store.write(lambda tx: realign(tx, now, functions.TURNS))

    async def _note_refused(self, lfdi: bytes) -> None:
        """Write into the server's own log that a revoked certificate asked: once in a while for each."""
        now = self._clock()
        if now - self._refused.get(lfdi, 0.0) < NOTED_EVERY_S:
            return
        if len(self._refused) >= MAX_CALLERS:
            self._refused.clear()
        self._refused[lfdi] = now
        await self.store.write(
            lambda tx: log_event.note(tx, int(now), self.settings, log_event.CERTIFICATE_REFUSED)
        )

    def note_seen(self, lfdi: bytes) -> None:
        """Remember that a device was heard now."""
        if lfdi not in self.seen and len(self.seen) >= MAX_CALLERS:
            del self.seen[next(iter(self.seen))]
        self.seen[lfdi] = self._clock()

    # --- answering -------------------------------------------------------------------------------------

    async def _answer(self, request: Request, now: float) -> Response:
        try:
            if now >= self._due:
                await self.tick()
            return await self._respond(request, now)
        except Refusal as refusal:
            self._log_refusal(refusal.status, str(refusal), request)
            return self._error(refusal.status, refusal.reason, request, refusal.headers)
        except DecodeError as error:
            self._log_refusal(error.status, str(error), request)
            return self._error(error.status, error.reason, request)
        except (StoreError, EncodeError) as error:
            status = 503 if isinstance(error, StoreError) else 500
            self._log_failure(status, error, request)
            headers = (("Retry-After", "30"),) if status == 503 else ()
            return self._error(status, ReasonCode.LIMIT, request, headers)

    async def _respond(self, request: Request, now: float) -> Response:
        path = unquote(request.path) if "%" in request.path else request.path
        match = resources.match(path)
        if match is None:
            file = artefacts.file_of(path)
            if file is None or self.settings.files is None:
                raise not_found(path)
            return await self._content(request, file, self.settings.files, now)
        if request.method not in match.resource.methods:
            allow = ", ".join(match.resource.methods)
            raise Refusal(
                405,
                f"{request.method} on {match.resource.name}; allowed: {allow}",
                headers=(("Allow", allow),),
            )
        caller = await self._caller(request)
        if request.method in ("GET", "HEAD"):
            return await self._get(request, caller, match, path, now)
        return await self._write(request, caller, match, path, now)

    async def _get(self, request: Request, caller: Caller, match: Match, path: str, now: float) -> Response:
        accept = request.headers.get("accept")
        answer = encoding.for_answer(accept, caller.edition)
        item = match.resource.item
        tags = caller.edition.tags
        window = lists.parse_window(request.query, item, tags=tags) if item else lists.Window()

        def look(reader: Reader) -> tuple[View, sep.Sep]:
            view = View(reader, now=now, caller=caller, settings=self.settings, special=functions.SPECIAL)
            return view, view.document(match, path, window)

        view, document = await self.store.read(look)
        response = Response(200, answer.encode(document), content_type=answer.content_type)
        seen_by = caller.own_view if view.personal else caller.shared_view
        self._cache.put(
            (request.target, accept, seen_by), response, depends=view.depends, since=now, until=view.until
        )
        return response

    async def _content(self, request: Request, file: str, folder: Path, now: float) -> Response:
        """Send the octets of a File, or the part of them that is asked for, to those who may see it."""
        if request.method not in ("GET", "HEAD"):
            raise Refusal(405, f"{request.method} on a file's content", headers=(("Allow", "GET, HEAD"),))
        caller = await self._caller(request)
        match = resources.match(file)
        assert match is not None

        def look(reader: Reader) -> artefacts.Artefact | None:
            view = View(reader, now=now, caller=caller, settings=self.settings)
            view.check_access(match, file)
            if view.row(file) is None:
                raise not_found(file)
            return artefacts.find(reader, file)

        artefact = await self.store.read(look)
        if artefact is None:
            raise artefacts.not_uploaded()
        octets = artefact.octets
        part = ranges.select(request.method, request.headers, octets=octets, etag=artefact.etag)
        headers = [("ETag", artefact.etag), ("Accept-Ranges", "bytes"), ("Repr-Digest", artefact.digest)]
        if part.status == 416:
            headers.append(("Content-Range", f"bytes */{octets}"))
        if part.status not in (200, 206):
            return Response(part.status, headers=tuple(headers))
        if part.status == 206:
            headers.append(("Content-Range", f"bytes {part.start}-{part.end - 1}/{octets}"))
        source: Source = artefacts.Unread(octets)
        if request.method == "GET":
            source = self.loads.begin(folder, artefact, part, caller.lfdi)
        return Response(
            part.status, headers=tuple(headers), content_type="application/octet-stream", source=source
        )

    async def _write(self, request: Request, caller: Caller, match: Match, path: str, now: float) -> Response:
        document = self._document(request, caller) if request.method != "DELETE" else None

        def apply(tx: Transaction) -> Outcome:
            change = Change(tx, int(now), caller, self.settings, match, path)
            View(tx, now=now, caller=caller, settings=self.settings, special=functions.SPECIAL).check_place(
                match, path
            )
            return _APPLY[request.method](change, document)

        outcome = await self.store.write(apply)
        location = (("Location", outcome.location),) if outcome.location else ()
        return Response(outcome.status, headers=location)

    def _document(self, request: Request, caller: Caller) -> sep.Sep:
        media = encoding.for_body(request.headers.get("content-type"))
        if not request.body:
            raise Refusal(400, "the body is empty", reason=ReasonCode.FORMAT)
        return media.decode(request.body, caller.edition)

    # --- refusing --------------------------------------------------------------------------------------

    def _error(
        self, status: int, reason: ReasonCode, request: Request, headers: tuple[tuple[str, str], ...] = ()
    ) -> Response:
        """Answer with the standard's Error in the encoding the client takes, or without body if none."""
        known = self._callers.get(request.peer.lfdi or b"")
        edition = known.edition if known else self.settings.edition
        try:
            answer = encoding.for_answer(request.headers.get("accept"), edition)
        except Refusal:
            return Response(status, headers=headers)
        body = answer.encode(sep.Error(reasonCode=reason))
        return Response(status, body, headers=headers, content_type=answer.content_type)

    def _log_failure(self, status: int, error: Exception, request: Request) -> None:
        """Log what is our fault; how we got there only where it is a mistake, not a full disk."""
        if self._may_log():
            log.error(
                "failed status=%d method=%s target=%.120r reason=%.300r",
                status, request.method, request.target, str(error),
                exc_info=error if status == 500 else None,
            )  # fmt: skip

    def _may_log(self) -> bool:
        minute = int(self._clock()) // 60
        if minute != self._log_minute:
            self._log_minute, self._log_lines = minute, 0
        self._log_lines += 1
        return self._log_lines <= LOG_LINES_A_MINUTE

    def _log_refusal(self, status: int, text: str, request: Request) -> None:
        if not self._may_log():
            return
        lfdi = request.peer.lfdi.hex() if request.peer.lfdi else "none"
        log.info(
            "refused status=%d method=%s target=%.120r lfdi=%s address=%s reason=%.300r",
            status, request.method, request.target, lfdi, request.peer.address, text,
        )  # fmt: skip


def _is_about(device: str, changed: set[str]) -> bool:
    """Tell whether a device changed, or which groups it belongs to."""
    return device in changed or f"{device}/fsa" in changed


def _next_due(reader: Reader) -> float:
    due = reader.next_due()
    return float("inf") if due is None else due


def _post(change: Change, document: Any) -> Outcome:
    resource = change.resource
    expected = POSTED.get(resource.name) or (resource.item,)
    kind = next((one for one in expected if one is not None and isinstance(document, one)), expected[0])
    assert kind is not None
    behaviour = functions.behaviour_of(resource.name)
    document = check_document(change, document, kind)
    if behaviour.check is not None:
        document = behaviour.check(change, document)
    return (behaviour.post or create_member)(change, document)


def _put(change: Change, document: Any) -> Outcome:
    behaviour = functions.behaviour_of(change.resource.name)
    document = check_document(change, document, change.resource.model)
    if behaviour.check is not None:
        document = behaviour.check(change, document)
    return (behaviour.put or replace_document)(change, document)


def _delete(change: Change, document: None) -> Outcome:
    del document
    return (functions.behaviour_of(change.resource.name).delete or delete_document)(change)


_APPLY: dict[str, Callable[[Change, Any], Outcome]] = {"POST": _post, "PUT": _put, "DELETE": _delete}
