"""Bits in, bits out: the two ends of a bit-packed stream (EXI 1.0, 7.1)."""

from __future__ import annotations

from openesi.exi.errors import ExiDecodeError, ExiLimitError
from openesi.exi.limits import INTEGER_MAX_OCTETS

XML_SPACE = " \t\r\n"  # white space of XML, which is less than that of Unicode


class BitReader:
    """Reads a stream from its first bit; ``position`` counts bits. Raises ``ExiDecodeError`` at the end."""

    __slots__ = ("data", "end", "position")

    def __init__(self, data: bytes, position: int = 0) -> None:
        self.data = data
        self.position = position
        self.end = 8 * len(data)

    def code(self, width: int) -> int:
        """One part of an event code: ``width`` bits, of which 0 are read as 0."""
        return self._take(width) if width else 0

    def nbit(self, width: int) -> int:
        """An n-bit unsigned integer (7.1.9)."""
        return self._take(width) if width else 0

    def unsigned(self) -> int:
        """An Unsigned Integer (7.1.6): groups of seven bits, the least significant first."""
        value = 0
        for shift in range(0, 7 * INTEGER_MAX_OCTETS, 7):
            octet = self._take(8)
            value |= (octet & 0x7F) << shift
            if octet < 0x80:
                return value
        msg = f"an integer of more than {INTEGER_MAX_OCTETS} octets"
        raise ExiLimitError(msg)

    def integer(self) -> int:
        """A signed Integer (7.1.5): the sign, then v or -v - 1."""
        return -1 - self.unsigned() if self._take(1) else self.unsigned()

    def boolean(self) -> bool:
        """A Boolean (7.1.2): one bit."""
        return self._take(1) == 1

    def octets(self, length: int) -> bytes:
        """``length`` octets, wherever they begin."""
        return self._take(8 * length).to_bytes(length, "big")

    def chars(self, length: int) -> str:
        """``length`` characters, each an Unsigned Integer (7.1.10)."""
        start = self.position
        octets = self._take(8 * length).to_bytes(length, "big")
        if octets.isascii():  # one octet each, as nearly always
            text = octets.decode("ascii")
            if text.isprintable():
                return text
        self.position = start
        return "".join([self._char() for _ in range(length)])

    def _char(self) -> str:
        code_point = self.unsigned()
        if not is_xml_char(code_point):
            msg = f"code point {code_point:#x}, which no XML document may contain"
            raise ExiDecodeError(msg)
        return chr(code_point)

    def _take(self, width: int) -> int:
        start = self.position
        stop = start + width
        if stop > self.end:
            raise self._short()
        self.position = stop
        chunk = int.from_bytes(self.data[start >> 3 : (stop + 7) >> 3], "big")
        return (chunk >> (-stop & 7)) & ((1 << width) - 1)

    def _short(self) -> ExiDecodeError:
        return ExiDecodeError(f"the stream ends at octet {len(self.data)} in the middle of the document")


class BitWriter:
    """Collects bits as text of 0 and 1, which Python joins and converts at the speed of C."""

    __slots__ = ("_parts",)

    def __init__(self, bits: str = "") -> None:
        self._parts = [bits]

    def nbit(self, value: int, width: int) -> None:
        """``value`` in ``width`` bits; nothing for a width of 0."""
        if width:
            self._parts.append(f"{value:0{width}b}")

    def unsigned(self, value: int) -> None:
        """An Unsigned Integer (7.1.6)."""
        self._parts.append(unsigned_bits(value))

    def integer(self, value: int) -> None:
        """A signed Integer (7.1.5)."""
        self._parts.append(integer_bits(value))

    def octets(self, data: bytes) -> None:
        """Octets, wherever they begin."""
        self._parts.append(octet_bits(data))

    def chars(self, text: str) -> None:
        """The characters of a text, without its length (7.1.10)."""
        self._parts.append(char_bits(text))

    def bits(self) -> str:
        """All of it, as text of 0 and 1."""
        return "".join(self._parts)


def unsigned_bits(value: int) -> str:
    """The bits of an Unsigned Integer (7.1.6)."""
    bits = ""
    while value > 0x7F:
        bits += f"{0x80 | value & 0x7F:08b}"
        value >>= 7
    return f"{bits}{value:08b}"


def integer_bits(value: int) -> str:
    """The bits of a signed Integer (7.1.5)."""
    return "1" + unsigned_bits(-1 - value) if value < 0 else "0" + unsigned_bits(value)


def octet_bits(data: bytes) -> str:
    """The bits of octets."""
    return bin(int.from_bytes(b"\1" + data, "big"))[3:]


def char_bits(text: str) -> str:
    """The bits of the characters of a text."""
    if text.isascii():
        return octet_bits(text.encode("ascii"))
    return "".join([unsigned_bits(ord(char)) for char in text])


def pack(bits: str) -> bytes:
    """Text of 0 and 1 as octets, filled with zeros at the end."""
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big") if bits else b""


def width_of(count: int) -> int:
    """Bits that tell ``count`` things apart."""
    return (count - 1).bit_length() if count else 0


def bits_of(value: int, width: int) -> str:
    """The bits of an n-bit integer, of which there may be none."""
    return f"{value:0{width}b}" if width else ""


def is_xml_char(code_point: int) -> bool:
    """Whether XML 1.0 allows this character (2.2)."""
    if code_point < 0x20:
        return code_point in (0x09, 0x0A, 0x0D)
    return code_point < 0xD800 or 0xE000 <= code_point < 0xFFFE or 0x10000 <= code_point < 0x110000
