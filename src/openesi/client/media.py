"""Media types as a client speaks them: XML, or EXI where the user wants it and the server can."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from openesi.client.errors import BadAnswer
from openesi.sep2 import exi, xml
from openesi.sep2.editions import Edition
from openesi.sep2.model import Sep


@dataclass(frozen=True, slots=True)
class Media:
    """One way to write documents. EXI names the schema that its bits depend on; XML need not."""

    name: str
    encode: Callable[[Sep, Edition], bytes]
    decode: Callable[[bytes, Edition], Sep]
    names_schema: bool = False

    def content_type(self, edition: Edition) -> str:
        """Return the Content-Type of a document of an edition."""
        return f"{self.name}; level=-{edition.schema_id}" if self.names_schema else self.name

    def accept(self, edition: Edition) -> str:
        """Return the Accept of a request; XML is taken from whoever has nothing else."""
        return f"{self.content_type(edition)}, {XML.name};q=0.5" if self.names_schema else self.name


XML = Media("application/sep+xml", xml.serialize, xml.parse)
EXI = Media("application/sep-exi", exi.encode, exi.decode, names_schema=True)

# Some servers answer with the general type.
_MEDIA = {XML.name: XML, EXI.name: EXI, "application/xml": XML, "text/xml": XML}


def media_of(content_type: str | None) -> Media:
    """Return what reads a body of this type. Raises BadAnswer for a type that is not the standard's."""
    media_type = (content_type or "").partition(";")[0].strip().lower()
    found = _MEDIA.get(media_type)
    if found is None:
        raise BadAnswer(f"the answer is {media_type[:60] or 'of no type'!r}, not a document of the standard")
    return found
