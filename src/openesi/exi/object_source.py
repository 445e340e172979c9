"""Makes functions that write objects of one type: Python source from the grammar, compiled once.

A function is made for objects of one shape, that is with the same optional fields set. It then knows every
event code beforehand: all that stands between two values is one constant. For ``DateTimeInterval`` it is::

    def write(o, x, b, t):
        o0 = o.duration
        o1 = o.start
        x(c3)                                     # the code of duration, the start of its text
        if 0 <= o0 < 16384: b(small[o0])
        elif 0 <= o0 <= 4294967295: b(unsigned(o0))
        else: raise NotPlain
        ...

Where several states are possible (after a list that may be empty, or in the function for all shapes), ``p``
holds the codes of the state that was reached: ``p[n]`` is what to write before field n, and None if field n
cannot come there.

The source is made from the schema alone; no text from outside enters it.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING, Any, TypeAlias

from openesi.exi.binding import FieldBinding, NotPlain
from openesi.exi.bits import bits_of
from openesi.exi.datatypes import Facets, NBitType, UnsignedType, facets_of
from openesi.exi.grammar import Kind, Production, State
from openesi.exi.object_bits import END_OF_TEXT, NO_TEXT, OCTETS_MAX, TEXT, Bits, Extend, Strings
from openesi.exi.schema import AttributeUse, Particle, QName

if TYPE_CHECKING:
    from openesi.exi.object_writer import Writers

Write: TypeAlias = Callable[[Any, Extend, Callable[[bytes], None], Strings], None]
Field: TypeAlias = AttributeUse | Particle
Shape: TypeAlias = tuple[bool, ...]
"""Whether each optional field is set, in their order."""
Place: TypeAlias = tuple[State, bool]
"""A state, and whether the end of a text is still to be written before its code."""

_UNBOUNDED = 1 << 30
# An element without text has no start of text, so these write that themselves.
_MAY_BE_EMPTY = frozenset({"string", "anyURI", "hexBinary"})
# Five groups of seven bits hold the times of our days: they are put together in place.
_TIME = "more[{v} & 16383] + more[{v} >> 14 & 16383] + small[{v} >> 28]"
_TIMES = range(1 << 28, 1 << 42)


def make_writer(writers: Writers, type_name: str, shape: Shape | None, other: str) -> Write:
    """Return ``write(o, x, b, t)``, which writes ``o``: bits by ``x``, octets by ``b``, strings by ``t``.

    It is for objects of one shape and calls the function named ``other`` for those of another; without a
    shape it is for all.

    Raises:
        NotPlain: for a type whose grammar or binding does not fit.
    """
    source = Source(writers.names, writers.shared)
    source.line("def write(o, x, b, t):")
    source.indent += 1
    _TypeSource(writers, source, type_name, "o").write(shape, other)
    source.flush()
    made: dict[str, Write] = {}
    exec("\n".join(source.lines), writers.names, made)  # noqa: S102 (made from the schema, see above)
    return made["write"]


def optional_attrs(writers: Writers, type_name: str) -> tuple[str, ...]:
    """Return the attributes of the object that make its shape."""
    return tuple(
        bound.attr for _, _, bound in _TypeSource(writers, Source({}, {}), type_name, "o").optional()
    )


_NUMBERS = count()  # of constants; two threads may make functions at the same time


class Source:
    """Lines of a function, the names they use, and bits that are not yet in a line."""

    def __init__(self, names: dict[str, Any], shared: dict[tuple[object, ...], str]) -> None:
        self._shared = shared
        self.lines: list[str] = []
        self.indent = 0
        self._names = names
        self._pending = ""

    def line(self, text: str) -> None:
        """Add a line."""
        self.lines.append(f"{'    ' * self.indent}{text}")

    def add(self, bits: str) -> None:
        """Add bits to be written before the next value."""
        self._pending += bits

    def take(self) -> str:
        """Take the bits added so far, to write them with a value."""
        bits, self._pending = self._pending, ""
        return bits

    def flush(self) -> None:
        """Write the bits added so far."""
        bits = self.take()
        if bits:
            self.line(f"x({self.bits(bits)})")

    def bits(self, text: str) -> str:
        """The name of constant bits, one for all functions."""
        return self.shared((text,), lambda: Bits(text))

    def shared(self, key: tuple[object, ...], make: Callable[[], Any]) -> str:
        """The name of what ``make`` returns, one for all functions that ask by the same key."""
        if key not in self._shared:
            self._shared[key] = self.constant(make())
        return self._shared[key]

    def constant(self, value: Any) -> str:
        """Give ``value`` a name in the function."""
        name = f"c{next(_NUMBERS)}"
        self._names[name] = value
        return name


class _TypeSource:
    """The lines that write the content of one type, an object that the variable ``o`` holds."""

    def __init__(self, writers: Writers, source: Source, type_name: str, o: str) -> None:
        self._writers = writers
        self._grammars = writers.grammars
        self._source = source
        self._o = o
        self._binding = writers.bindings[type_name]
        attributes = self._grammars.attributes_of(type_name)
        particles = self._grammars.particles_of(type_name)
        namespace = self._grammars.schema.namespace
        # What can be met, in order; the place here is the place in tuples of codes. The end is the last.
        self._slots: list[tuple[Kind, QName | None]] = [
            *((Kind.ATTRIBUTE, QName("", one.name)) for one in attributes),
            *((Kind.START, QName(namespace, one.name)) for one in particles),
            (Kind.END, None),
        ]
        self._fields: list[tuple[int, Field, FieldBinding]] = []
        fields: list[Field] = [*attributes, *particles]
        for slot, one in enumerate(fields):
            is_attribute = isinstance(one, AttributeUse)
            bound = (self._binding.attributes if is_attribute else self._binding.elements).get(one.name)
            if bound is not None:
                self._fields.append((slot, one, bound))
        self._tables: dict[Place, str] = {}
        self._places: list[Place] = [(self._grammars.first(type_name), False)]

    def optional(self) -> list[tuple[int, Field, FieldBinding]]:
        """The fields that may be absent."""
        return [
            (slot, one, bound)
            for slot, one, bound in self._fields
            if bound.fallback is None and not _is_required(one) and not _is_repeated(one)
        ]

    def write(self, shape: Shape | None, other: str) -> None:
        """Add all lines; the bits that end the element stay to be flushed."""
        optional = {slot for slot, _, _ in self.optional()}
        present = set(optional)
        if shape is not None:
            present = {slot for slot, is_set in zip(sorted(optional), shape, strict=True) if is_set}
        for slot, one, bound in self._fields:
            if not _is_repeated(one):
                self._source.line(f"{self._o}{slot} = {self._o}.{bound.attr}")
        if shape is not None and optional:
            tests = [
                f"{self._o}{slot} is {'None' if slot in present else 'not None'}" for slot in sorted(optional)
            ]
            self._source.line(f"if {' or '.join(tests)}:")
            self._source.line(f"    return {other}({self._o}, x, b, t)")
        for attr in self._binding.beyond:
            self._source.line(f"if {self._o}.{attr} is not None and {self._o}.{attr} != (): raise NotPlain")
        for slot, one, bound in self._fields:
            if isinstance(one, Particle) and _is_repeated(one):
                self._repeated(slot, one, bound)
            elif slot in optional and shape is None:
                self._optional(slot, one, bound)
            elif slot in present or slot not in optional:
                self._required(slot, one, bound)
        self._add_code(len(self._slots) - 1)

    def _required(self, slot: int, one: Field, bound: FieldBinding) -> None:
        value = f"{self._o}{slot}"
        if bound.fallback is not None:
            self._source.line(f"if {value} is None: {value} = {self._source.constant(bound.fallback)}")
        after = self._after(slot)
        self._add_code(slot)
        self._value(slot, one, bound, value)
        self._places = [after]

    def _optional(self, slot: int, one: Field, bound: FieldBinding) -> None:
        value = f"{self._o}{slot}"
        after = self._after(slot)
        self._settle()
        self._source.line(f"if {value} is not None:")
        self._source.indent += 1
        self._add_code(slot)
        self._value(slot, one, bound, value)
        self._source.flush()
        self._source.line(f"p = {self._table(after)}")
        self._source.indent -= 1
        self._places.append(after)

    def _repeated(self, slot: int, one: Particle, bound: FieldBinding) -> None:
        """Write a loop. Each turn has its own codes until a state leads to itself, or to no further turn."""
        turns = self._turns(slot)
        self._settle()
        value = f"{self._o}{slot}"
        values = f"{self._o}.{bound.attr}"
        is_same = one.max_occurs is None and len(turns) == 1
        self._source.line(
            f"for {value} in {values}:" if is_same else f"for n, {value} in enumerate({values}):"
        )
        self._source.indent += 1
        self._source.line(f"x(p[{slot}])")
        self._value(slot, one, bound, value)
        self._source.flush()
        if is_same:
            self._source.line(f"p = {self._table(turns[0])}")
        else:
            tables = self._source.constant(tuple(_as_bits(self._codes(turn)) for turn in turns))
            self._source.line(f"p = {tables}[{'n' if one.max_occurs else f'min(n, {len(turns) - 1})'}]")
        self._source.indent -= 1
        self._places += turns

    def _value(self, slot: int, one: Field, bound: FieldBinding, value: str) -> None:
        """Check a value and write it with the bits before it; a child by its own lines or function."""
        if bound.from_object is not None:
            self._source.line(f"{value} = {self._source.constant(bound.from_object)}({value})")
        if isinstance(one, Particle) and not self._grammars.is_simple(one.type):
            self._child(one, value)
            return
        if self._grammars.attributes_of(one.type):
            raise NotPlain
        facets = facets_of(self._grammars.schema, one.type)
        if facets.primitive == "integer":
            self._integer(facets, value)
        elif facets.primitive == "boolean":
            before = self._source.take()
            both = self._table_of(before, 0, 1, 1)
            self._source.line(f"if {value} is not True and {value} is not False: raise NotPlain")
            self._source.line(f"x({both}[{value}])")
        else:
            self._octets(slot, facets, value)

    def _integer(self, facets: Facets, value: str) -> None:
        source, datatype = self._source, facets.datatype
        if isinstance(datatype, NBitType):
            table = self._table_of(source.take(), datatype.low, datatype.high, datatype.width)
            source.line(f"x({table}[{value}])")
            return
        most = f" <= {facets.high}" if facets.high is not None else ""
        if isinstance(datatype, UnsignedType):
            source.flush()
            if not facets.low:
                source.line(f"if 0 <= {value} < 16384{most}: b(small[{value}])")
            source.line(
                f"{'if' if facets.low else 'elif'} {facets.low} <= {value}{most}: b(unsigned({value}))"
            )
            source.line("else: raise NotPlain")
            return
        before = source.take()
        positive, negative = source.bits(f"{before}0"), source.bits(f"{before}1")
        least = f"{facets.low} <= " if facets.low is not None else ""
        smallest = -16384 if facets.low is None else max(-16384, facets.low)
        source.line(f"if 0 <= {value} < 16384{most}: x({positive}); b(small[{value}])")
        if facets.high is None or facets.high >= _TIMES[-1]:
            between = f"{_TIMES[0]} <= {value} <= {_TIMES[-1]}"
            source.line(f"elif {between}: x({positive}); b({_TIME.format(v=value)})")
        source.line(f"elif {smallest} <= {value} < 0: x({negative}); b(small[-1 - {value}])")
        source.line(f"elif 0 <= {value}{most}: x({positive}); b(unsigned({value}))")
        source.line(f"elif {least}{value} < 0: x({negative}); b(unsigned(-1 - {value}))")
        source.line("else: raise NotPlain")

    def _octets(self, slot: int, facets: Facets, value: str) -> None:
        """Write text or octets; what is empty as an element has another code instead of the start of text."""
        source = self._source
        kind, name = self._slots[slot]
        most = facets.max_length if facets.max_length is not None else _UNBOUNDED
        lengths = (0, min(most, OCTETS_MAX), 8)
        if kind is Kind.ATTRIBUTE and facets.primitive == "hexBinary":
            source.line(f"x({self._table_of(source.take(), *lengths)}[len({value})]); b({value})")
            return
        if kind is Kind.ATTRIBUTE:
            source.flush()
            source.line(f"t.write({value}, {self._writers.key(name)}, {most})")
            return
        before = source.take()
        # The last bit of NO_TEXT is the end of the element, as it is after a text.
        nothing = source.bits(f"{before}{NO_TEXT[:-1]}")
        if facets.primitive == "hexBinary":
            starts = self._table_of(f"{before}{TEXT}", *lengths)
            source.line(f"if {value}: x({starts}[len({value})]); b({value})")
        else:
            start = source.bits(f"{before}{TEXT}")
            source.line(f"if {value}: x({start}); t.write({value}, {self._writers.key(name)}, {most})")
        source.line(f"else: x({nothing})")

    def _table_of(self, before: str, low: int, high: int, width: int) -> str:
        """The name of a table: the bits of each number from ``low`` to ``high``, with those before it."""

        def make() -> dict[int, Bits]:
            numbers = range(low, high + 1)
            return {number: Bits(f"{before}{bits_of(number - low, width)}") for number in numbers}

        return self._source.shared((before, low, high, width), make)

    def _child(self, one: Particle, value: str) -> None:
        binding = self._writers.bindings.get(one.type)
        if binding is None:
            raise NotPlain
        derived = self._writers.derived(one.type)
        if len(derived) > 1:
            self._source.flush()
            self._source.line(f"bits, write = {self._source.constant(derived)}[{value}.__class__]")
            self._source.line("x(bits)")
            self._source.line(f"write({value}, x, b, t)")
            return
        expected = self._source.constant(binding.factory)
        self._source.line(f"if {value}.__class__ is not {expected}: raise NotPlain")
        if self._is_flat(one.type):
            _TypeSource(self._writers, self._source, one.type, value).write(None, "")
        else:
            self._source.flush()
            self._source.line(f"{self._writers.name(one.type)}({value}, x, b, t)")

    def _is_flat(self, type_name: str) -> bool:
        """Whether a type is a few required simple elements, so that a function of its own would not pay."""
        particles = self._grammars.particles_of(type_name)
        return (
            not self._grammars.attributes_of(type_name)
            and not self._writers.bindings[type_name].beyond
            and all(one.min_occurs == one.max_occurs == 1 for one in particles)
            and all(self._grammars.is_simple(one.type) for one in particles)
        )

    def _settle(self) -> None:
        """Before several states become possible: hold the codes of the one there is in ``p``."""
        self._source.flush()
        if len(self._places) == 1:
            self._source.line(f"p = {self._table(self._places[0])}")

    def _add_code(self, slot: int) -> None:
        """Add what to write before a slot: as bits if the state is known, else from ``p``."""
        if len(self._places) > 1:
            self._source.line(f"x(p[{slot}])")
            return
        code = self._codes(self._places[0])[slot]
        if code is None:
            raise NotPlain
        self._source.add(code)

    def _after(self, slot: int) -> Place:
        """The place after a slot, which is the same from every state before it."""
        for state, _ in self._places:
            production = self._production(state, slot)
            if production is not None and production.next is not None:
                return production.next, self._is_text(production)
        raise NotPlain

    def _turns(self, slot: int) -> list[Place]:
        """Places after one, two, ... occurrences."""
        turns = [self._after(slot)]
        while True:
            state, is_open = turns[-1]
            production = self._production(state, slot)
            if production is None or production.next is None or production.next is state:
                return turns
            turns.append((production.next, is_open))

    def _production(self, state: State, slot: int) -> Production | None:
        code = state.codes.get(self._slots[slot])
        return None if code is None else state.productions[code]

    def _is_text(self, production: Production) -> bool:
        """Whether it starts a simple element, whose end is left to whatever is written next."""
        return production.type is not None and self._grammars.is_simple(production.type)

    def _codes(self, place: Place) -> tuple[str | None, ...]:
        """What to write before each slot."""
        state, is_open = place
        codes: list[str | None] = []
        for slot in range(len(self._slots)):
            production = self._production(state, slot)
            if production is None:
                codes.append(None)
                continue
            bits = END_OF_TEXT if is_open else ""
            bits += bits_of(state.productions.index(production), state.width)
            if production.type is not None and self._is_text(production):
                primitive = facets_of(self._grammars.schema, production.type).primitive
                bits += "" if primitive in _MAY_BE_EMPTY else TEXT
            codes.append(bits)
        return tuple(codes)

    def _table(self, place: Place) -> str:
        """The name of the constant with the codes of a place."""
        if place not in self._tables:
            self._tables[place] = self._source.constant(_as_bits(self._codes(place)))
        return self._tables[place]


def _is_required(one: Field) -> bool:
    return one.required if isinstance(one, AttributeUse) else one.min_occurs > 0


def _is_repeated(one: Field) -> bool:
    return isinstance(one, Particle) and one.max_occurs != 1


def _as_bits(codes: tuple[str | None, ...]) -> tuple[Bits | None, ...]:
    return tuple(None if code is None else Bits(code) for code in codes)
