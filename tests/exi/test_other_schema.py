"""A schema that is not of 2030.5: what that one happens not to have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openesi import exi
from openesi.errors import LocalError
from openesi.exi import AttributeUse, ComplexType, FieldBinding, Particle, SimpleType, TypeBinding

NS = "urn:example:house"
SCHEMA = exi.Schema(
    NS,
    simple_types={
        "Level": SimpleType("Level", "integer", min_value=-2000, max_value=2095),
        "Wide": SimpleType("Wide", "integer", min_value=-2000, max_value=2096),
        "Ten": SimpleType("Ten", "unsignedByte", min_value=10, max_value=12),
        "Name": SimpleType("Name", "token", max_length=8),
        "Count": SimpleType("Count", "nonNegativeInteger"),
    },
    complex_types={
        "House": ComplexType(
            "House",
            particles=(
                Particle("level", "Level"),
                Particle("wide", "Wide", 0),
                Particle("ten", "Ten", 0, 3),
                Particle("room", "Room", 2, 4),
                Particle("count", "Count", 0),
                Particle("node", "Node", 0, None),
            ),
            attributes=(AttributeUse("b", "boolean", required=True), AttributeUse("a", "Name")),
        ),
        "Room": ComplexType("Room", particles=(Particle("name", "Name"),)),
        "Kitchen": ComplexType("Kitchen", "Room", (Particle("stove", "boolean", 0),)),
        "Node": ComplexType("Node", particles=(Particle("node", "Node", 0, None),)),
        "Length": ComplexType("Length", content="Level", attributes=(AttributeUse("unit", "Name"),)),
    },
    elements={"house": "House", "length": "Length", "alone": "Ten", "node": "Node"},
)
NON_STRICT, STRICT = exi.Grammars(SCHEMA), exi.Grammars(SCHEMA, strict=True)
BOTH = pytest.mark.parametrize("grammars", [NON_STRICT, STRICT], ids=["non-strict", "strict"])


def bits(document: str, grammars: exi.Grammars) -> str:
    """The bits of a body, and check that they are read as the same document."""
    stream = exi.encode_events(exi.events_from_xml(document.encode()), grammars)
    events = exi.decode_events(stream, grammars, position=8)
    assert exi.xml_from_events(events, namespace=NS) == document
    return f"{int.from_bytes(stream):b}"[8:]


def test_an_integer_of_4096_values_takes_12_bits() -> None:
    """Four globals and one for all others: 3 bits of document element; then CH, 12 bits, EE."""
    assert bits(f'<length xmlns="{NS}">-2000</length>', STRICT) == "0101000000000000"
    assert bits(f'<length xmlns="{NS}">2095</length>', NON_STRICT) == "010011111111111110" + "0" * 6


def test_a_range_that_begins_above_zero() -> None:
    assert bits(f'<alone xmlns="{NS}">12</alone>', STRICT) == "00010000"


HOUSE = (
    '<house xmlns="{ns}" a="x" b="true"><level>5</level><wide>-2000</wide><ten>10</ten><ten>12</ten>'
    "<room><name>x</name></room><room><name>y</name></room><room><name>x</name></room>"
    "<count>99999999999</count><node><node><node/></node><node/></node></house>"
)


@BOTH
def test_everything_comes_back(grammars: exi.Grammars) -> None:
    assert bits(HOUSE.format(ns=NS), grammars)


def test_too_many_repeats_are_a_deviation() -> None:
    room = "<room><name>x</name></room>"
    document = f'<house xmlns="{NS}" b="true"><level>5</level>{room * 5}</house>'

    assert bits(document, NON_STRICT)
    with pytest.raises(exi.ExiEncodeError, match=r"element .*room cannot be encoded with strict.*at house"):
        bits(document, STRICT)


def test_a_missing_attribute_is_a_deviation() -> None:
    document = f'<house xmlns="{NS}"><level>5</level></house>'

    assert bits(document, NON_STRICT)
    with pytest.raises(exi.ExiEncodeError, match="strict"):
        bits(document, STRICT)


@BOTH
def test_a_derived_type_takes_the_place_of_its_base(grammars: exi.Grammars) -> None:
    kitchen = '<room xsi:type="Kitchen"><name>k</name><stove>true</stove></room>'
    rest = f'b="true"><level>5</level>{kitchen}<room><name>x</name></room></house>'

    assert bits(f'<house xmlns="{NS}" xmlns:xsi="{exi.XSI}" {rest}', grammars)


@given(st.integers(-2000, 2096), st.integers(0, 1 << 69), st.text("ab<&é😀", max_size=8))
def test_values_come_back(wide: int, count: int, name: str) -> None:
    events = [
        exi.StartElement(exi.QName(NS, "house")),
        exi.Attribute(exi.QName("", "a"), name),
        exi.Attribute(exi.QName("", "b"), "true"),
        *element("level", "0"),
        *element("wide", str(wide)),
        *(
            one
            for _ in range(2)
            for one in [exi.StartElement(exi.QName(NS, "room")), *element("name", "x"), END]
        ),
        *element("count", str(count)),
        END,
    ]
    document = exi.xml_from_events(events, namespace=NS)

    for grammars in (NON_STRICT, STRICT):
        stream = exi.encode_events(events, grammars)
        assert list(exi.decode_events(stream, grammars, position=8)) == events
    assert exi.events_from_xml(document.encode()) == events


END = exi.EndElement()


def element(name: str, text: str) -> list[exi.Event]:
    return [exi.StartElement(exi.QName(NS, name)), exi.Characters(text), END]


@dataclass(frozen=True)
class Room:
    name: str


@dataclass(frozen=True)
class Kitchen(Room):
    stove: bool | None = None


@dataclass(frozen=True)
class Node:
    node: tuple[Node, ...] = ()


@dataclass(frozen=True)
class House:
    b: bool
    level: int
    room: tuple[Room, ...]
    a: str | None = None
    wide: int | None = None
    count: int | None = None
    node: tuple[Node, ...] = ()


def bound(*names: str) -> dict[str, FieldBinding]:
    return {name: FieldBinding(name) for name in names}


BINDINGS: dict[str, Any] = {
    "House": TypeBinding(House, bound("level", "wide", "room", "count", "node"), bound("a", "b")),
    "Room": TypeBinding(Room, bound("name")),
    "Kitchen": TypeBinding(Kitchen, bound("name", "stove")),
    "Node": TypeBinding(Node, bound("node")),
}
ROOMS = st.builds(Room, st.text("abc", max_size=8)) | st.builds(
    Kitchen, st.text("abc", max_size=8), st.none() | st.booleans()
)
NODES = st.recursive(st.just(Node()), lambda inner: st.builds(Node, st.lists(inner, max_size=3).map(tuple)))


def test_classes_are_found_by_type_not_by_element() -> None:
    """The document element of a type is the one that has its name; this schema has none for House."""
    with pytest.raises(exi.NotPlain):
        exi.ObjectCodec(NON_STRICT, BINDINGS).encode(House(b=True, level=0, room=()))


@given(NODES)
def test_types_that_hold_themselves(node: Node) -> None:
    codec = exi.ObjectCodec(
        exi.Grammars(exi.Schema(NS, {}, {"Node": SCHEMA.complex_types["Node"]}, {"Node": "Node"})),
        {"Node": TypeBinding(Node, bound("node"))},
    )
    stream = codec.encode(node)

    assert codec.decode(stream, position=8) == node


@given(
    st.builds(
        House,
        b=st.booleans(),
        level=st.integers(-2000, 2095),
        room=st.lists(ROOMS, min_size=2, max_size=4).map(tuple),
        a=st.none() | st.text("abc", max_size=8),
        wide=st.none() | st.integers(-2000, 2096),
        count=st.none() | st.integers(0, 1 << 69),
        node=st.lists(NODES, max_size=2).map(tuple),
    )
)
def test_objects_of_any_class(house: House) -> None:
    elements = {"House": "House", "Room": "Room", "Node": "Node"}
    grammars = exi.Grammars(exi.Schema(NS, SCHEMA.simple_types, SCHEMA.complex_types, elements))
    codec = exi.ObjectCodec(grammars, BINDINGS)
    stream = codec.encode(house)

    assert codec.decode(stream, position=8) == house
    events = exi.decode_events(stream, grammars, position=8)
    assert exi.encode_events(events, grammars) == stream


@pytest.mark.parametrize(
    "types",
    [
        {"T": ComplexType("T", "Nowhere")},
        {"T": ComplexType("T", particles=(Particle("p", "Nowhere"),))},
        {"T": ComplexType("T", attributes=(AttributeUse("a", "Nowhere"),))},
        {"T": ComplexType("T", content="Nowhere")},
    ],
)
def test_a_schema_with_a_missing_type_is_refused(types: dict[str, ComplexType]) -> None:
    with pytest.raises(LocalError, match="no type 'Nowhere'"):
        exi.Schema(NS, {}, types)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("101000001", "meta-data"),
        ("10100000000", "less common"),
        ("1010000000100", "compression"),
        ("1010000000101", "fragments"),
        ("10100000001101", "no schema"),
    ],
)
def test_options_that_are_not_there_are_named(options: str, words: str) -> None:
    stream = int(options.ljust(32, "0"), 2).to_bytes(4)
    with pytest.raises(exi.ExiDecodeError, match=words) as caught:
        exi.read_header(stream)
    assert caught.value.status == 415


@pytest.mark.parametrize(("schema_id", "strict"), [(None, False), ("S1", False), ("S1", True), ("", False)])
def test_headers_come_back(schema_id: str | None, strict: bool) -> None:
    written = exi.header_bits(schema_id, strict=strict)
    data = int(written.ljust(80, "0"), 2).to_bytes(10)

    header = exi.read_header(data)
    assert (header.schema_id, header.strict and schema_id is not None) == (schema_id, strict)
    assert header.body == len(written)


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ([], "not complete"),
        ([exi.StartElement(exi.QName(NS, "house"))], "not complete"),
        ([END], "without a start"),
        ([exi.Attribute(exi.QName("", "a"), "x")], "after the content"),
        ([exi.StartElement(exi.QName(NS, "x")), END] * 2, "second document element"),
        (
            [exi.StartElement(exi.QName(NS, "x")), *[exi.Attribute(exi.QName("", "a"), "x")] * 2, END],
            "attribute twice",
        ),
        (
            [exi.StartElement(exi.QName(NS, "x")), exi.Attribute(exi.QName(exi.XSI, "type"), "x"), END],
            "qualified name",
        ),
    ],
)
def test_events_that_make_no_document(events: list[exi.Event], words: str) -> None:
    with pytest.raises(exi.ExiEncodeError, match=words):
        exi.encode_events(events, NON_STRICT)
