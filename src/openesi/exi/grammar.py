"""Grammars worked out of a schema once: the states of a document and the event codes of each (EXI 1.0, 8).

A state lists its first-level productions; a code that is one more than the last escapes to the second level,
where non-strict grammars have everything a schema did not foresee. What stands at the second level depends
only on the kind of the state and on whether the element may end there.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from openesi.exi.bits import width_of
from openesi.exi.datatypes import STRING, Datatype, facets_of
from openesi.exi.schema import XSD, XSD_BASES, AttributeUse, ComplexType, Particle, QName, Schema
from openesi.exi.strings import initial_names


class Kind(Enum):
    """What an event code stands for; values are the names that bit-level readings print."""

    __hash__ = object.__hash__  # by identity, as members are compared; the one of Enum is four times slower

    ATTRIBUTE = "ATTRIBUTE"
    START = "START_ELEMENT"
    END = "END_ELEMENT"
    CHARACTERS = "CHARACTERS"
    ANY_START = "START_ELEMENT_GENERIC"
    XSI_TYPE = "ATTRIBUTE_XSI_TYPE"
    XSI_NIL = "ATTRIBUTE_XSI_NIL"
    UNDECLARED_ATTRIBUTE = "ATTRIBUTE_GENERIC_UNDECLARED"
    INVALID_ATTRIBUTE = "ATTRIBUTE_INVALID_VALUE"
    UNDECLARED_START = "START_ELEMENT_GENERIC_UNDECLARED"
    UNDECLARED_END = "END_ELEMENT_UNDECLARED"
    UNDECLARED_CHARACTERS = "CHARACTERS_GENERIC_UNDECLARED"


class Stage(Enum):
    """How far into its element a state is."""

    FIRST = auto()  # nothing read yet: xsi:type and xsi:nil are possible
    ATTRIBUTES = auto()
    CONTENT = auto()


_CONTENT = (Kind.UNDECLARED_START, Kind.UNDECLARED_CHARACTERS)
_ATTRIBUTES = (Kind.UNDECLARED_ATTRIBUTE, Kind.INVALID_ATTRIBUTE, *_CONTENT)
# Non-strict (8.5.4.4.1); the undeclared end is there only where the first level has no end.
_SECOND_LEVEL = {
    Stage.FIRST: (Kind.UNDECLARED_END, Kind.XSI_TYPE, Kind.XSI_NIL, *_ATTRIBUTES),
    Stage.ATTRIBUTES: (Kind.UNDECLARED_END, *_ATTRIBUTES),
    Stage.CONTENT: (Kind.UNDECLARED_END, *_CONTENT),
}


@dataclass(slots=True, eq=False)
class Production:
    """A first-level production: what it matches, and the state after it."""

    kind: Kind
    name: QName | None = None
    type: str | None = None
    """Of a START: the type whose grammar its content has."""
    datatype: Datatype = STRING
    """Of an ATTRIBUTE or CHARACTERS: how the value is written."""
    next: State | None = None


class State:
    """A state of an element: its productions, and what lies beyond its escape code.

    Attributes:
        productions: the first level, in the order of their codes.
        second: kinds at the second level; empty where nothing but the first level is allowed.
        content: where undeclared content leads: the same place in the content, attributes dropped.
        codes: first-level codes by kind and name, for encoders.
    """

    __slots__ = ("codes", "content", "productions", "second", "second_width", "stage", "width")

    def __init__(self, stage: Stage, second: tuple[Kind, ...]) -> None:
        self.stage = stage
        self.second = second
        self.content = self
        self.fill(())

    def fill(self, productions: tuple[Production, ...]) -> None:
        """Set the first level; states refer to each other in circles, so this comes after construction."""
        self.productions = productions
        can_end = any(one.kind is Kind.END for one in productions)
        if can_end and self.second[:1] == (Kind.UNDECLARED_END,):
            self.second = self.second[1:]
        self.width = width_of(len(productions) + (1 if self.second else 0))
        self.second_width = width_of(len(self.second))
        self.codes = {(one.kind, one.name): code for code, one in enumerate(productions)}

    @property
    def attributes(self) -> list[Production]:
        """Attributes that may follow here; an index into them names an attribute of the wrong type."""
        return [one for one in self.productions if one.kind is Kind.ATTRIBUTE]


class Grammars:
    """The grammars of a schema, non-strict (the default) or strict; immutable in use, so shared by streams.

    Types are worked out when first met, as most streams need few of them.
    """

    def __init__(self, schema: Schema, *, strict: bool = False) -> None:
        self.schema = schema
        self.strict = strict
        self.names = initial_names(schema)
        self.globals = tuple(sorted(schema.elements))
        """Global elements in the order of their codes at the document level (8.5.1)."""
        self.global_codes = {name: code for code, name in enumerate(self.globals)}
        self.document_width = width_of(len(self.globals) + 1)
        self._first: dict[tuple[str, bool], State] = {}
        self._empty: dict[str, State] = {}
        bases = [one.base for one in schema.simple_types.values()]
        bases += [base for base, _, _ in XSD_BASES.values() if base]
        bases += [name for one in schema.complex_types.values() for name in (one.base, one.content) if name]
        self._has_derived = frozenset(bases)

    def first(self, type_name: str, *, after_type: bool = False) -> State:
        """The first state of an element of this type; ``after_type`` when xsi:type has chosen the type."""
        key = (type_name, after_type and self.strict)
        state = self._first.get(key)
        if state is None:
            state = self._first[key] = self._build(type_name, after_type=after_type)
        return state

    def empty(self, type_name: str) -> State:
        """The first state of an element of this type with xsi:nil: attributes, then the end (8.5.4.1.3.2)."""
        state = self._empty.get(type_name)
        if state is None:
            first = () if self.strict else _SECOND_LEVEL[Stage.FIRST]
            end = (Production(Kind.END),)
            state = self._empty[type_name] = self._chain_attributes(type_name, end, first=first)
        return state

    def named_type(self, name: QName) -> str | None:
        """The type that the value of an xsi:type names, or None for one that the schema does not have."""
        if name.uri == self.schema.namespace:
            known = name.local in self.schema.complex_types or name.local in self.schema.simple_types
        else:
            known = name.uri == XSD and name.local in XSD_BASES
        return name.local if known else None

    def global_type(self, name: QName) -> str | None:
        """The type of the global element of this name, or None."""
        return self.schema.elements.get(name.local) if name.uri == self.schema.namespace else None

    def particles_of(self, type_name: str) -> list[Particle]:
        """Child elements of a type, those of its base first."""
        return [one for type_ in self._chain(type_name) for one in type_.particles]

    def attributes_of(self, type_name: str) -> list[AttributeUse]:
        """Attributes of a type and its bases, in the order they are sent: by name."""
        found = {one.name: one for type_ in self._chain(type_name) for one in type_.attributes}
        return [found[name] for name in sorted(found)]

    def derived(self, type_name: str) -> list[str]:
        """Complex types derived from this one, directly or not."""
        return [
            name
            for name in self.schema.complex_types
            if name != type_name and any(one.name == type_name for one in self._chain(name))
        ]

    def is_simple(self, type_name: str) -> bool:
        """Whether elements of this type have text and no children."""
        chain = self._chain(type_name)
        return not chain or chain[0].content is not None

    def _chain(self, type_name: str) -> list[ComplexType]:
        """A complex type and its bases, the base of all first."""
        chain: list[ComplexType] = []
        name: str | None = type_name
        while name is not None and name in self.schema.complex_types:
            chain.insert(0, self.schema.complex_types[name])
            name = chain[0].base
        return chain

    def _build(self, type_name: str, *, after_type: bool) -> State:
        first: tuple[Kind, ...] = _SECOND_LEVEL[Stage.FIRST]
        if self.strict:
            first = (Kind.XSI_TYPE,) if type_name in self._has_derived and not after_type else ()
        content = self._text(type_name) if self.is_simple(type_name) else self._sequence(type_name)
        return self._chain_attributes(type_name, content, first=first)

    def _text(self, type_name: str) -> tuple[Production, ...]:
        end = self._state(Stage.CONTENT)
        end.fill((Production(Kind.END),))
        datatype = facets_of(self.schema, type_name).datatype
        return (Production(Kind.CHARACTERS, datatype=datatype, next=end),)

    def _sequence(self, type_name: str) -> tuple[Production, ...]:
        """Productions before the first particle; the later states hang off them."""
        particles = self.particles_of(type_name)
        states: dict[tuple[int, int], State] = {}

        def state_at(index: int, count: int) -> State:
            if particles[index].max_occurs is None:
                count = min(count, particles[index].min_occurs)
            key = (index, count)
            if key not in states:
                states[key] = self._state(Stage.CONTENT)
                states[key].fill(productions_at(index, count))
            return states[key]

        def productions_at(index: int, count: int) -> tuple[Production, ...]:
            found: list[Production] = []
            for position, one in enumerate(particles[index:], index):
                if one.max_occurs is None or count < one.max_occurs:
                    name = QName(self.schema.namespace, one.name)
                    found.append(Production(Kind.START, name, one.type, next=state_at(position, count + 1)))
                if count < one.min_occurs:
                    return tuple(found)
                count = 0
            return (*found, Production(Kind.END))

        return productions_at(0, 0)

    def _chain_attributes(
        self, type_name: str, content: tuple[Production, ...], *, first: tuple[Kind, ...]
    ) -> State:
        """The states over the attributes of a type, made from the last to the first, which is returned."""
        inner = self._state(Stage.CONTENT)
        inner.fill(content)
        attributes = self.attributes_of(type_name)
        state = inner
        productions = content
        for index in range(len(attributes), -1, -1):
            if index < len(attributes):
                one = attributes[index]
                datatype = facets_of(self.schema, one.type).datatype
                here = Production(Kind.ATTRIBUTE, QName("", one.name), datatype=datatype, next=state)
                productions = (here,) if one.required else (here, *productions)
            state = self._state(Stage.ATTRIBUTES) if index else State(Stage.FIRST, first)
            state.fill(productions)
            state.content = inner
        return state

    def _state(self, stage: Stage) -> State:
        return State(stage, () if self.strict else _SECOND_LEVEL[stage])
