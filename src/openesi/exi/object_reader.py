"""Streams to objects by tables: the next eight bits pick what to do.

A stream is not aligned to octets, but its parts are octets most of the time. So it is kept eight times,
shifted by 0 to 7 bits, and whatever begins at bit p is found as whole octets in copy ``p & 7`` from index
``p >> 3``. And because event codes are short, each state of a grammar has a table of 256 rows: the row for
the next eight bits tells how many of them are the event code (with the end of the element before it and the
start of the text after it, where both are plain), what value follows, and which table comes next.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from itertools import count
from typing import Any, Final, TypeAlias

from openesi.exi.binding import Convert, FieldBinding, NotPlain, TypeBinding
from openesi.exi.bits import XML_SPACE, bits_of, is_xml_char, width_of
from openesi.exi.datatypes import NBitType, UnsignedType, facets_of
from openesi.exi.grammar import Grammars, Kind, Production, State
from openesi.exi.limits import Limits
from openesi.exi.schema import QName

# What a row says to do; ordered as the reader asks.
(
    _UNSIGNED,
    _CHILD,
    _NBIT,
    _STRING,
    _VALUE,  # the row has the value: a boolean, or what has no text
    _END,
    _TYPE,  # an xsi:type: go on with the plan of that type
    _SKIP,  # nothing but to go on with the next table
    _BINARY,
    _NEGATIVE,  # an integer whose sign was in the row
    _WIDE,  # an n-bit integer of more than eight bits
    _NOT_PLAIN,
) = range(12)

_OCTET = 8
_ROWS = 256
_PADDING = bytes(64)  # lets a reader look ahead at the end; what is read there is found out afterwards
_ENDLESS = 1 << 70  # beyond what an integer can be here
# Before an element's text, after it, and instead of text that is empty: the end at the second level.
_TEXT, _END_OF_TEXT, _NO_TEXT = "0", "0", "1000"
_UNBOUNDED = 1 << 30  # as long as the stream and its limits allow
_SHORT = 125  # the longest string whose length takes one octet
_HIT_LOCAL, _HIT_GLOBAL, _MISS = 0, 1, 2

_NUMBERS = count()  # of names; two threads may make plans at the same time

Row: TypeAlias = tuple[int, int, str, Any, Any]
"""Bits to pass, what to do, the object's attribute, bounds or the like, the next table."""
Table: TypeAlias = list[Row]

_STOP: Final[Row] = (0, _NOT_PLAIN, "", None, None)


class Plan:
    """How to read elements of one type.

    Attributes:
        start: the table of the first state.
        after_type: the same once xsi:type has been read.
        factory: called with the values read.
        is_changed: whether values are to be changed before the factory sees them.
    """

    __slots__ = ("_converts", "_repeated", "after_type", "factory", "is_changed", "start")

    def __init__(self, binding: TypeBinding, repeated: tuple[str, ...]) -> None:
        fields = [*binding.elements.values(), *binding.attributes.values()]
        self.factory = binding.factory
        self.start: Table = []
        self.after_type: Table = []
        self._repeated = repeated
        self._converts: tuple[tuple[str, Convert], ...] = tuple(
            (one.attr, one.to_object) for one in fields if one.to_object is not None
        )
        self.is_changed = bool(self._repeated or self._converts)

    def change(self, values: dict[str, Any]) -> None:
        """Make lists tuples, and translate what is to be translated."""
        for attr in self._repeated:
            if attr in values:
                values[attr] = tuple(values[attr])
        for attr, convert in self._converts:
            if attr in values:
                values[attr] = convert(values[attr])


class Plans:
    """The plans of a schema's types, each made when first met."""

    def __init__(self, grammars: Grammars, bindings: Mapping[str, TypeBinding]) -> None:
        self.grammars = grammars
        self._bindings = bindings
        self._plans: dict[str, Plan | None] = {}
        self._keys: dict[QName, int] = {}

    def document(self, code: int) -> Plan:
        """The plan of the document element with this code. Raises NotPlain if there is none."""
        if code >= len(self.grammars.globals):
            raise NotPlain
        plan = self.plan(self.grammars.schema.elements[self.grammars.globals[code]])
        if plan is None:
            raise NotPlain
        return plan

    def plan(self, type_name: str) -> Plan | None:
        """The plan of a type, or None for one that is not bound or does not fit into tables."""
        if type_name not in self._plans:
            self._plans[type_name] = None
            binding = self._bindings.get(type_name)
            if binding is not None:
                self._plans[type_name] = _PlanMaker(self, type_name, binding).make()
        return self._plans[type_name]

    def key(self, name: QName) -> int:
        """The number that stands for a name in the tables of values."""
        return self._keys.setdefault(name, next(_NUMBERS))

    def derived(self, type_name: str) -> list[str]:
        """Bound types that xsi:type may give to elements of this type; empty if there is no choice."""
        found = [name for name in self.grammars.derived(type_name) if name in self._bindings]
        return [type_name, *found] if found else []


class _PlanMaker:
    """Makes the tables of one type."""

    def __init__(self, plans: Plans, type_name: str, binding: TypeBinding) -> None:
        self._plans = plans
        self._grammars = plans.grammars
        self._type = type_name
        self._binding = binding
        self._many = {
            one.name
            for one in self._grammars.particles_of(type_name)
            if one.max_occurs is None or one.max_occurs > 1
        }
        self._attribute_types = {one.name: one.type for one in self._grammars.attributes_of(type_name)}
        self._tables: dict[tuple[State, bool], Table] = {}

    def make(self) -> Plan:
        repeated = tuple(one.attr for name, one in self._binding.elements.items() if name in self._many)
        plan = Plan(self._binding, repeated)
        first = self._grammars.first(self._type)
        plan.after_type = self._table(first, after_text=False)
        plan.start = self._with_xsi_type(plan.after_type, first)
        return plan

    def _table(self, state: State, *, after_text: bool) -> Table:
        """The table of a state; ``after_text`` if the end of a simple element is still to be passed."""
        key = (state, after_text)
        if key not in self._tables:
            table = self._tables[key] = [_STOP] * _ROWS
            for code, production in enumerate(state.productions):
                bits = _END_OF_TEXT if after_text else ""
                self._add(table, bits + bits_of(code, state.width), production)
        return self._tables[key]

    def _add(self, table: Table, bits: str, production: Production) -> None:
        """Add the rows of a production that ``bits`` announce."""
        name, after = production.name, production.next
        if name is None or after is None:
            _put(table, bits, _END, "", None, None)
        elif production.kind is Kind.ATTRIBUTE:
            bound = self._binding.attributes.get(name.local)
            if bound is not None:
                after_value = self._table(after, after_text=False)
                for more, action, detail in self._actions(self._attribute_types[name.local], name):
                    _put(table, bits + more, action, bound.attr, detail, after_value)
        elif production.type is not None:
            bound = self._binding.elements.get(name.local)
            if bound is not None and self._grammars.is_simple(production.type):
                self._add_simple(table, bits, bound, production.type, name, after)
            elif bound is not None:
                child = _Child(self._plans, production.type, many=name.local in self._many)
                _put(table, bits, _CHILD, bound.attr, child, self._table(after, after_text=False))

    def _add_simple(
        self, table: Table, bits: str, bound: FieldBinding, type_name: str, name: QName, after: State
    ) -> None:
        """Add a simple element: its code, the bit that announces typed text, then the value."""
        if self._grammars.attributes_of(type_name) or name.local in self._many:
            return
        after_text = self._table(after, after_text=True)
        for more, action, detail in self._actions(type_name, name):
            _put(table, bits + _TEXT + more, action, bound.attr, detail, after_text)
            if action in (_STRING, _BINARY):
                nothing: str | bytes = "" if action == _STRING else b""
                ended = self._table(after, after_text=False)
                _put(table, bits + _NO_TEXT, _VALUE, bound.attr, nothing, ended)

    def _actions(self, type_name: str, name: QName) -> list[tuple[str, int, Any]]:
        """What to do for a value: by its first bits, with the bounds or the like that it needs."""
        facets = facets_of(self._grammars.schema, type_name)
        datatype = facets.datatype
        if facets.primitive == "boolean":
            return [("0", _VALUE, False), ("1", _VALUE, True)]
        if facets.primitive == "hexBinary":
            return [("", _BINARY, facets.max_length or _UNBOUNDED)]
        if facets.primitive != "integer":
            most = facets.max_length or _UNBOUNDED
            return [("", _STRING, (self._plans.key(name), most, facets.primitive == "anyURI"))]
        if isinstance(datatype, NBitType):
            size = datatype.width
            return [("", _NBIT if size <= _OCTET else _WIDE, (datatype.low, datatype.high, size))]
        low = -_ENDLESS if facets.low is None else facets.low
        high = _ENDLESS if facets.high is None else facets.high
        if isinstance(datatype, UnsignedType):
            return [("", _UNSIGNED, (low, high))]
        return [("0", _UNSIGNED, (low, high)), ("1", _NEGATIVE, (low, high))]

    def _with_xsi_type(self, table: Table, first: State) -> Table:
        """The table of the first state with a row for xsi:type, if there are types to choose from."""
        derived = self._plans.derived(self._type)
        if not derived:
            return table
        table = list(table)
        bits = bits_of(len(first.productions), first.width)
        bits += bits_of(first.second.index(Kind.XSI_TYPE), first.second_width)
        _put(table, bits, _TYPE, "", _TypeNames(self._plans, derived), None)
        return table


class _Child:
    """The plan of a child element, found when the first one is met: types may refer to each other."""

    __slots__ = ("_plans", "_type", "many", "ready")

    def __init__(self, plans: Plans, type_name: str, *, many: bool) -> None:
        self._plans = plans
        self._type = type_name
        self.many = many
        self.ready: Plan | None = None

    def plan(self) -> Plan:
        if self.ready is None:
            self.ready = self._plans.plan(self._type)
            if self.ready is None:
                raise NotPlain
        return self.ready


class _TypeNames:
    """Types by the bits that name them in an xsi:type, as long as no new name has come into the tables."""

    __slots__ = ("_by_bits", "_plans", "width")

    def __init__(self, plans: Plans, type_names: list[str]) -> None:
        self._plans = plans
        names, namespace = plans.grammars.names, plans.grammars.schema.namespace
        uri_width = width_of(len(names) + 1)
        local_width = width_of(len(names[namespace]))
        self.width = uri_width + _OCTET + local_width
        uri = (list(names).index(namespace) + 1) << (_OCTET + local_width)
        index = {name: position for position, name in enumerate(names[namespace])}
        self._by_bits = {uri | index[name]: name for name in type_names}

    def plan(self, view: bytes, p: int) -> tuple[Plan, int]:
        """The plan that is named at bit ``p``, and where the name ends."""
        start = p >> 3
        bits = int.from_bytes(view[start : start + 8], "big") >> (64 - self.width)
        plan = self._plans.plan(self._by_bits.get(bits, ""))
        if plan is None:
            raise NotPlain
        return plan, p + self.width


def _put(table: Table, bits: str, action: int, attr: str, detail: Any, after: Table | None) -> None:
    """Fill all rows whose eight bits begin with ``bits``; what is longer goes on in a further table."""
    if len(bits) <= _OCTET:
        spread = 1 << (_OCTET - len(bits))
        start = int(bits or "0", 2) * spread
        table[start : start + spread] = [(len(bits), action, attr, detail, after)] * spread
        return
    first = int(bits[:_OCTET], 2)
    if table[first] is _STOP:
        table[first] = (_OCTET, _SKIP, "", None, [_STOP] * _ROWS)
    _put(table[first][4], bits[_OCTET:], action, attr, detail, after)


def read_document(plans: Plans, data: bytes, position: int, limits: Limits) -> Any:
    """Read a body that begins at bit ``position``.

    Raises:
        NotPlain: for a stream that has to be read as events.
    """
    if len(data) > limits.input_max_octets:
        raise NotPlain
    width = plans.grammars.document_width
    whole = int.from_bytes(data + _PADDING, "big")
    size = len(data) + len(_PADDING)
    code = (whole >> (8 * size - position - width)) & ((1 << width) - 1)
    reader = _Reader([(whole << shift).to_bytes(size + 1, "big")[1:] for shift in range(_OCTET)], limits)
    try:
        value, end = reader.element(position + width, plans.document(code), 1)
    except (IndexError, TypeError, ValueError) as error:
        # Beyond the end; a class that refuses its values; characters that are none.
        raise NotPlain from error
    if end > 8 * len(data):
        raise NotPlain
    return value


class _Reader:
    """One stream being read: its eight copies, its string tables, what it may still cost."""

    __slots__ = ("_depth_max", "_global", "_local", "_short", "_string_max", "_values_left", "_views")

    def __init__(self, views: list[bytes], limits: Limits) -> None:
        self._views = views
        self._local: defaultdict[int, list[str]] = defaultdict(list)
        self._global: list[str] = []
        self._values_left = limits.values_max
        self._string_max = limits.string_max_chars
        self._short = min(_SHORT, limits.string_max_chars)
        self._depth_max = limits.depth_max

    def element(self, p: int, plan: Plan, depth: int) -> tuple[Any, int]:
        """Read the element whose start tag ends at bit ``p``; return its object and where it ends."""
        views = self._views
        values: dict[str, Any] = {}
        table = plan.start
        while True:
            width, action, attr, detail, table = table[views[p & 7][p >> 3]]
            p += width
            if action == _UNSIGNED:
                value = views[p & 7][p >> 3]
                if value < 128:
                    p += 8
                else:
                    value, p = self._unsigned(p)
                if not detail[0] <= value <= detail[1]:
                    raise NotPlain
                values[attr] = value
            elif action == _CHILD:
                if depth >= self._depth_max:
                    raise NotPlain
                value, p = self.element(p, detail.ready or detail.plan(), depth + 1)
                if not detail.many:
                    values[attr] = value
                else:
                    self._repeat(values, attr, value)
            elif action == _NBIT:
                low, high, size = detail
                value = low + (views[p & 7][p >> 3] >> (8 - size))
                if value > high:
                    raise NotPlain
                values[attr] = value
                p += size
            elif action == _STRING:
                values[attr], p = self._string(p, detail)
            elif action == _VALUE:
                values[attr] = detail
            elif action == _END:
                break
            elif action == _BINARY:
                view = views[p & 7]
                start = (p >> 3) + 1
                size = view[start - 1]
                octets = view[start : start + size]
                if size > detail or size > 127 or len(octets) < size:
                    raise NotPlain
                values[attr] = octets
                p += 8 * size + 8
            elif action == _TYPE:
                plan, p = detail.plan(views[p & 7], p)
                table = plan.after_type
            elif action != _SKIP:
                values[attr], p = self._rare(action, p, detail)
        if plan.is_changed:
            plan.change(values)
        return plan.factory(**values), p

    def _repeat(self, values: dict[str, Any], attr: str, value: Any) -> None:
        """Add to a repeated field, which is the only way that a stream can grow beyond its schema."""
        self._values_left -= 1
        if self._values_left < 0:
            raise NotPlain
        if attr in values:
            values[attr].append(value)
        else:
            values[attr] = [value]

    def _rare(self, action: int, p: int, detail: Any) -> tuple[Any, int]:
        """Read what does not come often enough to stand in the loop."""
        if action == _NEGATIVE:
            value, p = self._unsigned(p)
            value = -1 - value
            if not detail[0] <= value <= detail[1]:
                raise NotPlain
            return value, p
        if action == _WIDE:
            low, high, size = detail
            start = p >> 3
            value = low + (int.from_bytes(self._views[p & 7][start : start + 2], "big") >> (16 - size))
            if value > high:
                raise NotPlain
            return value, p + size
        raise NotPlain

    def _unsigned(self, p: int) -> tuple[int, int]:
        """Read an Unsigned Integer, mostly of five octets: a time."""
        start = p >> 3
        octets = self._views[p & 7][start : start + 10]
        value = octets[0] & 127
        if octets[0] < 128:
            return value, p + 8
        value |= (octets[1] & 127) << 7
        if octets[1] < 128:
            return value, p + 16
        value |= (octets[2] & 127) << 14
        if octets[2] < 128:
            return value, p + 24
        value |= (octets[3] & 127) << 21
        if octets[3] < 128:
            return value, p + 32
        value |= (octets[4] & 127) << 28
        if octets[4] < 128:
            return value, p + 40
        for index in range(5, 10):
            value |= (octets[index] & 127) << 7 * index
            if octets[index] < 128:
                return value, p + 8 * index + 8
        raise NotPlain

    def _string(self, p: int, detail: tuple[int, int, bool]) -> tuple[str, int]:
        """Read a string; nearly all are new, short and ASCII."""
        key, max_length, collapse = detail
        view = self._views[p & 7]
        start = (p >> 3) + 1
        length = view[start - 1] - _MISS
        octets = view[start : start + length]
        text = octets.decode() if len(octets) == length and octets.isascii() else ""
        if text and length <= self._short and text.isprintable():
            if length > max_length:
                raise NotPlain
            p += 8 * length + 8
            self._global.append(text)
            self._local[key].append(text)
        else:
            text, p = self._unusual_string(p, key)
            if len(text.encode()) > max_length:
                raise NotPlain
        return text.strip(XML_SPACE) if collapse else text, p

    def _unusual_string(self, p: int, key: int) -> tuple[str, int]:
        """Read a string seen before, empty, long or with characters beyond ASCII."""
        length = self._views[p & 7][p >> 3]
        if length < 128:
            p += 8
        else:
            length, p = self._unsigned(p)
        if length < _MISS:
            seen = self._local[key] if length == _HIT_LOCAL else self._global
            width = (len(seen) - 1).bit_length()
            start = p >> 3
            index = int.from_bytes(self._views[p & 7][start : start + 4], "big") >> (32 - width)
            return seen[index], p + width
        length -= _MISS
        if length > self._string_max:
            raise NotPlain
        text, p = self._chars(p, length)
        if text:
            self._global.append(text)
            self._local[key].append(text)
        return text, p

    def _chars(self, p: int, length: int) -> tuple[str, int]:
        points = []
        for _ in range(length):
            point = self._views[p & 7][p >> 3]
            if point < 128:
                p += 8
            else:
                point, p = self._unsigned(p)
            if not is_xml_char(point):
                raise NotPlain
            points.append(chr(point))
        return "".join(points), p
