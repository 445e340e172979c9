"""EXI for the standard's documents: ``decode(bytes) -> value``, ``encode(value) -> bytes``.

The profile of IEEE 2030.5-2018, clause 5.6.3: schema-informed non-strict grammars, bit-packed, the schemaId
in the header and no other option. The grammars are worked out of the model for one edition when it is first
used. Documents that keep to the schema go between bits and values directly; those with extensions (CSIP-AUS,
vendors) or errors take the way over XML, so both encodings agree on what is allowed, down to the message.

Editions: 2018 and the CSIP-AUS profiles (S1), 2013 and the draft 2.0.4 (S0). The 2023 edition (S2) is
refused: its bits depend on every type of its schema, and not all of them are known here.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TypeVar

from openesi import exi
from openesi.sep2 import editions, schema, xml
from openesi.sep2.editions import Edition, WireField
from openesi.sep2.errors import DecodeError, EncodeError, ReasonCode
from openesi.sep2.model._declare import Sep
from openesi.sep2.schema import ValueType

# A device could send streams that unfold: a repeated string takes two octets, an empty element a few bits.
LIMITS = exi.Limits(
    input_max_octets=1 << 18,  # 300 readings are 13 kB
    depth_max=xml.MAX_DEPTH,
    values_max=50_000,  # as many as the largest XML document usually has, and half a second of work at worst
    string_max_chars=1 << 14,
    binary_max_octets=1 << 10,  # the longest hexBinary has 20 octets
    names_max=500,
    output_max_chars=xml.MAX_BYTES,
)

T = TypeVar("T", bound=Sep)


class UnsupportedError(DecodeError):
    """A stream of a schema or with options that are not spoken here: HTTP status 415."""

    def __init__(self, problem: str, *, reason: ReasonCode = ReasonCode.FORMAT, path: str = "") -> None:
        super().__init__(problem, reason=reason, path=path)
        self.status = 415


def decode(data: bytes, edition: Edition | None = None) -> Sep:
    """Read one document; without an ``edition`` the schemaId in the header chooses it.

    With one, the header must name its schemaId or none.

    Raises:
        UnsupportedError: for another schemaId or EXI options that the standard does not use (status 415).
        DecodeError: for what is no such stream, or not what the schema says (status 400).
    """
    header, spoken = _header(data, edition)
    if header.strict:
        raise UnsupportedError("the header asks for strict grammars, which IEEE 2030.5 does not use")
    try:
        return _codec(spoken).decode(data, position=header.body, limits=LIMITS)  # type: ignore[no-any-return]
    except exi.NotPlain:
        return xml.parse(_to_xml(data, header, spoken), spoken)


def decode_as(data: bytes, expected: type[T], edition: Edition | None = None) -> T:
    """Read one document that must be an ``expected`` or a type derived from it. Raises as ``decode``."""
    value = decode(data, edition)
    if not isinstance(value, expected):
        raise DecodeError(f"the document is a {type(value).__name__}, expected {expected.__name__}")
    return value


def encode(value: Sep, edition: Edition = editions.IEEE_2018) -> bytes:
    """Write ``value`` as one stream.

    Raises:
        EncodeError: a value out of bounds, a type that the edition does not have, or an edition whose EXI is
            not spoken here.
    """
    if edition.schema_id not in _SPOKEN:
        raise EncodeError(_unspoken(edition.schema_id))
    try:
        return _codec(edition).encode(value)
    except exi.NotPlain:
        return from_xml(xml.serialize(value, edition), edition)


def to_xml(data: bytes, edition: Edition | None = None, *, strict: bool = False) -> bytes:
    """Return the XML of a stream, also of elements that no schema has. Raises as ``decode``.

    With ``strict``, or where the header says so, strict grammars are used: not 2030.5, but what one tests a
    codec with.
    """
    header, spoken = _header(data, edition)
    return _to_xml(data, header, spoken, strict=strict or header.strict)


def from_xml(
    document: bytes,
    edition: Edition = editions.IEEE_2018,
    *,
    strict: bool = False,
    with_options: bool = True,
) -> bytes:
    """Return the stream of an XML document; what the schema does not have goes as a deviation.

    ``strict`` and a header without options are not 2030.5; they are there to test codecs with.

    Raises:
        DecodeError: for what is not well-formed XML.
        EncodeError: for an edition whose EXI is not spoken here, and for a deviation in strict grammars.
    """
    if edition.schema_id not in _SPOKEN:
        raise EncodeError(_unspoken(edition.schema_id))
    schema_id = schema_id_of(edition) if with_options else None
    try:
        events = exi.events_from_xml(document)
        return exi.encode_events(events, grammars_of(edition, strict=strict), schema_id=schema_id)
    except exi.XmlError as error:
        raise DecodeError(str(error)) from error
    except exi.ExiEncodeError as error:
        raise EncodeError(str(error)) from error


def trace(data: bytes, edition: Edition | None = None, *, strict: bool = False) -> Iterator[str]:
    """Return a reading of a stream, bit by bit and line by line; an error in it is the last line.

    Raises:
        UnsupportedError: as ``decode``, for a header that leads nowhere.
    """
    header, spoken = _header(data, edition)
    return exi.trace(data, grammars_of(spoken, strict=strict or header.strict), limits=LIMITS)


def schema_id_of(edition: Edition) -> str:
    """Return the schemaId that streams of ``edition`` carry.

    The draft 2.0.4 says S1: the one implementation of it met in the field does, and reads nothing else.
    """
    return "S1" if edition.version == editions.DRAFT_2_0_4.version else edition.schema_id


def edition_of(data: bytes, peer: Edition | None = None) -> Edition:
    """Return the edition of a stream by its schemaId: that of the ``peer`` if it fits, else 2018 or 2013.

    It fits more than one: S1 is said by the 2018 edition, by its profiles and by the draft 2.0.4.

    Raises:
        UnsupportedError: for a stream of another schemaId, or without one.
    """
    header, named = _header(data, None)
    if peer is not None and peer.schema_id in _SPOKEN and header.schema_id in _said_by(peer):
        return peer
    return named


@cache
def grammars_of(edition: Edition, *, strict: bool = False) -> exi.Grammars:
    """Return the grammars of an edition; those of the standard are not strict."""
    return exi.Grammars(schema_of(edition), strict=strict)


@cache
def schema_of(edition: Edition) -> exi.Schema:
    """Return the schema of an edition as the codec takes it, extensions in other namespaces left out."""
    simple: dict[str, exi.SimpleType] = {}
    structured = {name: _complex_type(edition, cls) for name, cls in _classes(edition).items()}
    for name, value in schema.value_types().items():
        primitive = value.primitive
        if name == primitive.name:
            bounds = (primitive.minimum, primitive.maximum, primitive.max_length)
            simple[name] = exi.SimpleType(name, primitive.base, *bounds)
        elif name in _SIMPLE_BY_RESTRICTION:
            simple[name] = exi.SimpleType(name, primitive.name)
        else:
            structured[name] = exi.ComplexType(name, content=primitive.name)
    return exi.Schema(edition.namespace, simple, structured, {name: name for name in structured})


# The standard declares its named values as complex types with simple content, but this one.
_SIMPLE_BY_RESTRICTION = frozenset({"SubscribableType"})

_SPOKEN = {"S1": editions.IEEE_2018, "S0": editions.IEEE_2013}


# The headers that the standard prescribes, by their 39 bits: all others are read bit by bit.
_PLAIN_HEADERS = {
    int(exi.header_bits(name), 2): exi.Header(name, has_options=True, body=39) for name in _SPOKEN
}


def _said_by(edition: Edition) -> tuple[str, str]:
    return edition.schema_id, schema_id_of(edition)


def _unspoken(schema_id: str) -> str:
    return (
        f"EXI of schema {schema_id} is not spoken here, only {' and '.join(sorted(_SPOKEN))}: "
        "send application/sep+xml instead"
    )


def _header(data: bytes, edition: Edition | None) -> tuple[exi.Header, Edition]:
    """Read the header and settle the edition."""
    header = _PLAIN_HEADERS.get(int.from_bytes(data[:5]) >> 1)
    if header is None:
        try:
            header = exi.read_header(data)
        except exi.ExiDecodeError as error:
            raise (UnsupportedError if error.status == 415 else DecodeError)(error.reason) from error
    if edition is None:
        if header.schema_id is None:
            raise UnsupportedError("the header names no schema; IEEE 2030.5 wants its schemaId, as S1")
        if header.schema_id not in _SPOKEN:
            raise UnsupportedError(_unspoken(header.schema_id))
        return header, _SPOKEN[header.schema_id]
    if edition.schema_id not in _SPOKEN:
        raise UnsupportedError(_unspoken(edition.schema_id))
    if header.schema_id is not None and header.schema_id not in _said_by(edition):
        raise UnsupportedError(
            f"schemaId {header.schema_id!r} where edition {edition.name} ({schema_id_of(edition)}) is spoken"
        )
    return header, edition


def _to_xml(data: bytes, header: exi.Header, edition: Edition, *, strict: bool = False) -> bytes:
    try:
        grammars = grammars_of(edition, strict=strict)
        events = exi.decode_events(data, grammars, position=header.body, limits=LIMITS)
        return exi.xml_from_events(events, namespace=edition.namespace).encode()
    except exi.ExiLimitError as error:
        raise DecodeError(error.reason, reason=ReasonCode.LIMIT, path=error.path) from error
    except exi.ExiDecodeError as error:
        raise DecodeError(error.reason, path=error.path) from error


@cache
def _codec(edition: Edition) -> exi.ObjectCodec:
    bindings = {name: _binding(edition, cls) for name, cls in _classes(edition).items()}
    return exi.ObjectCodec(grammars_of(edition), bindings, schema_id=schema_id_of(edition))


def _binding(edition: Edition, cls: type[Sep]) -> exi.TypeBinding:
    elements: dict[str, exi.FieldBinding] = {}
    attributes: dict[str, exi.FieldBinding] = {}
    beyond = []
    for one in edition.fields(cls):
        if one.namespace != edition.namespace:
            beyond.append(one.attr)
        else:
            bound = exi.FieldBinding(one.attr, one.to_model, one.from_model, one.fallback)
            (attributes if one.field.attribute else elements)[one.name] = bound
    return exi.TypeBinding(cls, elements, attributes, tuple(beyond))


def _classes(edition: Edition) -> dict[str, type[Sep]]:
    return {
        name: cls
        for name, cls in schema.structured_types().items()
        if edition.has(cls) and edition.namespace_of(cls) == edition.namespace
    }


def _complex_type(edition: Edition, cls: type[Sep]) -> exi.ComplexType:
    line = schema.lineage(cls)
    inherited = len(edition.fields(line[1])) if len(line) > 1 else 0
    own = [one for one in edition.fields(cls)[inherited:] if one.namespace == edition.namespace]
    return exi.ComplexType(
        cls.__name__,
        schema.base_of(cls),
        tuple(
            exi.Particle(one.name, _type_name(one), one.minimum, one.maximum)
            for one in own
            if not one.field.attribute
        ),
        tuple(
            exi.AttributeUse(one.name, _type_name(one), required=one.minimum > 0)
            for one in own
            if one.field.attribute
        ),
    )


def _type_name(one: WireField) -> str:
    return one.type.name if isinstance(one.type, ValueType) else one.type.__name__
