"""Hypothesis strategies for values of the model: any type, any field, anything within the bounds."""

from __future__ import annotations

from functools import cache
from typing import Any

from hypothesis import strategies as st

from openesi.sep2 import model, schema
from openesi.sep2.editions import Edition, WireField
from openesi.sep2.model import Sep
from openesi.sep2.schema import ValueType

# What a Notification may carry here; any Resource could be, but each is drawn at the top as well.
NOTIFIED = (model.Time, model.DERStatus, model.ReadingSetList, model.Resource)

# XML reads line ends of every kind as one, and refuses the other control characters.
TEXT = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff") | st.sampled_from(
    "\t\n &<>\"'"
)


def documents(edition: Edition) -> st.SearchStrategy[Sep]:
    """Return a strategy for documents of every type of the edition."""
    types = sorted(edition.types.values(), key=lambda cls: cls.__name__)
    return st.sampled_from(types).flatmap(lambda cls: values(cls, edition))


@cache
def values(cls: type[Sep], edition: Edition) -> st.SearchStrategy[Sep]:
    """Return a strategy for values of one structured type that have their like in the edition.

    What the edition writes in other words is drawn from its side and brought to the model, so that nothing
    is lost on the way back.
    """
    fields = {wire.attr: _field(wire, edition) for wire in edition.fields(cls)}
    return st.fixed_dictionaries(fields).map(lambda values: cls(**values))


def _field(wire: WireField, edition: Edition) -> st.SearchStrategy[Any]:
    if isinstance(wire.type, ValueType):
        one = simple(wire.type)
    elif wire.type is model.Resource:
        one = st.one_of([st.deferred(lambda cls=cls: values(cls, edition)) for cls in NOTIFIED])
    else:
        types = (wire.type, *schema.derived_types(wire.type))
        one = st.one_of([st.deferred(lambda cls=cls: values(cls, edition)) for cls in types])
    if wire.to_model is not None:
        one = one.map(wire.to_model)
    if wire.maximum != 1:
        most = min(wire.maximum or 3, wire.minimum + 3)
        return st.lists(one, min_size=wire.minimum, max_size=most).map(tuple)
    return one if wire.minimum else st.none() | one


def simple(value_type: ValueType) -> st.SearchStrategy[Any]:
    """Return a strategy for plain values."""
    primitive = value_type.primitive
    if value_type.is_integer:
        return st.integers(primitive.minimum, primitive.maximum)
    if primitive.base == "boolean":
        return st.booleans()
    if primitive.base == "hexBinary":
        return st.binary(max_size=primitive.max_length or 8)
    if primitive.base == "anyURI":
        uri = st.text(TEXT, max_size=20).map(str.strip)
        return st.sampled_from(["/edev", "/edev/1", "/derp/1?s=0&l=10", ""]) | uri
    most = primitive.max_length or 12
    text = st.text(TEXT, max_size=most).filter(lambda value: len(value.encode()) <= most)
    return st.sampled_from(["", "a", "b"]) | text
