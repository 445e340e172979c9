"""Streams to events: follows the grammars, whatever the document (EXI 1.0, 8.4 and 8.5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from openesi.exi.bits import BitReader, width_of
from openesi.exi.builtin import BuiltInGrammar, BuiltInState
from openesi.exi.datatypes import STRING
from openesi.exi.errors import ExiDecodeError, ExiLimitError
from openesi.exi.events import Attribute, Characters, EndElement, Event, StartElement
from openesi.exi.grammar import Grammars, Kind, State
from openesi.exi.limits import DEFAULT_LIMITS, Limits
from openesi.exi.schema import XSI_NIL, XSI_TYPE, QName
from openesi.exi.strings import DecodedStrings, Names

Step = tuple[Kind, Event]


def decode_events(
    data: bytes, grammars: Grammars, *, position: int = 0, limits: Limits = DEFAULT_LIMITS
) -> Iterator[Event]:
    """Read a body as events; ``position`` is its first bit (``Header.body``).

    Octets after the document are not looked at.

    Raises:
        ExiDecodeError: while iterating, at the first bits that the grammars do not allow.
        ExiLimitError: when ``limits`` are passed.
    """
    check_size(data, limits)
    return (event for _, event in Decoder(BitReader(data, position), grammars, limits).steps())


def check_size(data: bytes, limits: Limits) -> None:
    """Refuse more input than the limits allow.

    Raises:
        ExiLimitError: if it is more.
    """
    if len(data) > limits.input_max_octets:
        msg = f"{len(data)} octets, more than the {limits.input_max_octets} allowed"
        raise ExiLimitError(msg)


@dataclass(slots=True, eq=False)
class _Open:
    """An element that is open: where its grammar is, and what it had so far."""

    name: QName
    type: str | None
    state: State | BuiltInState
    built_in: BuiltInGrammar | None = None
    attributes: set[QName] = field(default_factory=set)


class Decoder:
    """One stream being read; ``steps`` gives each event with the production it came by."""

    def __init__(self, reader: BitReader, grammars: Grammars, limits: Limits) -> None:
        self._reader = reader
        self._grammars = grammars
        self._limits = limits
        self._names = Names(grammars.names, limits.names_max)
        self._strings = DecodedStrings(limits)
        self._built_in: dict[QName, BuiltInGrammar] = {}
        self._stack: list[_Open] = []
        self._values_left = limits.values_max
        self._chars_left = limits.output_max_chars

    def steps(self) -> Iterator[Step]:
        """Read the document, one event at a time."""
        try:
            yield self._root()
            while self._stack:
                step = self._step()
                self._charge(step[1])
                yield step
        except ExiDecodeError as error:
            raise error.located(self.path) from None

    @property
    def path(self) -> str:
        """Where in the document the reader is."""
        return "/".join(one.name.local for one in self._stack)

    def _charge(self, event: Event) -> None:
        """Count what an event adds to the output, and stop when it is too much."""
        if isinstance(event, EndElement):
            return
        self._values_left -= 1
        if isinstance(event, StartElement):
            self._chars_left -= 2 * len(event.name.local)
        elif isinstance(event, Characters):
            self._chars_left -= len(event.text)
        else:
            self._chars_left -= len(event.name.local) + sum(map(len, event.value))
        if self._values_left < 0:
            msg = f"more than {self._limits.values_max} elements, attributes and texts"
            raise ExiLimitError(msg)
        if self._chars_left < 0:
            msg = f"a document of more than {self._limits.output_max_chars} characters"
            raise ExiLimitError(msg)

    def _root(self) -> Step:
        grammars = self._grammars
        code = self._reader.code(grammars.document_width)
        if code < len(grammars.globals):
            name = QName(grammars.schema.namespace, grammars.globals[code])
            return Kind.START, self._open(name)
        if code > len(grammars.globals):
            msg = f"document element {code}, but the schema has {len(grammars.globals)}"
            raise ExiDecodeError(msg)
        return Kind.ANY_START, self._open(self._name())

    def _step(self) -> Step:
        element = self._stack[-1]
        state = element.state
        if isinstance(state, BuiltInState):
            return self._built_in_step(element, state)
        code = self._reader.code(state.width)
        if code < len(state.productions):
            return self._declared(element, state, code)
        if code > len(state.productions) or not state.second:
            msg = f"event code {code}, but only {len(state.productions)} are possible here"
            raise ExiDecodeError(msg)
        second = self._reader.code(state.second_width)
        if second >= len(state.second):
            msg = f"event code {code}.{second}, but only {len(state.second)} are possible here"
            raise ExiDecodeError(msg)
        return self._deviation(element, state, state.second[second])

    def _declared(self, element: _Open, state: State, code: int) -> Step:
        production = state.productions[code]
        kind = production.kind
        if kind is Kind.END:
            return kind, self._end()
        if production.next is not None:
            element.state = production.next
        if kind is Kind.CHARACTERS:
            return kind, Characters(production.datatype.decode(self._reader, self._strings, element.name))
        name = production.name or element.name
        if kind is Kind.START:
            return kind, self._open(name, production.type)
        value = production.datatype.decode(self._reader, self._strings, name)
        return kind, self._attribute(element, name, value)

    def _deviation(self, element: _Open, state: State, kind: Kind) -> Step:
        if kind is Kind.UNDECLARED_END:
            return kind, self._end()
        if kind is Kind.XSI_TYPE:
            return kind, self._xsi_type(element)
        if kind is Kind.XSI_NIL:
            nil = self._reader.boolean()
            if nil:
                element.state = self._grammars.empty(element.type or "")
            return kind, self._attribute(element, XSI_NIL, "true" if nil else "false")
        if kind is Kind.UNDECLARED_ATTRIBUTE:
            return kind, self._any_attribute(element)
        if kind is Kind.INVALID_ATTRIBUTE:
            declared = state.attributes
            index = self._reader.code(width_of(len(declared) + 1))
            if index == len(declared):
                return kind, self._any_attribute(element)
            if index > len(declared):
                msg = f"attribute {index} of {len(declared)}"
                raise ExiDecodeError(msg)
            element.state = declared[index].next or state
            name = declared[index].name or element.name
            return kind, self._attribute(element, name, self._string(name))
        element.state = state.content
        if kind is Kind.UNDECLARED_CHARACTERS:
            return kind, Characters(self._string(element.name))
        return kind, self._open(self._name())

    def _built_in_step(self, element: _Open, state: BuiltInState) -> Step:
        code = self._reader.code(state.width)
        name: QName | None
        if code < len(state.learned):
            kind, name = state.production(code)
            plain = kind
        elif code > len(state.learned):
            msg = f"event code {code}, but only {len(state.learned)} are possible here"
            raise ExiDecodeError(msg)
        else:
            second = self._reader.code(state.second_width)
            kind, name = state.second[second], None
            plain = _LEARNED_AS[kind]
            if plain in (Kind.ATTRIBUTE, Kind.START):
                name = self._name()
            state.learn(plain, name)
        if plain is Kind.END:
            return kind, self._end()
        if plain is Kind.ATTRIBUTE and name is not None:
            if name == XSI_TYPE:
                return kind, self._xsi_type(element)
            return kind, self._attribute(element, name, self._string(name))
        if element.built_in is not None:
            element.state = element.built_in.content
        if plain is Kind.CHARACTERS:
            return kind, Characters(self._string(element.name))
        return kind, self._open(name or element.name)

    def _open(self, name: QName, type_name: str | None = None) -> StartElement:
        if len(self._stack) >= self._limits.depth_max:
            msg = f"elements nested more than {self._limits.depth_max} deep"
            raise ExiLimitError(msg)
        type_name = type_name or self._grammars.global_type(name)
        if type_name is not None:
            self._stack.append(_Open(name, type_name, self._grammars.first(type_name)))
        else:
            grammar = self._built_in.setdefault(name, BuiltInGrammar())
            self._stack.append(_Open(name, None, grammar.start, grammar))
        return StartElement(name)

    def _end(self) -> EndElement:
        self._stack.pop()
        return EndElement()

    def _xsi_type(self, element: _Open) -> Attribute:
        value = self._name()
        known = self._grammars.named_type(value)
        element.type = known or element.type
        if element.type is not None:
            element.state = self._grammars.first(element.type, after_type=True)
        return self._attribute(element, XSI_TYPE, value)

    def _any_attribute(self, element: _Open) -> Attribute:
        name = self._name()
        if name in (XSI_TYPE, XSI_NIL):
            msg = f"xsi:{name.local} sent as an attribute that the schema does not have"
            raise ExiDecodeError(msg)
        return self._attribute(element, name, self._string(name))

    def _attribute(self, element: _Open, name: QName, value: str | QName) -> Attribute:
        if name in element.attributes:
            msg = f"attribute {name} twice"
            raise ExiDecodeError(msg)
        element.attributes.add(name)
        return Attribute(name, value)

    def _name(self) -> QName:
        return self._names.decode(self._reader, self._limits)

    def _string(self, name: QName) -> str:
        return STRING.decode(self._reader, self._strings, name)


_LEARNED_AS = {
    Kind.UNDECLARED_END: Kind.END,
    Kind.UNDECLARED_ATTRIBUTE: Kind.ATTRIBUTE,
    Kind.UNDECLARED_START: Kind.START,
    Kind.UNDECLARED_CHARACTERS: Kind.CHARACTERS,
}
