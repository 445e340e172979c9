"""Media types as a client speaks them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from openesi.client.errors import BadAnswer
from openesi.sep2 import xml
from openesi.sep2.editions import Edition
from openesi.sep2.model import Sep


@dataclass(frozen=True, slots=True)
class Media:
    """One way to write documents: what is asked for, what is sent, and how."""

    content_type: str
    accept: str
    encode: Callable[[Sep, Edition], bytes]
    decode: Callable[[bytes, Edition], Sep]


XML = Media("application/sep+xml", "application/sep+xml", xml.serialize, xml.parse)

# Some servers answer with the general type.
_DECODERS = {XML.content_type: XML.decode, "application/xml": XML.decode, "text/xml": XML.decode}


def decoder(content_type: str | None) -> Callable[[bytes, Edition], Sep]:
    """Return what reads a body of this type. Raises BadAnswer for a type that is not the standard's."""
    media_type = (content_type or "").partition(";")[0].strip().lower()
    found = _DECODERS.get(media_type)
    if found is None:
        raise BadAnswer(f"the answer is {media_type[:60] or 'of no type'!r}, not a document of the standard")
    return found
