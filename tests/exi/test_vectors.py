"""Every vector: the document gives these octets, the octets give this document, by events and by objects."""

from __future__ import annotations

import itertools

import pytest

from exi import documents
from exi.documents import NON_STRICT, STRICT, Vector
from openesi import exi
from openesi.sep2 import editions, model, xml
from openesi.sep2 import exi as sep_exi

# Lexical forms that EXI does not keep: they come back in canonical form.
NOT_CANONICAL = {"edge-bool-forms", "edge-hex-lower", "edge-int-lexical", "edge-int-negzero"}
# Documents whose elements say xsi:type needlessly, or have a simple type: read as events.
NOT_PLAIN = {"edge-xsitype-nil", "edge-xsitype-simple"}
# Document elements that are plain values, of which the model has none.
NO_OBJECT = {"edge-simple-root", "edge-simple-root2"}
# The XML codec goes by the name of the document element, not by its xsi:type.
OBJECTS = [
    one for one in documents.vectors() if one.is_valid and one.name not in NO_OBJECT | {"edge-xsitype-root"}
]


def by_name(vector: Vector) -> str:
    return vector.name


@pytest.fixture(params=documents.vectors(), ids=by_name)
def vector(request: pytest.FixtureRequest) -> Vector:
    found: Vector = request.param
    return found


def decoded(stream: bytes, grammars: exi.Grammars) -> list[exi.Event]:
    """Read events; that an element has no text is said by an empty text in strict streams only."""
    events = exi.decode_events(stream, grammars, position=exi.read_header(stream).body)
    return [one for one in events if one != exi.Characters("")]


def normal(events: list[exi.Event]) -> list[exi.Event]:
    """Sort attributes as they are sent, and leave out white space that is no value."""
    found: list[exi.Event] = []
    for is_attribute, group in itertools.groupby(events, lambda one: isinstance(one, exi.Attribute)):
        if is_attribute:
            found += sorted(group, key=lambda one: (one.name.uri != exi.XSI, one.name.local, one.name.uri))
        else:
            found += group
    kept = []
    for index, one in enumerate(found):
        if isinstance(one, exi.Characters) and not one.text.strip():
            before, after = found[index - 1], found[index + 1]
            is_leaf = not isinstance(before, exi.EndElement) and isinstance(after, exi.EndElement)
            if not is_leaf:
                continue
        kept.append(one)
    return kept


def test_no_vector_is_missing() -> None:
    assert len(documents.vectors()) == 99
    assert len(documents.roots()) == 162
    assert {one.name.partition("-")[2] for one in documents.roots()} <= set(documents.SCHEMA.elements)


def test_documents_become_the_expected_octets(vector: Vector) -> None:
    events = exi.events_from_xml(vector.xml)

    assert exi.encode_events(events, NON_STRICT, schema_id="S1") == vector.sep
    assert exi.encode_events(events, NON_STRICT) == vector.nonstrict
    if vector.strict:
        assert exi.encode_events(events, STRICT) == vector.strict


def test_octets_become_the_document(vector: Vector) -> None:
    events = decoded(vector.sep, NON_STRICT)

    assert exi.encode_events(events, NON_STRICT, schema_id="S1") == vector.sep
    assert decoded(vector.nonstrict, NON_STRICT) == events
    if vector.strict:
        assert decoded(vector.strict, STRICT) == events
    if vector.name not in NOT_CANONICAL:
        assert events == normal(exi.events_from_xml(vector.xml))


def test_decoded_events_make_xml_of_the_same_document(vector: Vector) -> None:
    events = decoded(vector.sep, NON_STRICT)

    document = exi.xml_from_events(events, namespace=documents.SCHEMA.namespace)

    assert normal(exi.events_from_xml(document.encode())) == events


@pytest.mark.parametrize("vector", OBJECTS, ids=by_name)
def test_valid_documents_are_the_same_objects_by_both_encodings(vector: Vector) -> None:
    value = sep_exi.decode(vector.sep)

    assert value == xml.parse(vector.xml)
    if vector.name not in NOT_PLAIN:
        assert sep_exi.encode(value) == vector.sep


def test_the_document_element_may_say_its_type() -> None:
    vector = next(one for one in documents.vectors() if one.name == "edge-xsitype-root")

    assert sep_exi.decode(vector.sep) == model.EndDevice(href="/e", sFDI=1, changedTime=1)


def test_valid_documents_need_no_events(vector: Vector) -> None:
    codec = sep_exi._codec(editions.IEEE_2018)
    is_plain = True
    try:
        codec.decode(vector.sep, position=exi.read_header(vector.sep).body)
    except exi.NotPlain:
        is_plain = False

    assert is_plain == (vector.is_valid and vector.name not in NOT_PLAIN | NO_OBJECT)


@pytest.mark.parametrize("vector", documents.roots(), ids=by_name)
def test_every_global_element(vector: Vector) -> None:
    events = exi.events_from_xml(vector.xml)

    assert exi.encode_events(events, NON_STRICT, schema_id="S1") == vector.sep
    assert exi.encode_events(events, NON_STRICT) == vector.nonstrict
    assert exi.encode_events(events, STRICT) == vector.strict
    assert decoded(vector.sep, NON_STRICT) == decoded(vector.strict, STRICT) == normal(events)


def test_every_type_of_the_model_by_objects() -> None:
    for vector in documents.roots():
        root = vector.name.partition("-")[2]
        if documents.NON_STRICT.is_simple(documents.SCHEMA.elements[root]):
            continue
        value = sep_exi.decode(vector.sep)
        assert value == xml.parse(vector.xml)
        assert sep_exi.encode(value) == vector.sep


@pytest.mark.parametrize("name", documents.traces())
def test_readings_bit_by_bit(name: str) -> None:
    document, stream, lines = documents.traces()[name]

    assert exi.encode_events(exi.events_from_xml(document), NON_STRICT, schema_id="S1") == stream
    assert list(exi.trace(stream, NON_STRICT))[3:] == lines
