"""XML for the standard's documents: ``parse(bytes) -> value``, ``serialize(value) -> bytes``.

Nothing here is written per type: readers and writers are made from the model, for one edition, when a type is
first met. A document is read over the C ElementTree, first by a generated quick reader (``xml_quick``) and,
where that one finds anything unusual, by the careful one (``xml_reader``), which alone decides what is wrong.
What they cost beside other libraries stands in docs/performance.md.

Documents come from outside: DTDs are refused (and with them every entity), size, depth and namespaces are
bounded, the encoding is UTF-8 whatever the document claims.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TypeVar
from xml.etree import ElementTree as ET

from openesi.sep2 import editions, schema
from openesi.sep2.editions import Edition
from openesi.sep2.errors import DecodeError, EncodeError, ReasonCode
from openesi.sep2.model._declare import Sep
from openesi.sep2.model.identification import List, SubscribableList
from openesi.sep2.xml_mending import Mender, mended_root
from openesi.sep2.xml_quick import GIVES_UP, is_plain, quick_reader
from openesi.sep2.xml_reader import local_name, reader, short
from openesi.sep2.xml_reader import skipped as reader_skips
from openesi.sep2.xml_writer import document_writer

MAX_BYTES = 1 << 20  # a peer could fill memory: 300 readings are 50 kB
MAX_DEPTH = 64  # a peer could exhaust the stack with notifications of notifications; real ones nest 8 deep
# ElementTree keeps the namespace with each name: 100 kB of it and 20,000 names would take gigabytes.
MAX_NAMESPACE = 200
MANY_NAMES = 1 << 14  # octets; in a shorter document the two come to 13 megabytes at most

T = TypeVar("T", bound=Sep)


def parse(data: bytes, edition: Edition = editions.IEEE_2018, *, count: bool = False) -> Sep:
    """Read one document of ``edition``. The top element says which type the value has.

    With ``count``, a list at the top that says not how many members it has is read as if it did: in what is
    posted the two numbers mean nothing, and clients in the field leave them out.

    Raises:
        DecodeError: not well-formed, another edition's namespace, not what the schema says, out of bounds.

    """
    root = tree(data)
    cls = edition.types.get(root.tag)
    if cls is None:
        raise DecodeError(_unknown_root(root.tag, edition))
    if count and issubclass(cls, List | SubscribableList):
        for name in ("all", "results"):
            root.attrib.setdefault(name, str(len(root)))
    value: Sep
    if is_plain(data) and not _nests(cls):
        try:
            value = quick_reader(edition, cls)(root)
        except GIVES_UP:
            pass
        else:
            return value
    _check_depth(root)
    try:
        value = reader(edition, cls)(root)
    except DecodeError as error:
        raise error.under(cls.__name__) from None
    return value


def parse_tolerantly(data: bytes, edition: Edition = editions.IEEE_2018) -> tuple[Sep, list[str]]:
    """Read one document as ``parse`` does, and where that fails, as well as it can be understood.

    Return it with remarks on what had to be mended (see ``xml_mending``), none for an exact document. For
    clients, who cannot choose their servers; a server is exact. Raises DecodeError where nothing helps.
    """
    try:
        return parse(data, edition), []
    except DecodeError as error:
        root = tree(data)
        cls = edition.types.get(root.tag) or mended_root(root, edition)
        if cls is None:
            raise
        _check_depth(root)
        mender = Mender(edition)
        try:
            mender.mend(root, cls)
            return reader(edition, cls)(root), mender.remarks
        except DecodeError:
            raise error from None


def parse_as(data: bytes, expected: type[T], edition: Edition = editions.IEEE_2018) -> T:
    """Read one document that must be an ``expected`` or a type derived from it. Raises DecodeError."""
    value = parse(data, edition)
    if not isinstance(value, expected):
        raise DecodeError(f"the document is a {type(value).__name__}, expected {expected.__name__}")
    return value


def skipped(data: bytes, edition: Edition = editions.IEEE_2018) -> list[str]:
    """Return the paths of what ``parse`` skips in a document: elements and attributes not in the schema.

    Raises DecodeError where ``parse`` does.
    """
    value = parse(data, edition)
    found = reader_skips(tree(data), edition, type(value))
    return [f"{type(value).__name__}/{path}" for path in found if path[1:] not in edition.root_attributes]


def serialize(value: Sep, edition: Edition = editions.IEEE_2018) -> bytes:
    """Write ``value`` as one UTF-8 document without XML declaration.

    Raises:
        EncodeError: a value out of bounds or of a wrong Python type (the message says where, as Type.field),
            or a type that the edition does not have.

    """
    cls = type(value)
    if not isinstance(value, Sep) or not edition.has(cls):
        raise EncodeError(f"{cls.__name__} does not exist in edition {edition.name}")
    return document_writer(edition, cls)(value).encode()


def edition_of(data: bytes) -> Edition | None:
    """Guess the edition of a document by its namespace, top element and ``schemaVer``; None: a foreign one.

    For tools that look at files; a server chooses by peer and never guesses. Raises DecodeError.
    """
    root = tree(data)
    namespace = root.tag.rpartition("}")[0].lstrip("{")
    if namespace == editions.IEEE_2023.namespace and root.get("schemaVer", "2.1") > "2.1":
        return editions.IEEE_2023
    known = editions.EDITIONS.values()
    own = (one for one in known if one.namespace == namespace)
    return next(own, None) or next((one for one in known if root.tag in one.types), None)


_LONG_NAMESPACE = re.compile(
    rb"xmlns(?::[^\s=]{%(most)d}|(?::[^\s=]*)?\s*=\s*(?:\"[^\"]{%(most)d}|'[^']{%(most)d}))"
    % {b"most": MAX_NAMESPACE + 1}
).match


def tree(data: bytes) -> ET.Element:
    """Return the elements of a document that is well-formed and within bounds. Raises DecodeError."""
    if len(data) > MAX_BYTES:
        raise DecodeError(f"{len(data)} octets; at most {MAX_BYTES} are read", reason=ReasonCode.LIMIT)
    # expat takes a byte order mark of UTF-16 for true, whatever encoding it is told; there "<" has a NUL.
    if b"\x00" in data:
        raise DecodeError("not well-formed XML: a NUL, as in UTF-16; the encoding is UTF-8")
    starts_with_element = data[:1] == b"<" and data[1:2].isalpha()
    if not starts_with_element and b"<!DOCTYPE" in data:  # there is no room for one after the first element
        raise DecodeError("a document type declaration has no place in a payload")
    if len(data) > MANY_NAMES:
        _check_namespaces(data)
    parser = ET.XMLParser(encoding="utf-8")  # noqa: S314 (DTDs, and so entities, are refused above)
    try:
        parser.feed(data)
        return parser.close()
    except ET.ParseError as error:
        raise DecodeError(f"not well-formed XML: {error}") from None


def _check_namespaces(data: bytes) -> None:
    at = data.find(b"xmlns")
    while at >= 0:
        if _LONG_NAMESPACE(data, at):
            raise DecodeError(f"a namespace longer than {MAX_NAMESPACE} octets", reason=ReasonCode.LIMIT)
        at = data.find(b"xmlns", at + 5)


def _unknown_root(tag: str, edition: Edition) -> str:
    namespace = tag.rpartition("}")[0].lstrip("{")
    if namespace == edition.namespace:
        return f"{short(local_name(tag))} is no element of the standard (edition {edition.name})"
    other = next((one.name for one in editions.EDITIONS.values() if one.namespace == namespace), None)
    hint = f"; it is edition {other}'s: set this peer's edition" if other else ""
    return f"namespace {namespace or '(none)'} where {edition.namespace} is spoken{hint}"


@cache
def _nests(cls: type[Sep]) -> bool:
    """Tell whether a value of ``cls`` may hold others of its own type, to any depth (Notification)."""
    found: set[type[Sep]] = set()
    waiting = [cls]
    while waiting:
        for field in schema.fields(waiting.pop()):
            if not isinstance(field.type, schema.ValueType):
                new = {field.type, *schema.derived_types(field.type)} - found
                found |= new
                waiting.extend(new)
    return cls in found


def _check_depth(root: ET.Element) -> None:
    level, depth = [root], 0
    while level:
        level, depth = [child for one in level for child in one], depth + 1
        if depth > MAX_DEPTH:
            raise DecodeError(f"nested deeper than {MAX_DEPTH}", reason=ReasonCode.LIMIT)
