"""DNS messages as multicast DNS has them: octets in, questions and records out, and back (RFC 1035, 6762).

Everything here came from anybody on the link. A packet that does not read is refused as a whole.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

from openesi.errors import LocalError, PeerError

MAX_PACKET: Final = 9000  # octets, RFC 6762, 17; nobody needs more to ask or to tell
MAX_LABEL: Final = 63
MAX_NAME: Final = 255  # octets, with the lengths; bounds what a chain of pointers can unfold to
MAX_QUESTIONS: Final = 32  # in one packet; each may cost an answer
MAX_RECORDS: Final = 256  # in one packet; a 9,000 octet packet could claim 65,535 in each section

RESPONSE: Final = 0x8400  # QR and AA, as every multicast response
_QUERY_MASK: Final = 0xF80F  # QR, opcode, rcode: all zero in a query; in a response only QR is set
_IN: Final = 1
_ANY_CLASS: Final = 255
_TOP_BIT: Final = 0x8000  # QU in a question, cache-flush in a record
_POINTER: Final = 0xC0
_HEADER = struct.Struct("!6H")
_QUESTION = struct.Struct("!HH")
_RECORD = struct.Struct("!HHIH")
_SRV = struct.Struct("!HHH")

Name = tuple[bytes, ...]
"""Labels, without the root."""


class BadPacket(PeerError):
    """These octets are no DNS message, or one that is larger than anybody needs."""


class Type(IntEnum):
    """Types of records that discovery knows."""

    A = 1
    PTR = 12
    TXT = 16
    AAAA = 28
    SRV = 33
    ANY = 255  # in questions only


_ADDRESS_OCTETS: Final[dict[int, int]] = {Type.A: 4, Type.AAAA: 16}


@dataclass(frozen=True, slots=True)
class Question:
    """``unicast`` is the QU bit: the answer shall come to the asker alone."""

    name: Name
    type: int
    unicast: bool = False


@dataclass(frozen=True, slots=True)
class Srv:
    """Where a service instance is."""

    port: int
    target: Name
    priority: int = 0
    weight: int = 0


@dataclass(frozen=True, slots=True)
class Record:
    """One record: a Name for PTR, an Srv for SRV, otherwise the octets as they are.

    ``flush`` says that no others of this name and type are true (RFC 6762, 10.2).
    """

    name: Name
    type: int
    ttl_s: int
    data: bytes | Name | Srv
    flush: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One packet. ``response`` tells it from a query."""

    id: int = 0
    response: bool = False
    questions: tuple[Question, ...] = ()
    answers: tuple[Record, ...] = ()
    authorities: tuple[Record, ...] = ()
    additionals: tuple[Record, ...] = ()


def fold(name: Name) -> Name:
    """Return the name as it is compared: ASCII letters in lower case."""
    return tuple(label.lower() for label in name)


def make_name(text: str) -> Name:
    """Return the labels of a dotted name. Raises LocalError."""
    labels = tuple(label.encode() for label in text.strip(".").split("."))
    if not all(0 < len(label) <= MAX_LABEL for label in labels) or sum(map(len, labels)) > MAX_NAME - 64:
        raise LocalError(f"{text[:80]!r} is no name: labels have 1 to {MAX_LABEL} octets")
    return labels


def format_name(name: Name) -> str:
    """Return a name for people."""
    return ".".join(label.decode("utf-8", "replace") for label in name)


def parse(packet: bytes) -> Message:
    """Read one packet. Raises BadPacket, and nothing else."""
    if not _HEADER.size <= len(packet) <= MAX_PACKET:
        raise BadPacket(f"{len(packet)} octets are no DNS message")
    identifier, flags, *counts = _HEADER.unpack_from(packet)
    if flags & _QUERY_MASK & ~0x8000:
        raise BadPacket("neither a query nor a response without error")
    if counts[0] > MAX_QUESTIONS or sum(counts[1:]) > MAX_RECORDS:
        raise BadPacket(f"more than {MAX_QUESTIONS} questions or {MAX_RECORDS} records")
    reader = _Reader(packet)
    questions = [reader.question() for _ in range(counts[0])]
    sections = [[reader.record() for _ in range(count)] for count in counts[1:]]
    answers, authorities, additionals = (
        tuple(record for record in section if record is not None) for section in sections
    )
    return Message(
        id=identifier,
        response=bool(flags & 0x8000),
        questions=tuple(question for question in questions if question is not None),
        answers=answers,
        authorities=authorities,
        additionals=additionals,
    )


def serialize(message: Message) -> bytes:
    """Write one packet; names that end alike share their ends."""
    writer = _Writer()
    writer.octets += _HEADER.pack(
        message.id,
        RESPONSE if message.response else 0,
        len(message.questions),
        len(message.answers),
        len(message.authorities),
        len(message.additionals),
    )
    for question in message.questions:
        writer.name(question.name)
        writer.octets += _QUESTION.pack(question.type, _IN | (_TOP_BIT if question.unicast else 0))
    for section in (message.answers, message.authorities, message.additionals):
        for record in section:
            writer.record(record)
    return bytes(writer.octets)


def data_octets(record: Record) -> bytes:
    """Return the data of a record without compression: what a tie is decided by (RFC 6762, 8.2)."""
    data = record.data
    if isinstance(data, Srv):
        return _SRV.pack(data.priority, data.weight, data.port) + _plain(data.target)
    return _plain(data) if isinstance(data, tuple) else data


def same_data(one: Record, other: Record) -> bool:
    """Tell whether two records say the same, names in whatever case."""
    if isinstance(one.data, Srv) and isinstance(other.data, Srv):
        return replace(one.data, target=fold(one.data.target)) == replace(
            other.data, target=fold(other.data.target)
        )
    if isinstance(one.data, tuple) and isinstance(other.data, tuple):
        return fold(one.data) == fold(other.data)
    return one.data == other.data


def _plain(name: Name) -> bytes:
    return b"".join(bytes((len(label),)) + label for label in name) + b"\0"


class _Reader:
    def __init__(self, packet: bytes) -> None:
        self._packet = packet
        self._at = _HEADER.size

    def question(self) -> Question | None:
        """Return the next question; None for a class that is not ours."""
        name = self._name()
        type_, class_ = self._unpack(_QUESTION)
        if class_ & ~_TOP_BIT not in (_IN, _ANY_CLASS):
            return None
        return Question(name, type_, bool(class_ & _TOP_BIT))

    def record(self) -> Record | None:
        """Return the next record; None for a class that is not ours."""
        name = self._name()
        type_, class_, ttl_s, length = self._unpack(_RECORD)
        start, end = self._at, self._at + length
        if end > len(self._packet):
            raise BadPacket("a record ends after the packet")
        data = self._data(type_, start, end)
        self._at = end
        if class_ & ~_TOP_BIT != _IN:
            return None
        return Record(name, type_, ttl_s, data, bool(class_ & _TOP_BIT))

    def _data(self, type_: int, start: int, end: int) -> bytes | Name | Srv:
        if type_ == Type.PTR:
            return self._whole_name(end)
        if type_ == Type.SRV:
            priority, weight, port = self._unpack(_SRV)
            return Srv(port, self._whole_name(end), priority, weight)
        data = self._packet[start:end]
        if len(data) != _ADDRESS_OCTETS.get(type_, len(data)):
            raise BadPacket("an address of a wrong length")
        return data

    def _whole_name(self, end: int) -> Name:
        name = self._name()
        if self._at != end:
            raise BadPacket("a name does not fill its record")
        return name

    def _unpack(self, form: struct.Struct) -> tuple[int, ...]:
        end = self._at + form.size
        if end > len(self._packet):
            raise BadPacket("the packet ends too early")
        values = form.unpack_from(self._packet, self._at)
        self._at = end
        return values

    def _name(self) -> Name:
        """Read a name. A pointer may only lead to what is before it, so none can lead in a circle."""
        labels: list[bytes] = []
        packet, at, end, size = self._packet, self._at, None, 1
        lowest = at
        while True:
            if at >= len(packet):
                raise BadPacket("a name ends after the packet")
            length = packet[at]
            if length & _POINTER == _POINTER:
                if at + 2 > len(packet):
                    raise BadPacket("a name ends after the packet")
                end = at + 2 if end is None else end
                at = int.from_bytes(packet[at : at + 2]) & 0x3FFF
                if at >= lowest:
                    raise BadPacket("a name points forward, or to itself")
                lowest = at
                continue
            if length > MAX_LABEL:
                raise BadPacket("a label of unknown kind")
            if length == 0:
                self._at = at + 1 if end is None else end
                return tuple(labels)
            size += 1 + length
            if size > MAX_NAME or at + 1 + length > len(packet):
                raise BadPacket("a name is too long")
            labels.append(packet[at + 1 : at + 1 + length])
            at += 1 + length


class _Writer:
    def __init__(self) -> None:
        self.octets = bytearray()
        self._known: dict[Name, int] = {}

    def name(self, name: Name) -> None:
        for index in range(len(name)):
            rest = name[index:]  # compared with its case: who asks must get its own spelling back
            known = self._known.get(rest)
            if known is not None:
                self.octets += (_POINTER << 8 | known).to_bytes(2)
                return
            if len(self.octets) <= 0x3FFF:
                self._known[rest] = len(self.octets)
            self.octets += bytes((len(name[index]),)) + name[index]
        self.octets.append(0)

    def record(self, record: Record) -> None:
        self.name(record.name)
        class_ = _IN | (_TOP_BIT if record.flush else 0)
        self.octets += _RECORD.pack(record.type, class_, record.ttl_s, 0)
        start = len(self.octets)
        if isinstance(record.data, Srv):
            self.octets += _SRV.pack(record.data.priority, record.data.weight, record.data.port)
            self.name(record.data.target)
        elif isinstance(record.data, tuple):
            self.name(record.data)
        else:
            self.octets += record.data
        self.octets[start - 2 : start] = (len(self.octets) - start).to_bytes(2)
