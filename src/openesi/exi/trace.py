"""A stream read aloud: each event with the bits it was made of, and the bit they begin at.

What an implementer compares with his own encoder's output when the two disagree.
"""

from __future__ import annotations

from collections.abc import Iterator

from openesi.exi.bits import BitReader
from openesi.exi.decoder import Decoder, check_size
from openesi.exi.errors import ExiDecodeError
from openesi.exi.events import Attribute, Characters, StartElement
from openesi.exi.grammar import Grammars, Kind
from openesi.exi.header import take_header
from openesi.exi.limits import DEFAULT_LIMITS, Limits

_ENDS = (Kind.END, Kind.UNDECLARED_END)


def trace(data: bytes, grammars: Grammars, *, limits: Limits = DEFAULT_LIMITS) -> Iterator[str]:
    """Read a stream and give a line of text per event.

    ``@n`` is a bit offset, followed by the bits and their meaning: ``uN`` an N-bit unsigned, ``uint`` an EXI
    Unsigned Integer, ``int`` a signed one. ``code`` lists the parts of the event code, ``content`` the value.
    An error in the stream is the last line, with the bit at which the reader stood.
    """
    check_size(data, limits)
    reader = TracingReader(data)
    try:
        header = take_header(reader)
        yield f"@0 header octet {data[0]:#04x}"
        if header.has_options:
            yield f"@8 options: schemaId={header.schema_id} strict={str(header.strict).lower()}"
        reader.take_notes()
        yield f"body begins at bit {header.body}"
        yield "START_DOCUMENT   code []"
        yield from _events(reader, Decoder(reader, grammars, limits))
        yield "END_DOCUMENT   code []"
        yield f"end at bit {reader.position} of {reader.end}"
    except ExiDecodeError as error:
        yield f"@{reader.position} ERROR {error}"


def _events(reader: TracingReader, decoder: Decoder) -> Iterator[str]:
    depth = 0
    for kind, event in decoder.steps():
        code, content = reader.take_notes()
        if kind in _ENDS:
            depth -= 1
        about = ""
        if isinstance(event, StartElement):
            about = f" {event.name.local}"
        elif isinstance(event, Attribute):
            value = event.value if isinstance(event.value, str) else event.value.local
            about = f" {event.name.local}={value}"
        elif isinstance(event, Characters):
            about = f" {event.text}"
        parts = f"   code [{', '.join(code)}]" + (f"  content [{', '.join(content)}]" if content else "")
        yield f"{'  ' * depth}{kind.value}{about}{parts}"
        if isinstance(event, StartElement):
            depth += 1


class TracingReader(BitReader):
    """A reader that notes what it reads."""

    __slots__ = ("_code", "_content")

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._code: list[str] = []
        self._content: list[str] = []

    def take_notes(self) -> tuple[list[str], list[str]]:
        """Return the parts of the event code and of the value read since the last call."""
        notes = self._code, self._content
        self._code, self._content = [], []
        return notes

    def code(self, width: int) -> int:
        """Note a part of an event code."""
        start = self.position
        value = super().code(width)
        if width:
            self._code.append(self._note(start, f"u{width}={value}"))
        return value

    def nbit(self, width: int) -> int:
        """Note an n-bit integer."""
        start = self.position
        value = super().nbit(width)
        if width:
            self._content.append(self._note(start, f"u{width}={value}"))
        return value

    def unsigned(self) -> int:
        """Note an Unsigned Integer."""
        start = self.position
        value = super().unsigned()
        self._content.append(self._note(start, f"uint={value}"))
        return value

    def integer(self) -> int:
        """Note a signed Integer as one."""
        start = self.position
        value = -1 - super().unsigned() if super().boolean() else super().unsigned()
        self._content.append(self._note(start, f"int={value}"))
        return value

    def boolean(self) -> bool:
        """Note a Boolean."""
        start = self.position
        value = super().boolean()
        self._content.append(self._note(start, f"bool={value:d}"))
        return value

    def octets(self, length: int) -> bytes:
        """Note octets, with the length that was read just before them."""
        start = self.position
        value = super().octets(length)
        before = self._content.pop()
        whole = int(before[1 : before.index(" ")])
        self._content.append(self._note(whole if whole < start else start, f"binary[{length}]"))
        return value

    def chars(self, length: int) -> str:
        """Note characters as one."""
        start = self.position
        count = len(self._content)
        value = super().chars(length)
        del self._content[count:]
        if length:
            self._content.append(self._note(start, f'chars="{value}"'))
        return value

    def _note(self, start: int, meaning: str) -> str:
        width = self.position - start
        first, last = start >> 3, (self.position + 7) >> 3
        bits = f"{int.from_bytes(self.data[first:last], 'big'):0{8 * (last - first)}b}" if width else ""
        offset = start & 7
        return f"@{start} {bits[offset : offset + width]} {meaning}"
