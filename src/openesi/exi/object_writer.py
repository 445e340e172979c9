"""Objects to streams by functions that are generated per type and join texts of 0 and 1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from openesi.exi.binding import NotPlain, TypeBinding
from openesi.exi.bits import pack, width_of
from openesi.exi.grammar import Grammars, Kind
from openesi.exi.object_bits import Strings, bits_of
from openesi.exi.object_source import Append, Write, make_writer
from openesi.exi.schema import QName

# A value of a wrong class or out of bounds shows as one of these in a generated function.
_WRONG_VALUES: Final = (TypeError, KeyError, ValueError, AttributeError, IndexError)
_FOUND_LOCAL_NAME = "00000000"


class Writers:
    """The functions of a schema's types, each made when first met."""

    def __init__(self, grammars: Grammars, bindings: Mapping[str, TypeBinding]) -> None:
        self.grammars = grammars
        self.bindings = bindings
        self._writers: dict[str, Write] = {}
        self._keys: dict[QName | None, int] = {}
        self._type_names = {one.factory: name for name, one in bindings.items()}

    def document(self, value: Any, header: str) -> bytes:
        """Write ``value`` as a document element. Raises NotPlain."""
        type_name = self._type_names.get(type(value), "")
        code = self.grammars.global_codes.get(type_name)
        if code is None:
            raise NotPlain
        parts = [header, bits_of(code, self.grammars.document_width)]
        strings = Strings()
        try:
            self.writer(type_name)(value, parts.append, strings)
            strings.check()
            return pack("".join(parts))
        except _WRONG_VALUES as error:
            raise NotPlain from error

    def writer(self, type_name: str) -> Write:
        """The function of a type. Raises NotPlain for a type that is not bound."""
        if type_name not in self._writers:
            if type_name not in self.bindings:
                raise NotPlain
            self._writers[type_name] = self.lazy(type_name)  # for types inside that refer back to this one
            try:
                self._writers[type_name] = make_writer(self, type_name)
            except NotPlain:
                del self._writers[type_name]
                raise
        return self._writers[type_name]

    def lazy(self, type_name: str) -> Write:
        """A function that becomes that of a type when first called."""
        ready: list[Write] = []

        def write(value: Any, append: Append, strings: Strings) -> None:
            if not ready:
                ready.append(self.writer(type_name))
            ready[0](value, append, strings)

        return write

    def key(self, name: QName | None) -> int:
        """The number that stands for a name in the tables of values."""
        return self._keys.setdefault(name, len(self._keys))

    def derived(self, type_name: str) -> dict[type, tuple[str, Write]]:
        """By class: the bits that say that an element is of a derived type, and the function of that type."""
        grammars = self.grammars
        first = grammars.first(type_name)
        namespace = grammars.schema.namespace
        names = grammars.names[namespace]
        start = bits_of(len(first.productions), first.width)
        start += bits_of(first.second.index(Kind.XSI_TYPE), first.second_width)
        start += bits_of(list(grammars.names).index(namespace) + 1, width_of(len(grammars.names) + 1))
        start += _FOUND_LOCAL_NAME
        found = {self.bindings[type_name].factory: ("", self.lazy(type_name))}
        for name in grammars.derived(type_name):
            if name in self.bindings:
                local = bits_of(names.index(name), width_of(len(names)))
                found[self.bindings[name].factory] = (start + local, self.lazy(name))
        return found
