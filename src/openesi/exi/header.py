"""The EXI header: what a stream says of itself before its body (EXI 1.0, 5)."""

from __future__ import annotations

from dataclasses import dataclass

from openesi.exi.bits import BitReader, BitWriter
from openesi.exi.errors import ExiDecodeError

COOKIE = b"$EXI"
_DISTINGUISHING = 0b10
# A schemaId chooses among schemas known here; nobody needs a long one.
SCHEMA_ID_MAX_CHARS = 64


@dataclass(frozen=True, slots=True)
class Header:
    """What the header of a stream told.

    Attributes:
        schema_id: the schema, or None if the stream leaves it to an agreement outside of it.
        strict: whether the options ask for strict grammars.
        has_options: whether options were in the stream; without them ``strict`` says nothing.
        body: the bit at which the body begins.
    """

    schema_id: str | None = None
    strict: bool = False
    has_options: bool = False
    body: int = 8


def read_header(data: bytes) -> Header:
    """Read the header of a stream.

    Raises:
        ExiDecodeError: for what is not EXI version 1, and with status 415 for options that this codec does
            not have: compression, alignment, preservation, self-contained elements, fragments, no schema.
    """
    return take_header(BitReader(data))


def take_header(reader: BitReader) -> Header:
    """Read the header and leave the reader at the first bit of the body. Raises as ``read_header``."""
    if reader.data.startswith(COOKIE):
        reader.position = 8 * len(COOKIE)
    if reader.nbit(2) != _DISTINGUISHING:
        msg = "no EXI stream: the first two bits are not 10"
        raise ExiDecodeError(msg)
    has_options = reader.boolean()
    if reader.nbit(5) != 0:
        msg = "EXI of a version other than 1"
        raise ExiDecodeError(msg, status=415)
    if not has_options:
        return Header(body=reader.position)
    schema_id, strict = _read_options(reader)
    return Header(schema_id, strict, has_options=True, body=reader.position)


def header_bits(schema_id: str | None = None, *, strict: bool = False) -> str:
    """Return the bits of a header, with options if there is a ``schema_id`` to say."""
    writer = BitWriter()
    writer.nbit(_DISTINGUISHING, 2)
    writer.nbit(schema_id is not None, 1)
    writer.nbit(0, 5)
    if schema_id is not None:
        writer.nbit(0b001100, 6)  # header, common, schemaId, its characters
        writer.unsigned(len(schema_id) + 2)
        writer.chars(schema_id)
        writer.nbit(not strict, 1)  # strict, or the end of the header
    return writer.bits()


def _read_options(reader: BitReader) -> tuple[str | None, bool]:
    """Read the options document: strict grammars of the schema that EXI 1.0 gives in appendix C."""
    if reader.nbit(1):
        raise _unsupported("user-defined meta-data")
    part = reader.nbit(2)  # lesscommon, common, strict, end
    if part == 0:
        raise _unsupported("an option of the less common ones")
    schema_id = None
    if part == 1:
        schema_id = _read_common(reader)
        part = 3 if reader.nbit(1) else 2  # strict, end
    return schema_id, part == 2


def _read_common(reader: BitReader) -> str | None:
    part = reader.nbit(2)  # compression, fragment, schemaId, end
    if part < 2:
        raise _unsupported("fragments" if part else "compression")
    if part == 3:
        return None
    if reader.nbit(1):
        raise _unsupported("no schema")
    length = reader.unsigned() - 2
    if not 0 <= length <= SCHEMA_ID_MAX_CHARS:
        msg = f"a schemaId of {length} characters"
        raise ExiDecodeError(msg)
    return reader.chars(length)


def _unsupported(what: str) -> ExiDecodeError:
    return ExiDecodeError(
        f"the header asks for {what}; only schema-informed bit-packed documents are read here", status=415
    )
