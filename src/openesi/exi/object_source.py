"""Makes the function that writes objects of one type: Python source from the grammar, compiled once.

Where the grammar is in one state only, the event codes are known when the function is made and stand in it
as text. Where optional fields leave several, the variable ``p`` has the codes of the state that was reached:
``p[n]`` is what to write before field n, and None if field n cannot come there.

The source is made from the schema alone; no text from outside enters it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from openesi.exi.binding import FieldBinding, NotPlain
from openesi.exi.datatypes import Facets, NBitType, UnsignedType, facets_of
from openesi.exi.grammar import Kind, Production, State
from openesi.exi.object_bits import END_OF_TEXT, HELPERS, TEXT, Strings, bits_of
from openesi.exi.schema import AttributeUse, Particle, QName

if TYPE_CHECKING:
    from openesi.exi.object_writer import Writers

Append: TypeAlias = Callable[[str], None]
Write: TypeAlias = Callable[[Any, Append, Strings], None]
Place: TypeAlias = tuple[State, bool]
"""A state, and whether the end of a text is still to be written before its code."""

_UNBOUNDED = 1 << 30
# Their functions write the end of the element too, as an element without text has no start of text.
_MAY_BE_EMPTY = frozenset({"string", "anyURI", "hexBinary"})


def make_writer(writers: Writers, type_name: str) -> Write:
    """Return ``write(o, a, t)``, which appends the bits of ``o`` by ``a`` with the string tables ``t``.

    Raises:
        NotPlain: for a type whose grammar or binding does not fit.
    """
    source = _Source()
    source.line("def write(o, a, t):")
    source.indent += 1
    _TypeSource(writers, source, type_name, "o").write()
    source.flush()
    exec("\n".join(source.lines), source.names)  # noqa: S102 (made from the schema, see above)
    write: Write = source.names["write"]
    return write


class _Source:
    """Lines of the function, the constants they name, and bits that are not yet in a line."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.names: dict[str, Any] = {"NotPlain": NotPlain, **HELPERS}
        self.indent = 0
        self._bits: list[str] = []

    def line(self, text: str) -> None:
        self.lines.append(f"{'    ' * self.indent}{text}")

    def add(self, bits: str) -> None:
        """Add bits to be written: text of 0 and 1, or an expression in braces."""
        self._bits.append(bits)

    def flush(self) -> None:
        """Write the bits added so far."""
        if len(self._bits) == 1 and self._bits[0].startswith("{"):
            self.line(f"a({self._bits[0][1:-1]})")
        elif self._bits:
            text = "".join(self._bits)
            self.line(f'a({"f" if "{" in text else ""}"{text}")')
        self._bits.clear()

    def constant(self, value: Any) -> str:
        """Give ``value`` a name in the function."""
        name = f"c{len(self.names)}"
        self.names[name] = value
        return name


class _TypeSource:
    """The lines that write the content of one type, an object that the variable ``o`` holds."""

    def __init__(self, writers: Writers, source: _Source, type_name: str, o: str) -> None:
        self._writers = writers
        self._grammars = writers.grammars
        self._source = source
        self._o = o
        self._binding = writers.bindings[type_name]
        self._attributes = self._grammars.attributes_of(type_name)
        self._particles = self._grammars.particles_of(type_name)
        namespace = self._grammars.schema.namespace
        # What can be met, in order; the place here is the place in tuples of codes. The end is the last.
        self._slots: list[tuple[Kind, QName | None]] = [
            *((Kind.ATTRIBUTE, QName("", one.name)) for one in self._attributes),
            *((Kind.START, QName(namespace, one.name)) for one in self._particles),
            (Kind.END, None),
        ]
        self._tables: dict[Place, str] = {}
        self._places: list[Place] = [(self._grammars.first(type_name), False)]

    def write(self) -> None:
        """Add all lines; the bits that end the element stay to be flushed."""
        for attr in self._binding.beyond:
            self._source.line(f"if {self._o}.{attr} is not None and {self._o}.{attr} != (): raise NotPlain")
        fields: list[AttributeUse | Particle] = [*self._attributes, *self._particles]
        for slot, one in enumerate(fields):
            is_attribute = isinstance(one, AttributeUse)
            bound = (self._binding.attributes if is_attribute else self._binding.elements).get(one.name)
            if bound is None:
                continue
            if isinstance(one, Particle) and one.max_occurs != 1:
                self._repeated(slot, one, bound)
            elif one.required if isinstance(one, AttributeUse) else one.min_occurs:
                self._required(slot, one, bound)
            else:
                self._optional(slot, one, bound)
        self._add_code(len(self._slots) - 1)

    def _required(self, slot: int, one: AttributeUse | Particle, bound: FieldBinding) -> None:
        value = self._fetch(slot, bound)
        self._add_code(slot)
        self._value(slot, one, bound, value)
        self._places = [self._after(slot)]

    def _optional(self, slot: int, one: AttributeUse | Particle, bound: FieldBinding) -> None:
        after = self._after(slot)
        self._settle()
        value = self._fetch(slot, bound)
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
        self._source.add(f"{{p[{slot}]}}")
        self._value(slot, one, bound, value)
        self._source.flush()
        if is_same:
            self._source.line(f"p = {self._table(turns[0])}")
        else:
            tables = self._source.constant(tuple(self._codes(turn) for turn in turns))
            self._source.line(f"p = {tables}[{'n' if one.max_occurs else f'min(n, {len(turns) - 1})'}]")
        self._source.indent -= 1
        self._places += turns

    def _fetch(self, slot: int, bound: FieldBinding) -> str:
        value = f"{self._o}{slot}"
        self._source.line(f"{value} = {self._o}.{bound.attr}")
        if bound.fallback is not None:
            self._source.line(f"if {value} is None: {value} = {self._source.constant(bound.fallback)}")
        return value

    def _value(self, slot: int, one: AttributeUse | Particle, bound: FieldBinding, value: str) -> None:
        """Check a value and add its bits, those of a child element by its own lines or function."""
        if bound.from_object is not None:
            self._source.line(f"{value} = {self._source.constant(bound.from_object)}({value})")
        if isinstance(one, AttributeUse) or self._grammars.is_simple(one.type):
            self._simple(slot, one, value)
        else:
            self._child(one, value)

    def _simple(self, slot: int, one: AttributeUse | Particle, value: str) -> None:
        if self._grammars.attributes_of(one.type):
            raise NotPlain
        facets = facets_of(self._grammars.schema, one.type)
        self._source.add(f"{{{self._shown(slot, facets, value)}}}")

    def _shown(self, slot: int, facets: Facets, value: str) -> str:
        """Check a simple value and return the expression that gives its bits."""
        source, datatype = self._source, facets.datatype
        if isinstance(datatype, NBitType):
            low, high = datatype.low, datatype.high
            table = {number: bits_of(number - low, datatype.width) for number in range(low, high + 1)}
            return f"{source.constant(table)}[{value}]"
        if facets.primitive == "integer":
            bounds = f"{facets.low} <= {value}" if facets.low is not None else "True"
            bounds += f" <= {facets.high}" if facets.high is not None else ""
            source.line(f"if not {bounds}: raise NotPlain")
            if isinstance(datatype, UnsignedType):
                return f"small[{value}] if {value} < 16384 else unsigned({value})"
            return f"integer({value})"
        if facets.primitive == "boolean":
            source.line(f"if {value} is not True and {value} is not False: raise NotPlain")
            return f"'1' if {value} else '0'"
        kind, name = self._slots[slot]
        is_attribute = kind is Kind.ATTRIBUTE
        most = facets.max_length if facets.max_length is not None else _UNBOUNDED
        if facets.primitive == "hexBinary":
            source.line(f"if len({value}) > {most}: raise NotPlain")
            return f"binary({value})" if is_attribute else f"binary_element({value})"
        method = "attribute" if is_attribute else "element"
        return f"t.{method}({value}, {self._writers.key(name)}, {most})"

    def _child(self, one: Particle, value: str) -> None:
        binding = self._writers.bindings.get(one.type)
        if binding is None:
            raise NotPlain
        derived = self._writers.derived(one.type)
        if len(derived) > 1:
            self._source.flush()
            self._source.line(f"bits, write = {self._source.constant(derived)}[{value}.__class__]")
            self._source.line("a(bits)")
            self._source.line(f"write({value}, a, t)")
            return
        expected = self._source.constant(binding.factory)
        self._source.line(f"if {value}.__class__ is not {expected}: raise NotPlain")
        if self._is_flat(one.type):
            _TypeSource(self._writers, self._source, one.type, value).write()
        else:
            self._source.flush()
            self._source.line(f"{self._source.constant(self._writers.writer(one.type))}({value}, a, t)")

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
        """Add what to write before a slot: as text if the state is known, else from ``p``."""
        if len(self._places) > 1:
            self._source.add(f"{{p[{slot}]}}")
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
                return production.next, self._has_open_end(production)
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

    def _has_open_end(self, production: Production) -> bool:
        """Whether an element's end is left to whatever is written next."""
        if production.type is None or not self._grammars.is_simple(production.type):
            return False
        return facets_of(self._grammars.schema, production.type).primitive not in _MAY_BE_EMPTY

    def _codes(self, place: Place) -> tuple[str | None, ...]:
        """What to write before each slot."""
        state, is_open = place
        codes: list[str | None] = []
        for slot in range(len(self._slots)):
            production = self._production(state, slot)
            if production is None:
                codes.append(None)
                continue
            code = bits_of(state.productions.index(production), state.width)
            text = TEXT if self._has_open_end(production) else ""
            codes.append(f"{END_OF_TEXT if is_open else ''}{code}{text}")
        return tuple(codes)

    def _table(self, place: Place) -> str:
        """The name of the constant with the codes of a place."""
        if place not in self._tables:
            self._tables[place] = self._source.constant(self._codes(place))
        return self._tables[place]
