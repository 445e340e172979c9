"""String tables: names and values seen before are sent as an index (EXI 1.0, 7.3)."""

from __future__ import annotations

import re
from collections import defaultdict

from openesi.exi.bits import BitReader, BitWriter, width_of
from openesi.exi.errors import ExiDecodeError, ExiLimitError
from openesi.exi.limits import Limits
from openesi.exi.schema import XML, XML_NAMES, XSD, XSD_NAMES, XSI, XSI_NAMES, QName, Schema

_XMLNS = "http://www.w3.org/2000/xmlns/"
_NAME_START = (
    "A-Z_a-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c-\u200d\u2070-\u218f"
    "\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
_NCNAME = re.compile(f"[{_NAME_START}][{_NAME_START}.0-9\u00b7\u0300-\u036f\u203f-\u2040-]*")

_HIT_LOCAL, _HIT_GLOBAL, _MISS = 0, 1, 2


def initial_names(schema: Schema) -> dict[str, list[str]]:
    """Namespaces, in their order, with the local names that both ends know before the first bit (7.3.1)."""
    attributes = {one.name for type_ in schema.complex_types.values() for one in type_.attributes}
    local = {*schema.simple_types, *schema.complex_types, *schema.elements}
    local |= {one.name for type_ in schema.complex_types.values() for one in type_.particles}
    names = {"": sorted(attributes), XML: list(XML_NAMES), XSI: list(XSI_NAMES), XSD: list(XSD_NAMES)}
    names[schema.namespace] = sorted({*names.get(schema.namespace, ()), *local})
    return names


class Names:
    """The tables of namespaces and local names of one stream, which grow with each new name."""

    __slots__ = ("_index", "_left", "_locals", "_uris")

    def __init__(self, initial: dict[str, list[str]], names_max: int) -> None:
        self._uris = list(initial)
        self._locals = {uri: list(names) for uri, names in initial.items()}
        self._index: dict[QName, int] = {}
        self._left = names_max

    def encode(self, name: QName, writer: BitWriter) -> None:
        """Write a qualified name, without a prefix (7.1.7)."""
        width = width_of(len(self._uris) + 1)
        if name.uri in self._locals:
            writer.nbit(self._uris.index(name.uri) + 1, width)
        else:
            writer.nbit(0, width)
            writer.unsigned(len(name.uri))
            writer.chars(name.uri)
            self._add_uri(name.uri)
        known = self._locals[name.uri]
        index = self._index.get(name)
        if index is None and name.local in known:
            index = self._index[name] = known.index(name.local)
        if index is not None:
            writer.unsigned(0)
            writer.nbit(index, width_of(len(known)))
        else:
            writer.unsigned(len(name.local) + 1)
            writer.chars(name.local)
            self._add_local(known, name.local)

    def decode(self, reader: BitReader, limits: Limits) -> QName:
        """Read a qualified name."""
        index = reader.nbit(width_of(len(self._uris) + 1))
        if index > len(self._uris):
            msg = f"namespace {index - 1} of {len(self._uris)}"
            raise ExiDecodeError(msg)
        if index:
            uri = self._uris[index - 1]
        else:
            uri = read_chars(reader, reader.unsigned(), limits)
            if uri in self._locals:
                msg = f"namespace {uri!r} is sent as new, but is not"
                raise ExiDecodeError(msg)
            self._add_uri(uri)
        known = self._locals[uri]
        length = reader.unsigned()
        if length:
            local = read_chars(reader, length - 1, limits)
            if _NCNAME.fullmatch(local) is None or uri == _XMLNS or (not uri and local == "xmlns"):
                msg = f"{local!r} is no name for an element or attribute"
                raise ExiDecodeError(msg)
            self._add_local(known, local)
            return QName(uri, local)
        index = reader.nbit(width_of(len(known)))
        if index >= len(known):
            msg = f"local name {index} of {len(known)} in namespace {uri!r}"
            raise ExiDecodeError(msg)
        return QName(uri, known[index])

    def _add_uri(self, uri: str) -> None:
        self._count()
        self._uris.append(uri)
        self._locals[uri] = []

    def _add_local(self, known: list[str], local: str) -> None:
        self._count()
        known.append(local)

    def _count(self) -> None:
        if not self._left:
            msg = "too many names that the schema does not have"
            raise ExiLimitError(msg)
        self._left -= 1


class EncodedStrings:
    """The value tables of a stream that is being written."""

    __slots__ = ("_global", "_local")

    def __init__(self) -> None:
        self._global: dict[str, int] = {}
        self._local: defaultdict[QName, dict[str, int]] = defaultdict(dict)

    def encode(self, text: str, writer: BitWriter, name: QName) -> None:
        """Write a value of the element or attribute ``name``."""
        local = self._local[name]
        if text in local:
            writer.unsigned(_HIT_LOCAL)
            writer.nbit(local[text], width_of(len(local)))
        elif text in self._global:
            writer.unsigned(_HIT_GLOBAL)
            writer.nbit(self._global[text], width_of(len(self._global)))
        else:
            writer.unsigned(len(text) + _MISS)
            writer.chars(text)
            if text:
                local[text] = len(local)
                self._global[text] = len(self._global)


class DecodedStrings:
    """The value tables of a stream that is being read."""

    __slots__ = ("_global", "_local", "limits")

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._global: list[str] = []
        self._local: defaultdict[QName, list[str]] = defaultdict(list)

    def decode(self, reader: BitReader, name: QName) -> str:
        """Read a value of the element or attribute ``name``."""
        local = self._local[name]
        length = reader.unsigned()
        if length == _HIT_LOCAL:
            return self._hit(reader, local)
        if length == _HIT_GLOBAL:
            return self._hit(reader, self._global)
        text = read_chars(reader, length - _MISS, self.limits)
        if text:
            local.append(text)
            self._global.append(text)
        return text

    def _hit(self, reader: BitReader, table: list[str]) -> str:
        index = reader.nbit(width_of(len(table)))
        if index >= len(table):
            msg = f"string {index} of {len(table)} seen so far"
            raise ExiDecodeError(msg)
        return table[index]


def read_chars(reader: BitReader, length: int, limits: Limits) -> str:
    """Read characters, after asking whether so many are allowed."""
    if length > limits.string_max_chars:
        msg = f"a string of {length} characters, more than the {limits.string_max_chars} allowed"
        raise ExiLimitError(msg)
    return reader.chars(length)
