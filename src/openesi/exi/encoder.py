"""Events to streams: first-level codes where the schema foresees an event, else deviations (EXI 1.0, 8)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from openesi.exi.bits import XML_SPACE, BitWriter, pack, width_of
from openesi.exi.builtin import BuiltInGrammar, BuiltInState
from openesi.exi.datatypes import BOOLEAN
from openesi.exi.errors import ExiEncodeError
from openesi.exi.events import Attribute, Characters, Event, StartElement
from openesi.exi.grammar import Grammars, Kind, State
from openesi.exi.header import header_bits
from openesi.exi.schema import XSI_NIL, XSI_TYPE, QName
from openesi.exi.strings import EncodedStrings, Names


def encode_events(events: Iterable[Event], grammars: Grammars, *, schema_id: str | None = None) -> bytes:
    """Write a document as a stream, with ``schema_id`` in the header if there is one.

    Text of white space alone is dropped where no text belongs: between elements, and in elements whose type
    is neither text nor unknown.

    Raises:
        ExiEncodeError: for a document that strict grammars do not allow, and events that make none.
    """
    writer = BitWriter(header_bits(schema_id, strict=grammars.strict))
    encoder = Encoder(writer, grammars)
    for event in events:
        encoder.add(event)
    encoder.finish()
    return pack(writer.bits())


@dataclass(slots=True, eq=False)
class _Open:
    """An element that is open: where its grammar is, and whether it had a child."""

    name: QName
    type: str | None
    state: State | BuiltInState
    built_in: BuiltInGrammar | None = None
    has_child: bool = False


class Encoder:
    """One stream being written, event by event."""

    def __init__(self, writer: BitWriter, grammars: Grammars) -> None:
        self._writer = writer
        self._grammars = grammars
        # The names are the writer's own, so their number needs no bound but memory.
        self._names = Names(grammars.names, names_max=1 << 31)
        self._strings = EncodedStrings()
        self._built_in: dict[QName, BuiltInGrammar] = {}
        self._stack: list[_Open] = []
        self._attributes: list[Attribute] = []
        self._in_tag = False
        self._text: list[str] = []
        self._done = False

    def add(self, event: Event) -> None:
        """Take the next event; attributes are held back until all of a tag are there, to be sorted."""
        if isinstance(event, Attribute):
            if not self._in_tag:
                raise self._error("an attribute after the content has begun")
            self._attributes.append(event)
            return
        if self._in_tag:
            self._write_attributes()
        if isinstance(event, Characters):
            self._text.append(event.text)
            return
        is_start = isinstance(event, StartElement)
        if self._stack:
            self._write_text(is_leaf=not is_start and not self._stack[-1].has_child)
        if isinstance(event, StartElement):
            self._start(event.name)
            self._in_tag = True
        else:
            self._end()

    def finish(self) -> None:
        """Check that the document is complete.

        Raises:
            ExiEncodeError: if it is not.
        """
        if self._stack or not self._done:
            raise self._error("the document is not complete")

    def _error(self, message: str) -> ExiEncodeError:
        return ExiEncodeError(message, path="/".join(one.name.local for one in self._stack))

    def _start(self, name: QName) -> None:
        if not self._stack:
            self._root(name)
            return
        parent = self._stack[-1]
        parent.has_child = True
        state = parent.state
        if isinstance(state, BuiltInState):
            self._learned_code(state, Kind.START, Kind.UNDECLARED_START, name)
            self._to_content(parent)
            self._open(name)
            return
        code = state.codes.get((Kind.START, name))
        if code is not None:
            self._writer.nbit(code, state.width)
            production = state.productions[code]
            parent.state = production.next or state
            self._open(name, production.type)
            return
        self._escape(state, Kind.UNDECLARED_START, f"element {name}")
        self._names.encode(name, self._writer)
        parent.state = state.content
        self._open(name)

    def _root(self, name: QName) -> None:
        if self._done:
            raise self._error("a second document element")
        self._done = True
        known = self._grammars.global_type(name) is not None
        code = self._grammars.global_codes[name.local] if known else len(self._grammars.globals)
        self._writer.nbit(code, self._grammars.document_width)
        if not known:
            self._names.encode(name, self._writer)
        self._open(name)

    def _open(self, name: QName, type_name: str | None = None) -> None:
        type_name = type_name or self._grammars.global_type(name)
        if type_name is not None:
            self._stack.append(_Open(name, type_name, self._grammars.first(type_name)))
        else:
            grammar = self._built_in.setdefault(name, BuiltInGrammar())
            self._stack.append(_Open(name, None, grammar.start, grammar))

    def _write_attributes(self) -> None:
        self._in_tag = False
        if not self._attributes:
            return
        pending = {one.name: one.value for one in self._attributes}
        if len(pending) < len(self._attributes):
            raise self._error("an attribute twice")
        self._attributes.clear()
        element = self._stack[-1]
        type_name = pending.pop(XSI_TYPE, None)
        if type_name is not None:
            self._write_xsi_type(element, type_name)
        nil = pending.pop(XSI_NIL, None) if element.built_in is None else None
        if nil is not None:
            self._write_xsi_nil(element, nil)
        for name in sorted(pending, key=lambda one: (one.local, one.uri)):
            value = pending[name]
            if isinstance(value, QName):
                raise self._error(f"attribute {name} has a name for a value, which only xsi:type can have")
            self._write_attribute(element, name, value)

    def _write_attribute(self, element: _Open, name: QName, value: str) -> None:
        state = element.state
        if isinstance(state, BuiltInState):
            self._learned_code(state, Kind.ATTRIBUTE, Kind.UNDECLARED_ATTRIBUTE, name)
            self._strings.encode(value, self._writer, name)
            return
        code = state.codes.get((Kind.ATTRIBUTE, name))
        if code is None:
            self._escape(state, Kind.UNDECLARED_ATTRIBUTE, f"attribute {name}")
            self._names.encode(name, self._writer)
            self._strings.encode(value, self._writer, name)
            return
        production = state.productions[code]
        element.state = production.next or state
        if production.datatype.takes(value):
            self._writer.nbit(code, state.width)
            production.datatype.encode(value, self._writer, self._strings, name)
            return
        self._escape(state, Kind.INVALID_ATTRIBUTE, f"the value {value!r} of attribute {name}")
        # Attributes come first among the productions, so the code is their index too.
        self._writer.nbit(code, width_of(len(state.attributes) + 1))
        self._strings.encode(value, self._writer, name)

    def _write_xsi_type(self, element: _Open, value: str | QName) -> None:
        if not isinstance(value, QName):
            raise self._error("the value of xsi:type must be a qualified name")
        if isinstance(element.state, BuiltInState):
            self._learned_code(element.state, Kind.ATTRIBUTE, Kind.UNDECLARED_ATTRIBUTE, XSI_TYPE)
        else:
            self._escape(element.state, Kind.XSI_TYPE, "xsi:type")
        self._names.encode(value, self._writer)
        element.type = self._grammars.named_type(value) or element.type
        if element.type is not None:
            element.state = self._grammars.first(element.type, after_type=True)
            element.built_in = None

    def _write_xsi_nil(self, element: _Open, value: str | QName) -> None:
        if isinstance(value, QName) or not BOOLEAN.takes(value) or isinstance(element.state, BuiltInState):
            raise self._error("xsi:nil must be true or false")
        self._escape(element.state, Kind.XSI_NIL, "xsi:nil")
        nil = value.strip(XML_SPACE) in {"true", "1"}
        self._writer.nbit(nil, 1)
        if nil:
            element.state = self._grammars.empty(element.type or "")

    def _write_text(self, *, is_leaf: bool) -> None:
        text = "".join(self._text)
        self._text.clear()
        if not text:
            return
        element = self._stack[-1]
        state = element.state
        is_blank = not text.strip(XML_SPACE)
        if isinstance(state, BuiltInState):
            if is_leaf or not is_blank:
                self._learned_code(state, Kind.CHARACTERS, Kind.UNDECLARED_CHARACTERS, None)
                self._strings.encode(text, self._writer, element.name)
                self._to_content(element)
            return
        code = state.codes.get((Kind.CHARACTERS, None))
        if code is not None and state.productions[code].datatype.takes(text):
            production = state.productions[code]
            self._writer.nbit(code, state.width)
            production.datatype.encode(text, self._writer, self._strings, element.name)
            element.state = production.next or state
        elif not is_blank:
            self._escape(state, Kind.UNDECLARED_CHARACTERS, f"the text {text!r}")
            self._strings.encode(text, self._writer, element.name)
            element.state = state.content

    def _end(self) -> None:
        if not self._stack:
            raise self._error("an end without a start")
        element = self._stack[-1]
        state = element.state
        if isinstance(state, BuiltInState):
            self._learned_code(state, Kind.END, Kind.UNDECLARED_END, None)
        else:
            self._declared_end(element, state)
        self._stack.pop()

    def _declared_end(self, element: _Open, state: State) -> None:
        text = state.codes.get((Kind.CHARACTERS, None))
        if text is not None and Kind.UNDECLARED_END not in state.second:
            production = state.productions[text]
            if production.datatype.takes(""):
                self._writer.nbit(text, state.width)
                production.datatype.encode("", self._writer, self._strings, element.name)
                state = production.next or state
        code = state.codes.get((Kind.END, None))
        if code is not None:
            self._writer.nbit(code, state.width)
        else:
            self._escape(state, Kind.UNDECLARED_END, "the end of an element that lacks something,")

    def _escape(self, state: State, kind: Kind, what: str) -> None:
        if kind not in state.second:
            raise self._error(f"{what} cannot be encoded with strict grammars")
        self._writer.nbit(len(state.productions), state.width)
        self._writer.nbit(state.second.index(kind), state.second_width)

    def _learned_code(self, state: BuiltInState, kind: Kind, deviation: Kind, name: QName | None) -> None:
        code = state.code(kind, name)
        if code is not None:
            self._writer.nbit(code, state.width)
            return
        self._writer.nbit(len(state.learned), state.width)
        self._writer.nbit(state.second.index(deviation), state.second_width)
        if name is not None:
            self._names.encode(name, self._writer)
        state.learn(kind, name)

    def _to_content(self, element: _Open) -> None:
        if element.built_in is not None:
            element.state = element.built_in.content
