"""The declarations against the recorded facts of the 2018 schema: names, order, bounds, defaults."""

from __future__ import annotations

import pytest

from openesi.sep2 import model, schema
from openesi.sep2.model import Sep, replace
from openesi.sep2.schema import Field
from sep2 import xsd_facts

FACTS = xsd_facts.recorded("2018")
STRUCTURED = {name: cls for name, cls in schema.structured_types().items() if not schema.extension_of(cls)}


def row(field: Field) -> xsd_facts.Row:
    return (
        "attribute" if field.attribute else "element",
        field.name,
        field.type_name,
        str(field.minimum),
        "unbounded" if field.maximum is None else str(field.maximum),
        field.default or "",
    )


def test_the_2018_edition_is_declared_whole() -> None:
    assert len(STRUCTURED) == 283
    assert len(schema.value_types()) == 41 + 25
    names = set(STRUCTURED) | set(schema.value_types())
    assert names == {fact[0] for fact in FACTS.types | FACTS.simple_types}
    assert {fact for fact in FACTS.elements if fact[0] != fact[1]} == set()


@pytest.mark.parametrize("name", STRUCTURED)
def test_a_type_has_the_base_and_the_fields_of_the_standard_in_its_order(name: str) -> None:
    cls = STRUCTURED[name]
    assert (name, schema.base_of(cls) or "", "complex") in FACTS.types
    own = [row(field) for field in schema.own_fields(cls) if field.extension is None]
    assert tuple(sorted(own, key=lambda one: one[0], reverse=True)) == FACTS.fields.get(name, ())


@pytest.mark.parametrize("name", schema.value_types())
def test_a_simple_type_has_the_base_and_the_bounds_of_the_standard(name: str) -> None:
    value = schema.value_types()[name]
    if value.name != value.primitive.name:
        complex_type = (name, value.primitive.name, "simple")
        assert complex_type in FACTS.types or (name, value.primitive.name, "") in FACTS.simple_types
        return
    facets = []
    if value.primitive.max_length is not None:
        facets.append(f"maxLength={value.primitive.max_length}")
    if value.primitive.facets:
        facets.append(f"maxInclusive={value.primitive.maximum}")
        if value.primitive.minimum:
            facets.append(f"minInclusive={value.primitive.minimum}")
    assert (name, value.primitive.base, " ".join(facets)) in FACTS.simple_types


BOUNDS_OF_XML_SCHEMA = {
    "byte": (-128, 127),
    "short": (-32768, 32767),
    "int": (-2147483648, 2147483647),
    "long": (-9223372036854775808, 9223372036854775807),
    "unsignedByte": (0, 255),
    "unsignedShort": (0, 65535),
    "unsignedInt": (0, 4294967295),
    "unsignedLong": (0, 18446744073709551615),
}


@pytest.mark.parametrize("name", [name for name, one in schema.value_types().items() if one.is_integer])
def test_integers_without_facets_have_the_bounds_of_their_base(name: str) -> None:
    primitive = schema.value_types()[name].primitive
    least, most = BOUNDS_OF_XML_SCHEMA[primitive.base]
    assert primitive.minimum is not None
    assert primitive.maximum is not None
    if primitive.facets:
        assert least <= primitive.minimum < primitive.maximum < most
    else:
        assert (primitive.minimum, primitive.maximum) == (least, most)


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("PerCent", 0, 10_000),
        ("SignedPerCent", -10_000, 10_000),
        ("OneHourRangeType", -3_600, 3_600),
        ("SFDIType", 0, 687_194_767_359),
        ("PINType", 0, 999_999),
    ],
)
def test_bounds_that_only_the_text_states(name: str, least: int, most: int) -> None:
    value = schema.value_types()[name]
    stated = value.primitive.minimum if value.meant_minimum is None else value.meant_minimum
    assert (stated, value.meant_maximum) == (least, most)


def test_every_type_says_what_it_is() -> None:
    for name, cls in schema.structured_types().items():
        first, *rest = (cls.__doc__ or "").splitlines()
        assert first.endswith((".", ":")), name
        assert len(first) > 15, name
        assert not rest or not rest[0], f"{name}: the first line stands alone"


def test_no_two_types_say_the_same() -> None:
    texts = [cls.__doc__ for cls in schema.structured_types().values()]
    twice = {text for text in texts if texts.count(text) > 1}
    assert not twice


def test_values_are_immutable_and_replaced() -> None:
    link = model.ListLink(href="/edev", all=1)
    with pytest.raises(AttributeError):
        link.all = 2  # type: ignore[misc]
    assert replace(link, all=2) == model.ListLink(href="/edev", all=2)
    with pytest.raises(TypeError):
        replace(link, results=2)


def test_required_fields_must_be_given_and_by_name() -> None:
    with pytest.raises(TypeError):
        model.Link()  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        model.Link("/edev")  # type: ignore[misc]


def test_list_item_finds_the_members_of_a_list() -> None:
    lists = {name: cls for name, cls in STRUCTURED.items() if schema.list_item(cls)}
    assert set(lists) == {name for name in STRUCTURED if name.endswith("List")} - {"List", "SubscribableList"}
    for name, cls in lists.items():
        item = schema.list_item(cls)
        assert item is not None
        assert isinstance(item.type, type)
        assert issubclass(item.type, Sep)
        assert name == f"{item.name}List"
