"""Media types: what a request's body is read with and an answer written with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from openesi.sep2 import editions, xml
from openesi.sep2.editions import Edition
from openesi.sep2.errors import DecodeError
from openesi.sep2.model import Sep
from openesi.server.errors import Refusal

MAX_ACCEPT = 512  # octets of an Accept header that are looked at


@dataclass(frozen=True, slots=True)
class Encoding:
    """One way to write documents; ``content_type`` is what answers carry."""

    media_type: str
    content_type: str
    decode: Callable[[bytes, Edition], Sep]
    encode: Callable[[Sep, Edition], bytes]


def _decode_xml(data: bytes, edition: Edition) -> Sep:
    """Read XML in the peer's edition, or in draft 2.0.4 where the namespace says so.

    Devices with the draft's schema are in the field: its bits and names are translated.
    """
    try:
        return xml.parse(data, edition)
    except DecodeError:
        if (
            b'"http://ieee.org/2030.5"' not in data[:512]
            or edition.namespace == editions.DRAFT_2_0_4.namespace
        ):
            raise
    return xml.parse(data, editions.DRAFT_2_0_4)


XML = Encoding("application/sep+xml", "application/sep+xml", _decode_xml, xml.serialize)
ENCODINGS = {encoding.media_type: encoding for encoding in (XML,)}


def for_answer(accept: str | None) -> Encoding:
    """Return the encoding an answer takes by the request's Accept; ties go to XML.

    Raises Refusal (406) where the client takes nothing that we have.
    """
    if not accept or accept == "*/*":
        return XML
    best: tuple[float, Encoding] | None = None
    for part in accept[:MAX_ACCEPT].split(","):
        media_type, quality = _media_range(part)
        for encoding in ENCODINGS.values():
            if _covers(media_type, encoding.media_type) and quality > (best[0] if best else 0.0):
                best = (quality, encoding)
    if best is None:
        raise Refusal(406, f"Accept {accept[:80]!r}: this server has {', '.join(ENCODINGS)}")
    return best[1]


def for_body(content_type: str | None) -> Encoding:
    """Return the encoding of a request's body. Raises Refusal (415)."""
    media_type = (content_type or "").partition(";")[0].strip().lower()
    encoding = ENCODINGS.get(media_type)
    if encoding is None:
        given = f"Content-Type {media_type[:80]!r}" if media_type else "no Content-Type"
        raise Refusal(415, f"{given}: this server takes {', '.join(ENCODINGS)}")
    return encoding


def _media_range(part: str) -> tuple[str, float]:
    media_type, *parameters = (piece.strip().lower() for piece in part.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return media_type, max(0.0, min(1.0, float(value)))
            except ValueError:
                return media_type, 0.0
    return media_type, 1.0


def _covers(media_range: str, media_type: str) -> bool:
    return media_range in (media_type, "*/*", media_type.partition("/")[0] + "/*")
