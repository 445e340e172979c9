"""DNS messages: known octets, any octets, and what hostile ones may cost."""

from __future__ import annotations

import struct
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openesi.discovery.dns import (
    MAX_PACKET,
    BadPacket,
    Message,
    Question,
    Record,
    Srv,
    Type,
    parse,
    same_data,
    serialize,
)

# What an embedded client sends when it looks for the server of the device 018859819425.
EMBEDDED_QUERY = bytes.fromhex(
    "000000000001000000000000"
    "11656465762d303138383539383139343235"
    "045f737562"
    "0c5f736d617274656e65726779"
    "045f746370"
    "0473697465"
    "00000c8001"
)

labels = st.binary(min_size=1, max_size=20)
names = st.lists(labels, min_size=1, max_size=6).map(tuple)
srvs = st.builds(Srv, st.integers(0, 65535), names)
records = st.one_of(
    st.builds(Record, names, st.just(Type.PTR), st.integers(0, 2**31), names, st.booleans()),
    st.builds(Record, names, st.just(Type.SRV), st.integers(0, 2**31), srvs, st.booleans()),
    st.builds(Record, names, st.just(Type.TXT), st.integers(0, 2**31), st.binary(max_size=50), st.booleans()),
    st.builds(
        Record,
        names,
        st.just(Type.AAAA),
        st.integers(0, 2**31),
        st.binary(min_size=16, max_size=16),
        st.booleans(),
    ),
)
sections = st.lists(records, max_size=4).map(tuple)
messages = st.builds(
    Message,
    id=st.integers(0, 65535),
    response=st.booleans(),
    questions=st.lists(st.builds(Question, names, st.integers(0, 65535), st.booleans()), max_size=4).map(
        tuple
    ),
    answers=sections,
    authorities=sections,
    additionals=sections,
)


def reads_or_is_refused(packet: bytes) -> bool:
    """Any other exception is a failure."""
    try:
        parse(packet)
    except BadPacket:
        return False
    return True


def test_an_embedded_clients_question_reads_and_is_written_alike() -> None:
    message = parse(EMBEDDED_QUERY)

    name = (b"edev-018859819425", b"_sub", b"_smartenergy", b"_tcp", b"site")
    assert message == Message(questions=(Question(name, Type.PTR, unicast=True),))
    assert serialize(message) == EMBEDDED_QUERY


@settings(max_examples=40)
@given(messages)
def test_what_is_written_reads_back(message: Message) -> None:
    assert parse(serialize(message)) == message


@given(st.binary(max_size=300))
def test_any_octets_are_a_message_or_refused(octets: bytes) -> None:
    assert reads_or_is_refused(octets) in (True, False)


@settings(max_examples=40)
@given(messages, st.data())
def test_a_cut_or_damaged_message_is_a_message_or_refused(message: Message, data: st.DataObject) -> None:
    octets = bytearray(serialize(message))
    place = data.draw(st.integers(0, len(octets) - 1))
    octets[place] = data.draw(st.integers(0, 255))
    for packet in (bytes(octets), bytes(octets[:place])):
        assert reads_or_is_refused(packet) in (True, False)


@pytest.mark.parametrize("cut", range(len(EMBEDDED_QUERY)))
def test_a_truncated_question_is_refused(cut: int) -> None:
    with pytest.raises(BadPacket):
        parse(EMBEDDED_QUERY[:cut])


QUESTION_HEAD = bytes.fromhex("000000000001000000000000")


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (QUESTION_HEAD + b"\xc0\x0c" + bytes.fromhex("000c0001"), "to itself"),
        (QUESTION_HEAD + b"\x01a\xc0\x0c" + bytes.fromhex("000c0001"), "to itself"),
        (QUESTION_HEAD + b"\xc0\xff" + bytes.fromhex("000c0001"), "forward"),
        (QUESTION_HEAD + b"\x40" + bytes(70), "unknown kind"),
        (QUESTION_HEAD + (b"\x3f" + b"a" * 63) * 5 + bytes(5), "too long"),
        (bytes.fromhex("000000000021000000000000") + bytes(900), "more than"),
        (bytes.fromhex("0000000000000000ffff0000") + bytes(900), "more than"),
        (bytes.fromhex("000008000001000000000000") + bytes(5), "neither"),
        (bytes(MAX_PACKET + 1), "no DNS message"),
    ],
)
def test_hostile_packets_are_refused_and_say_why(octets: bytes, why: str) -> None:
    with pytest.raises(BadPacket, match=why):
        parse(octets)


def test_the_longest_chain_of_pointers_costs_little() -> None:
    """Each of the names points to the one before it: the most work that so many octets can make."""
    count = 250
    octets = bytearray(struct.pack("!6H", 0, 0x8400, 0, count, 0, 0))
    before = 0
    for number in range(count):
        start = len(octets)
        octets += b"\0" if number == 0 else (0xC000 | before).to_bytes(2)
        octets += struct.pack("!HHIH", 16, 1, 0, 0)
        before = start
    began = time.process_time()
    assert len(parse(bytes(octets)).answers) == count
    assert time.process_time() - began < 1


def test_names_are_compared_in_any_case_but_keep_theirs() -> None:
    one, other = (Record((b"X",), Type.SRV, 1, Srv(1, name)) for name in ((b"Host",), (b"hOST",)))
    assert same_data(one, other)
    twice = Message(questions=(Question((b"A", b"Site"), Type.PTR), Question((b"A", b"site"), Type.PTR)))
    assert parse(serialize(twice)) == twice
