"""Objects to streams by functions that are generated per type and shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, Final

from openesi.exi.binding import NotPlain, TypeBinding
from openesi.exi.bits import bits_of, width_of
from openesi.exi.grammar import Grammars, Kind
from openesi.exi.object_bits import HELPERS, Bits, Extend, Strings
from openesi.exi.object_source import Shape, Write, make_writer, optional_attrs
from openesi.exi.schema import QName

# A value of a wrong class or out of bounds shows as one of these in a generated function.
_WRONG_VALUES: Final = (TypeError, KeyError, ValueError, AttributeError, IndexError)
# Functions per type: a peer whose documents are kept and shown again could send every shape there is.
SHAPES_MAX = 16
_FOUND_LOCAL_NAME = "00000000"
_NUMBERS = count()  # of functions; two threads may make some at the same time


class Writers:
    """The functions of a schema's types; ``names`` are their globals: they call each other by name.

    ``shared`` has the names of constants that several functions use.
    """

    def __init__(self, grammars: Grammars, bindings: Mapping[str, TypeBinding], *, header: str) -> None:
        self._header = header
        self.grammars = grammars
        self.bindings = bindings
        self.names: dict[str, Any] = dict(HELPERS)
        self.shared: dict[tuple[object, ...], str] = {}
        self._shapes: dict[str, _Shapes] = {}
        self._starts: dict[type, tuple[Bits, str]] = {}
        self._keys: dict[QName | None, int] = {}
        self._type_names = {one.factory: name for name, one in bindings.items()}

    def document(self, value: Any) -> bytes:
        """Write ``value`` as a document element. Raises NotPlain."""
        start, name = self._starts.get(type(value)) or self._start(type(value))
        out = Bits(start)
        extend, octets = out.extend, out.frombytes
        strings = Strings(extend, octets)
        try:
            self.names[name](value, extend, octets, strings)
            strings.check()
            return out.tobytes()
        except _WRONG_VALUES as error:
            raise NotPlain from error

    def _start(self, cls: type) -> tuple[Bits, str]:
        """The bits before the content of a document element, and the name of the function for the rest."""
        type_name = self._type_names.get(cls, "")
        code = self.grammars.global_codes.get(type_name)
        if code is None:
            raise NotPlain
        start = Bits(self._header + bits_of(code, self.grammars.document_width))
        self._starts[cls] = start, self.name(type_name)
        return self._starts[cls]

    def name(self, type_name: str) -> str:
        """The name of the function that writes objects of a bound type."""
        return self._of(type_name).name

    def key(self, name: QName | None) -> int:
        """The number that stands for a name in the tables of values."""
        return self._keys.setdefault(name, next(_NUMBERS))

    def derived(self, type_name: str) -> dict[type, tuple[Bits, Write]]:
        """By class: the bits that say that an element is of a derived type, and the function of that type."""
        grammars = self.grammars
        first = grammars.first(type_name)
        namespace = grammars.schema.namespace
        names = grammars.names[namespace]
        start = bits_of(len(first.productions), first.width)
        start += bits_of(first.second.index(Kind.XSI_TYPE), first.second_width)
        start += bits_of(list(grammars.names).index(namespace) + 1, width_of(len(grammars.names) + 1))
        start += _FOUND_LOCAL_NAME
        found: dict[type, tuple[Bits, Write]] = {
            self.bindings[type_name].factory: (Bits(), self._of(type_name).write)
        }
        for name in grammars.derived(type_name):
            if name in self.bindings:
                local = bits_of(names.index(name), width_of(len(names)))
                found[self.bindings[name].factory] = (Bits(start + local), self._of(name).write)
        return found

    def _of(self, type_name: str) -> _Shapes:
        if type_name not in self._shapes:
            self._shapes[type_name] = _Shapes(self, type_name, next(_NUMBERS))
        return self._shapes[type_name]


class _Shapes:
    """The functions of one type. That for the shape met last is in place; it calls ``write`` for others."""

    def __init__(self, writers: Writers, type_name: str, number: int) -> None:
        self.name = f"write{number}"
        self._other = f"other{number}"
        self._writers = writers
        self._type = type_name
        self._attrs = optional_attrs(writers, type_name)
        self._by_shape: dict[Shape | None, Write] = {}
        writers.names[self.name] = writers.names[self._other] = self.write

    def write(self, value: Any, extend: Extend, octets: Callable[[bytes], None], strings: Strings) -> None:
        """Write an object of any shape, and be ready for more of the same."""
        shape: Shape | None = tuple(getattr(value, attr) is not None for attr in self._attrs)
        if shape not in self._by_shape:
            if len(self._by_shape) >= SHAPES_MAX:
                shape = None  # the function for all shapes stays in place: it calls no other
            if shape not in self._by_shape:
                self._by_shape[shape] = make_writer(self._writers, self._type, shape, self._other)
        write = self._by_shape[shape]
        self._writers.names[self.name] = write
        write(value, extend, octets, strings)
