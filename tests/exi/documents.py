"""The test vectors: documents with the streams that two independent codecs agree on.

``vectors.tsv`` has one document a row (XML as a JSON string), ``roots.tsv`` a global element as document
element, ``traces.txt`` readings bit by bit. Non-strict streams without options are derived: their body is
that of the ``sep`` stream, and ``octets`` is how long they are.
"""

from __future__ import annotations

import csv
import gzip
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from openesi import exi
from openesi.sep2 import editions
from openesi.sep2 import exi as sep_exi

FOLDER = Path(__file__).parent / "vectors"
SCHEMA = sep_exi.schema_of(editions.IEEE_2018)
NON_STRICT = exi.Grammars(SCHEMA)
STRICT = exi.Grammars(SCHEMA, strict=True)

_SEP_HEADER_BITS = 39
_PLAIN_HEADER = "10000000"


@dataclass(frozen=True)
class Vector:
    """A document and its streams; ``strict`` is empty where strict grammars cannot hold it."""

    name: str
    xml: bytes
    sep: bytes
    strict: bytes
    is_valid: bool
    nonstrict_octets: int

    @property
    def nonstrict(self) -> bytes:
        """The non-strict stream with a header of one octet."""
        body = f"{int.from_bytes(self.sep):0{8 * len(self.sep)}b}"[_SEP_HEADER_BITS:]
        width = 8 * self.nonstrict_octets
        return int((_PLAIN_HEADER + body).ljust(width, "0")[:width], 2).to_bytes(self.nonstrict_octets)


@cache
def vectors() -> tuple[Vector, ...]:
    found = [
        Vector(
            row["name"],
            json.loads(row["xml"]).encode(),
            bytes.fromhex(row["sep"]),
            bytes.fromhex(row["strict"]),
            row["valid"] == "yes",
            int(row["octets"]),
        )
        for row in _rows("vectors.tsv")
    ]
    name = "mirror-meter-readings"
    document = gzip.decompress((FOLDER / f"{name}.xml.gz").read_bytes())
    stream = (FOLDER / f"{name}.sep.exi").read_bytes()
    return (*found, Vector(name, document, stream, b"", is_valid=True, nonstrict_octets=13478))


@cache
def roots() -> tuple[Vector, ...]:
    return tuple(
        Vector(
            f"{row['kind']}-{row['root']}",
            row["xml"].replace(row["root"], f'{row["root"]} xmlns="{SCHEMA.namespace}"', 1).encode(),
            bytes.fromhex(row["sep"]),
            bytes.fromhex(row["strict"]),
            is_valid=True,
            nonstrict_octets=int(row["octets"]),
        )
        for row in _rows("roots.tsv")
    )


@cache
def traces() -> dict[str, tuple[bytes, bytes, list[str]]]:
    """By name: the document, its stream, the lines of the reading after those about the header."""
    found = {}
    for part in (FOLDER / "traces.txt").read_text().split("=== ")[1:]:
        name, xml, stream, *lines = part.splitlines()
        found[name] = (xml.encode(), bytes.fromhex(stream), lines)
    return found


def _rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
