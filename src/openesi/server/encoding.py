"""Media types: what a request's body is read with and an answer written with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from openesi.sep2 import editions, exi, xml
from openesi.sep2.editions import Edition
from openesi.sep2.errors import DecodeError
from openesi.sep2.model import Sep
from openesi.server.errors import Refusal

MAX_ACCEPT = 512  # octets of an Accept header that are looked at


@dataclass(frozen=True, slots=True)
class Encoding:
    """One way to write documents. ``level`` tells whether its Content-Type must name the schema."""

    media_type: str
    decode: Callable[[bytes, Edition], Sep]
    encode: Callable[[Sep, Edition], bytes]
    level: bool = False

    def content_type(self, edition: Edition) -> str:
        """Return the Content-Type of a document of an edition."""
        return f"{self.media_type}; level=-{exi.schema_id_of(edition)}" if self.level else self.media_type


@dataclass(frozen=True, slots=True)
class Answer:
    """What an answer is written with; ``edition`` is the client's, or the one its Accept names by level."""

    encoding: Encoding
    edition: Edition

    @property
    def content_type(self) -> str:
        """The Content-Type of the answer."""
        return self.encoding.content_type(self.edition)

    def encode(self, document: Sep) -> bytes:
        """Write the body."""
        return self.encoding.encode(document, self.edition)


def _decode_xml(data: bytes, edition: Edition) -> Sep:
    """Read XML in the peer's edition, or in draft 2.0.4 where the namespace says so.

    Devices with the draft's schema are in the field: its bits and names are translated.
    """
    try:
        return xml.parse(data, edition, count=True)
    except DecodeError:
        if (
            b'"http://ieee.org/2030.5"' not in data[:512]
            or edition.namespace == editions.DRAFT_2_0_4.namespace
        ):
            raise
    return xml.parse(data, editions.DRAFT_2_0_4, count=True)


def _decode_exi(data: bytes, edition: Edition) -> Sep:
    """Read EXI; the schemaId in its header chooses the edition, the peer's own where that has the same."""
    return exi.decode(data, exi.edition_of(data, edition))


XML = Encoding("application/sep+xml", _decode_xml, xml.serialize)
EXI = Encoding("application/sep-exi", _decode_exi, exi.encode, level=True)
ENCODINGS = {encoding.media_type: encoding for encoding in (XML, EXI)}
_EDITION_OF_LEVEL = {"S0": editions.IEEE_2013, "S1": editions.IEEE_2018, "S2": editions.IEEE_2023}


def for_answer(accept: str | None, edition: Edition) -> Answer:
    """Return what an answer to a client of an edition is written with, by its Accept; ties go to XML.

    Raises Refusal (406) where the client takes nothing that we have.
    """
    if not accept or accept == "*/*":
        return Answer(XML, edition)
    found: list[tuple[float, Answer]] = []
    for part in accept[:MAX_ACCEPT].split(","):
        media_type, quality, level = _media_range(part)
        named = _edition_named(level, edition)
        if named is not None and quality > 0:
            found += [
                (quality, Answer(one, named))
                for one in ENCODINGS.values()
                if _covers(media_type, one.media_type) and _can_write(one, named)
            ]
    if not found:
        raise Refusal(406, f"Accept {accept[:80]!r}: this server has {', '.join(ENCODINGS)}")
    return max(found, key=lambda one: (one[0], one[1].encoding is XML))[1]


def for_body(content_type: str | None) -> Encoding:
    """Return the encoding of a request's body. Raises Refusal (415)."""
    media_type = (content_type or "").partition(";")[0].strip().lower()
    encoding = ENCODINGS.get(media_type)
    if encoding is None:
        given = f"Content-Type {media_type[:80]!r}" if media_type else "no Content-Type"
        raise Refusal(415, f"{given}: this server takes {', '.join(ENCODINGS)}")
    return encoding


def _media_range(part: str) -> tuple[str, float, str | None]:
    """Return type, quality and level of one part of an Accept header."""
    media_type, *parameters = (piece.strip() for piece in part.split(";"))
    quality, level = 1.0, None
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            quality = _quality(value)
        elif name.strip().lower() == "level":
            level = value.strip().strip('"')
    return media_type.lower(), quality, level


def _quality(text: str) -> float:
    try:
        return max(0.0, min(1.0, float(text)))
    except ValueError:
        return 0.0


def _edition_named(level: str | None, edition: Edition) -> Edition | None:
    """Return the edition that a level as -S1 asks for: the client's own if it fits, None if unknown."""
    if level is None or level[1:] == exi.schema_id_of(edition):
        return edition
    return _EDITION_OF_LEVEL.get(level[1:])


def _can_write(encoding: Encoding, edition: Edition) -> bool:
    """EXI of 2023 needs every type of its schema, and not all are known."""
    return encoding is not EXI or edition.schema_id != editions.IEEE_2023.schema_id


def _covers(media_range: str, media_type: str) -> bool:
    return media_range in (media_type, "*/*", media_type.partition("/")[0] + "/*")
