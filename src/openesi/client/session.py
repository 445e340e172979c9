"""A conversation with one 2030.5 server: documents in, documents out.

::

    async with Client("https://192.0.2.7:8443/dcap", cert=cert, key=key, ca=ca) as esi:
        async for control in esi.der_controls():
            print(control.interval.start, control.DERControlBase)
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

from openesi.client import links, media
from openesi.client.errors import AccessRefused, AnswerError, BadAnswer, NotThere
from openesi.client.finding import Finder
from openesi.client.http import Answer, Sender, Transport
from openesi.client.tls import TLSSettings, make_context
from openesi.errors import WrongUsage
from openesi.pki.authority import read_certificates
from openesi.sep2 import identity
from openesi.sep2 import model as sep
from openesi.sep2.editions import CSIP_AUS_13, IEEE_2018, Edition
from openesi.sep2.errors import DecodeError

log = logging.getLogger(__name__)

MAX_REDIRECTS = 5  # a server could send a client in circles
MAX_MEMBERS = 5_000  # of one list; a server could claim four thousand million
PAGE = 255  # members asked for at once, as the conformance tests do
MAX_KEPT = 64  # documents whose last answer is remembered; hrefs come from the server
MAX_RETRY_AFTER_S = 24 * 3600  # a server could ask to be left alone for ever

EXTENSIONS = CSIP_AUS_13.tags  # of the 2018 edition: a server may show them late

T = TypeVar("T", bound=sep.Sep)


class Client:
    """A session with the server whose DeviceCapability is at ``url`` (a bare ``https://host`` means /dcap).

    ``cert``, ``key`` and ``ca`` are PEM files; ``TLSSettings`` has more to say than they do. ``edition`` is
    what the server speaks; if not given, 2018 until its first document says otherwise. ``exi`` asks for EXI
    and writes it, ``transport`` sends the requests (for load tests), ``page`` is how many members of a list
    are asked for at once. ``remarks`` tells, by href, what the server writes that is not the standard's.
    One task at a time may use it. Every method may raise Unreachable, Refused, AnswerError or BadAnswer (see
    ``openesi.client.errors``).
    """

    def __init__(
        self,
        url: str,
        *,
        cert: Path | str | None = None,
        key: Path | str | None = None,
        ca: Path | str | Iterable[Path | str] = (),
        tls: TLSSettings | None = None,
        edition: Edition | None = None,
        exi: bool = False,
        page: int = PAGE,
        transport: Sender | None = None,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("https", "http") or not parts.hostname:
            raise WrongUsage(f"{url!r} is no address of a server; write https://HOST:PORT")
        if tls is None:
            files = (ca,) if isinstance(ca, str | Path) else tuple(ca)
            tls = TLSSettings(
                cert=Path(cert) if cert else None,
                key=Path(key) if key else None,
                ca=tuple(Path(file) for file in files),
            )
        self.tls = tls
        self.url = url if parts.path.strip("/") else f"{parts.scheme}://{parts.netloc}/dcap"
        self.edition = edition or IEEE_2018
        self.remarks: dict[str, list[str]] = {}
        self._learns_edition = self._is_first = edition is None
        self.media = media.EXI if exi else media.XML
        self._page = page
        self.lfdi = _own_lfdi(tls)
        self.requests = 0
        secured = parts.scheme == "https" or tls.ca or tls.server_lfdi  # plain HTTP may lead to TLS
        self._transport: Sender = transport or Transport(make_context(tls) if secured else None)
        self._kept: dict[str, tuple[int, sep.Sep]] = {}
        self._reading: dict[str, sep.Sep] | None = None
        self._finder: Finder | None = None

    @classmethod
    async def discover(
        cls, *, timeout_s: float = 3.0, interfaces: Sequence[str] = (), **options: Any
    ) -> Self:
        """Return a session with the server that DNS-SD finds for this client's certificate.

        ``options`` are those of the class. An ``Agent`` looks for the server again when it is lost. Raises
        Unreachable if none answers.
        """
        esi = cls("https://unknown.invalid/dcap", **options)
        esi._finder = Finder(sfdi=esi.sfdi, timeout_s=timeout_s, interfaces=interfaces)
        esi.url = await esi._finder.find()
        return esi

    async def find_again(self) -> None:
        """Look for the server anew, if it was found by DNS-SD. Raises Unreachable."""
        if self._finder is not None:
            self.url = await self._finder.find()

    @property
    def server_lfdis(self) -> frozenset[bytes]:
        """The LFDIs of the servers that answered; empty before the first answer."""
        own = self._transport
        return frozenset(own.server_lfdis) if isinstance(own, Transport) else frozenset()

    @contextmanager
    def reading(self) -> Iterator[dict[str, sep.Sep]]:
        """Collect what is read meanwhile, by href without query; of a list its first page."""
        collected: dict[str, sep.Sep] = {}
        self._reading = collected
        try:
            yield collected
        finally:
            self._reading = None

    @property
    def sfdi(self) -> int:
        """The SFDI of this client's own certificate."""
        return identity.sfdi_from_lfdi(self.lfdi)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections. The client can be used again; it connects anew."""
        await self._transport.close()

    # --- documents -------------------------------------------------------------------------------------

    async def get(self, href: str) -> sep.Sep:
        """Return the document at ``href``. While it does not change, the same object is returned."""
        answer = await self.request("GET", href)
        if not answer.body:
            raise NotThere(f"{href} has no representation yet", status=404)
        try:
            document = self._decode(answer, href)
        except BadAnswer as error:
            if self.media is not media.EXI:
                raise
            log.warning("going on in XML reason=%s", error)  # another schema, perhaps: EXI shows none
            self.media = media.XML
            return await self.get(href)
        if self._reading is not None:
            self._reading.setdefault(href.partition("?")[0], document)
        return document

    async def fetch(self, link: sep.Link | str, kind: type[T]) -> T:
        """Return the document that a link leads to, which must be a ``kind``."""
        href = link if isinstance(link, str) else link.href
        document = await self.get(href)
        if not isinstance(document, kind):
            raise BadAnswer(f"{href} is a {type(document).__name__}, expected {kind.__name__}")
        return document

    async def put(self, href: str, document: sep.Sep) -> None:
        """Replace what is at ``href``."""
        await self.request("PUT", href, document)

    async def post(self, href: str, document: sep.Sep) -> str | None:
        """Add to the list at ``href``; return where the server put it, if it says so."""
        answer = await self.request("POST", href, document)
        location = answer.headers.get("location")
        if location is None:
            return None
        url = links.resolve(answer.url, location)
        return url.removeprefix(self.origin) if links.origin_of(url) == self.origin else url

    async def delete(self, href: str) -> None:
        """Remove what is at ``href``."""
        await self.request("DELETE", href)

    async def fetch_list(self, link: sep.Link | str, kind: type[T]) -> T:
        """Return the list that a link leads to, with all its members, whatever pages it comes in.

        What the server says of ``all`` and ``results`` is not relied on, some have them the wrong way round:
        the members that came are counted, and a page that brings nothing new is the last.
        """
        href = link if isinstance(link, str) else link.href
        page: Any = await self.fetch(links.paged(href, 0, self._page), kind)
        name = kind.__name__.removesuffix("List")
        members: list[Any] = list(getattr(page, name))
        first = page
        seen = {_member_key(one) for one in members}
        while len(members) < max(page.all, page.results) and getattr(page, name):
            if len(members) >= MAX_MEMBERS:
                log.warning("list too long href=%s all=%d read=%d", href, page.all, len(members))
                break
            page = await self.fetch(links.paged(href, len(members), self._page), kind)
            new = [one for one in getattr(page, name) if _member_key(one) not in seen]
            if not new:
                break
            members += new
            seen.update(map(_member_key, new))
        if page is first and len(members) == first.all == first.results:
            return page  # type: ignore[no-any-return]
        return sep.replace(first, **{name: tuple(members), "all": len(members), "results": len(members)})  # type: ignore[no-any-return]

    # --- what a device asks for first ------------------------------------------------------------------

    async def device_capability(self) -> sep.DeviceCapability:
        """Return the entry point."""
        return await self.fetch(self.url, sep.DeviceCapability)

    async def end_device(self) -> sep.EndDevice | None:
        """Return this client's own EndDevice, found by LFDI (by SFDI where the server gives no LFDI)."""
        capability = await self.device_capability()
        if capability.EndDeviceListLink is None:
            return None
        listed = await self.fetch_list(capability.EndDeviceListLink, sep.EndDeviceList)
        return find_end_device(listed, self.lfdi)

    async def function_set_assignments(self) -> tuple[sep.FunctionSetAssignments, ...]:
        """Return the assignments of this client's EndDevice; none if it is not registered."""
        device = await self.end_device()
        if device is None or device.FunctionSetAssignmentsListLink is None:
            return ()
        link = device.FunctionSetAssignmentsListLink
        return (await self.fetch_list(link, sep.FunctionSetAssignmentsList)).FunctionSetAssignments

    async def der_programs(self) -> AsyncIterator[sep.DERProgram]:
        """Yield the DERPrograms that this client is assigned to, the strongest (lowest primacy) first."""
        programs: dict[bytes, sep.DERProgram] = {}
        for assignments in await self.function_set_assignments():
            if assignments.DERProgramListLink is not None:
                listed = await self.fetch_list(assignments.DERProgramListLink, sep.DERProgramList)
                programs |= {program.mRID: program for program in listed.DERProgram}
        for program in sorted(programs.values(), key=lambda one: one.primacy):
            yield program

    async def der_controls(self) -> AsyncIterator[sep.DERControl]:
        """Yield the DERControls of all programs that this client is assigned to, as they stand now."""
        async for program in self.der_programs():
            if program.DERControlListLink is not None:
                listed = await self.fetch_list(program.DERControlListLink, sep.DERControlList)
                for control in listed.DERControl:
                    yield control

    # --- requests --------------------------------------------------------------------------------------

    @property
    def origin(self) -> str:
        """Scheme, host and port of the server."""
        return links.origin_of(self.url)

    async def request(self, method: str, href: str, document: sep.Sep | None = None) -> Answer:
        """Send a request and return its answer (2xx); follow redirects by the rules of ``_redirected``."""
        body = b"" if document is None else self.media.encode(document, self.edition)
        answer = await self.request_raw(method, href, body)
        if answer.status in (406, 415) and self.media is media.EXI:
            log.info("the server has no EXI; going on in XML")
            self.media = media.XML
            return await self.request(method, href, document)
        if answer.status >= 300:
            raise self._error(answer, method, href)
        return answer

    async def request_raw(self, method: str, href: str, body: bytes = b"") -> Answer:
        """Send octets (in the encoding of ``media``) and return the answer, whatever its status."""
        url = links.resolve(self.url, href)
        headers = {"Accept": self.media.accept(self.edition)}
        if body:
            headers["Content-Type"] = self.media.content_type(self.edition)
        for _ in range(MAX_REDIRECTS + 1):
            self.requests += 1
            answer = await self._transport.send(method, url, headers, body)
            target = _redirected(answer, method)
            if target is None:
                return answer
            if answer.status in (301, 308) and url == self.url:
                self.url = target  # the entry point has moved for good: everything starts there now
            url = target
        raise BadAnswer(f"{href} redirects more than {MAX_REDIRECTS} times")

    def _decode(self, answer: Answer, href: str) -> sep.Sep:
        """Read a document, or return the one kept if the same octets came again."""
        mark = hash((answer.url, answer.body))
        kept = self._kept.pop(href, None)
        if kept is None or kept[0] != mark:
            spoken = media.media_of(answer.headers.get("content-type"), answer.body)
            if spoken is media.XML and self._learns_edition:
                self._learn_edition(answer.body)
            try:
                document, remarks = spoken.decode(answer.body, self.edition)
            except DecodeError as error:
                raise BadAnswer(f"{href} answers what is not in the standard: {error}") from error
            self._remark(href, remarks)
            foreign = links.origin_of(answer.url) != self.origin
            if foreign or spoken is media.EXI or links.needs_resolving(answer.body):
                document = links.resolve_all(document, answer.url, self.origin)
            kept = (mark, document)
        self._kept[href] = kept
        if len(self._kept) > MAX_KEPT:
            del self._kept[next(iter(self._kept))]
        return kept[1]

    def _learn_edition(self, body: bytes) -> None:
        """Take over the edition that the server's first document shows, and CSIP-AUS whenever it comes up.

        Each edition is read and written by its own tables: numbers mean other things in others.
        """
        found = media.edition_spoken(body)
        first, self._is_first = self._is_first, False
        if found is None or found is self.edition or not (first or EXTENSIONS & found.tags):
            return
        log.info("the server speaks edition %s", found.name)
        self.edition = found
        self._learns_edition = found is IEEE_2018

    def _remark(self, href: str, remarks: list[str]) -> None:
        """Tell once of each resource what is strange about it."""
        if remarks and href not in self.remarks and len(self.remarks) < MAX_KEPT:
            self.remarks[href] = remarks
            log.warning("not quite the standard href=%s mended=%s", href, "; ".join(remarks))

    def _error(self, answer: Answer, method: str, href: str) -> Exception:
        what = f"{method} {href} is answered with {answer.status}"
        reason = ""
        wait_s = _seconds(answer.headers.get("retry-after"))
        try:
            spoken = media.media_of(answer.headers.get("content-type"), answer.body)
            document, _ = spoken.decode(answer.body, self.edition)
        except (DecodeError, BadAnswer):
            document = None  # the body of an error is a courtesy; many servers send a page for people
        if isinstance(document, sep.Error):
            reason = f" (reasonCode {document.reasonCode})"
            wait_s = wait_s if wait_s is not None else document.maxRetryDuration
        if answer.status in (401, 403):
            return AccessRefused(f"{what}{reason}: the server knows us and will not", status=answer.status)
        kind = NotThere if answer.status in (404, 410) else AnswerError
        if wait_s is not None:
            wait_s = min(wait_s, MAX_RETRY_AFTER_S)
        return kind(what + reason, status=answer.status, retry_after_s=wait_s)


def find_end_device(listed: sep.EndDeviceList, lfdi: bytes) -> sep.EndDevice | None:
    """Return the EndDevice of an LFDI; one that gives no LFDI is known by its SFDI."""
    sfdi = identity.sfdi_from_lfdi(lfdi)
    for device in listed.EndDevice:
        if device.lFDI is None:
            if device.sFDI == sfdi:
                return device
        elif device.lFDI.rjust(20, b"\x00") == lfdi:
            return device
    return None


def _redirected(answer: Answer, method: str) -> str | None:
    """Return where an answer sends the client on to, None if it does not.

    A write is repeated only where the server says that the method stays (307, 308); a POST never becomes a
    GET. TLS and trust are the same at the new place (IEEE 2030.5-2018, clause 5.5.2).
    """
    if answer.status not in (301, 302, 303, 307, 308):
        return None
    location = answer.headers.get("location")
    if location is None or (method not in ("GET", "HEAD") and answer.status not in (307, 308)):
        return None
    return links.resolve(answer.url, location)


def _member_key(member: Any) -> object:
    return getattr(member, "href", None) or getattr(member, "mRID", None) or member


def _seconds(text: str | None) -> int | None:
    """Return Retry-After in seconds; its other form, a date, is left to the usual back-off."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None


def _own_lfdi(tls: TLSSettings) -> bytes:
    if tls.cert is None:
        return bytes(identity.LFDI_OCTETS)
    return identity.lfdi_from_certificate(read_certificates(tls.cert)[0])
