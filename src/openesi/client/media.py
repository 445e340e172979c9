"""Media types as a client speaks them: XML, or EXI where the user wants it and the server can."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from openesi.client.errors import BadAnswer
from openesi.sep2 import editions, exi, xml
from openesi.sep2.editions import Edition
from openesi.sep2.model import Sep


@dataclass(frozen=True, slots=True)
class Media:
    """One way to write documents. EXI names the schema that its bits depend on; XML need not.

    ``decode`` also returns remarks on what had to be mended (``xml.parse_tolerantly``); EXI leaves no choice.
    """

    name: str
    encode: Callable[[Sep, Edition], bytes]
    decode: Callable[[bytes, Edition], tuple[Sep, list[str]]]
    names_schema: bool = False

    def content_type(self, edition: Edition) -> str:
        """Return the Content-Type of a document of an edition."""
        return f"{self.name}; level=-{edition.schema_id}" if self.names_schema else self.name

    def accept(self, edition: Edition) -> str:
        """Return the Accept of a request; XML is taken from whoever has nothing else."""
        return f"{self.content_type(edition)}, {XML.name};q=0.5" if self.names_schema else self.name


def _decode_exi(data: bytes, edition: Edition) -> tuple[Sep, list[str]]:
    return exi.decode(data, edition), []


XML = Media("application/sep+xml", xml.serialize, xml.parse_tolerantly)
EXI = Media("application/sep-exi", exi.encode, _decode_exi, names_schema=True)

# Some servers answer with the general type.
_MEDIA = {XML.name: XML, EXI.name: EXI, "application/xml": XML, "text/xml": XML}


def media_of(content_type: str | None, body: bytes = b"") -> Media:
    """Return what reads a body of this type; one of no type is XML if it looks like it.

    Raises BadAnswer for a type that is not the standard's.
    """
    if content_type is None and body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
        return XML
    media_type = (content_type or "").partition(";")[0].strip().lower()
    found = _MEDIA.get(media_type)
    if found is None:
        raise BadAnswer(f"the answer is {media_type[:60] or 'of no type'!r}, not a document of the standard")
    return found


_TOP = re.compile(rb"<(?![?!])[^>]{1,4000}>")
_NAMESPACE = re.compile(rb"""xmlns(?::\w+)?\s*=\s*["']([^"']{1,200})["']""")
_CSIP_AUS = re.compile(rb"https?://csipaus\.org/ns(/v1\.3)?")


def edition_spoken(body: bytes) -> Edition | None:
    """Return the edition whose namespaces an XML document shows, None for one that is none of ours.

    CSIP-AUS shows itself only in the documents that it extends.
    """
    aus = _CSIP_AUS.search(body)
    if aus is not None:
        return editions.CSIP_AUS_13 if aus[1] else editions.CSIP_AUS_12
    top = _TOP.search(body)
    if top is None:
        return None
    if b"schemaVer" in top[0]:
        return editions.IEEE_2023
    shown = {found[1].decode("latin-1") for found in _NAMESPACE.finditer(top[0])}
    return next((one for one in editions.EDITIONS.values() if one.namespace in shown), None)
