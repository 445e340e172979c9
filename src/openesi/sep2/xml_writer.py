"""Generated XML writers: for each type of an edition a function of f-strings, made once, run per document.

The source that is compiled here is made from the model alone; no text from outside enters it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from openesi.sep2 import schema
from openesi.sep2.editions import Edition, WireField
from openesi.sep2.errors import EncodeError
from openesi.sep2.model._declare import Sep
from openesi.sep2.schema import ValueType

XSI = "http://www.w3.org/2001/XMLSchema-instance"

Append = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Writer:
    """How one type is written: ``attributes(value)`` and ``content(value, append)``."""

    attributes: Callable[[Any], str]
    content: Callable[[Any, Append], None]


@cache
def writer(edition: Edition, cls: type[Sep]) -> Writer:
    """Return the writer of ``cls`` for ``edition``, made when first asked for.

    Its functions raise EncodeError, or TypeError, AttributeError or ValueError for a value of a wrong type.
    """
    source = _Source(edition)
    wire_fields = edition.fields(cls)
    source.line("def attributes(o):")
    source.line("    out = ''")
    for field in wire_fields:
        if field.field.attribute:
            source.attribute(field)
    source.line("    return out")
    source.line("def content(o, a):")
    source.line("    pass")
    for field in wire_fields:
        if not field.field.attribute:
            source.element(field)
    namespace = source.names
    exec("\n".join(source.lines), namespace)  # noqa: S102 (made from the model, see above)
    return Writer(namespace["attributes"], namespace["content"])


class _Source:
    """Collects the lines of one type's two functions, and the names they use."""

    def __init__(self, edition: Edition) -> None:
        self.edition = edition
        self.lines: list[str] = []
        self.names: dict[str, Any] = {
            "bad": _bad,
            "text": _text,
            "nested": _nested,
            "derived": _derived_value,
        }

    def line(self, text: str) -> None:
        self.lines.append(text)

    def attribute(self, field: WireField) -> None:
        self._begin(field)
        assert isinstance(field.type, ValueType)
        shown = self._checked(field, "        ", quoted=True)
        self.line(f"        out += f' {field.name}=\"{{{shown}}}\"'")
        self._end(field)

    def element(self, field: WireField) -> None:
        opening, closing = self._tags(field)
        if field.maximum != 1:
            self._count(field)
            self.line(f"    for v in o.{field.attr}:")
        else:
            self._begin(field)
        self._convert(field)
        if isinstance(field.type, ValueType):
            shown = self._checked(field, "        ", quoted=False)
            self.line(f"        a(f'<{opening}>{{{shown}}}</{closing}>')")
        else:
            self._nested(field, opening, closing)
        if field.maximum == 1:
            self._end(field)

    def _begin(self, field: WireField) -> None:
        self.line(f"    v = o.{field.attr}")
        if field.fallback is not None:
            name = self._name(field.fallback)
            self.line(f"    if v is None: v = {name}")
        self.line("    if v is not None:")

    def _end(self, field: WireField) -> None:
        if field.minimum:
            self.line(f"    else: bad('{_path(field)}', 'is required')")

    def _convert(self, field: WireField) -> None:
        if field.from_model is not None:
            self.line(f"        v = {self._name(field.from_model)}(v)")

    def _count(self, field: WireField) -> None:
        if (field.minimum, field.maximum) != (0, None):
            self.line(f"    if not {field.minimum} <= len(o.{field.attr}) <= {field.maximum}:")
            self.line(f"        bad('{_path(field)}', f'occurs {{len(o.{field.attr})}} times')")

    def _tags(self, field: WireField) -> tuple[str, str]:
        if field.namespace == self.edition.namespace:
            return field.name, field.name
        extension = field.field.extension
        assert extension is not None, "only extensions leave the namespace of their edition"
        prefix = extension.prefix
        return f'{prefix}:{field.name} xmlns:{prefix}="{field.namespace}"', f"{prefix}:{field.name}"

    def _nested(self, field: WireField, opening: str, closing: str) -> None:
        assert not isinstance(field.type, ValueType)
        name = self._name(field.type)
        if len(_derived(field.type)) > 1:
            self.line(f"        derived(edition, {name}, v, '{opening}', '{closing}', a)")
        else:
            cell = self._name([])
            self.line(f"        nested(edition, {name}, {cell}, v, '{opening}', '{closing}', a)")
        self.names["edition"] = self.edition

    def _checked(self, field: WireField, indent: str, *, quoted: bool) -> str:
        """Write the check of ``v`` and return the expression that shows it."""
        assert isinstance(field.type, ValueType)
        primitive, path = field.type.primitive, _path(field)
        if field.type.is_integer:
            self.line(f"{indent}if not {primitive.minimum} <= v <= {primitive.maximum}: bad('{path}', v)")
            return "v:d"
        if primitive.base == "boolean":
            self.line(f"{indent}if v is not True and v is not False: bad('{path}', v)")
            return '"true" if v else "false"'
        if primitive.base == "hexBinary":
            self.line(f"{indent}if len(v) > {primitive.max_length}: bad('{path}', v)")
            return "v.hex().upper()"
        return f'text(v, {primitive.max_length}, "{path}", {quoted})'

    def _name(self, value: Any) -> str:
        name = f"n{len(self.names)}"
        self.names[name] = value
        return name


def _path(field: WireField) -> str:
    return f"{field.field.owner}.{field.name}"


def _bad(path: str, value: object) -> None:
    raise EncodeError(
        f"{path}: {value if isinstance(value, str) else repr(value)} is not allowed by the standard"
    )


_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})
# XML 1.0 has no way to write these, escaped or not.
_FORBIDDEN = frozenset(map(chr, [*range(0x20), 0xFFFE, 0xFFFF, *range(0xD800, 0xE000)])) - frozenset("\t\n\r")


def _text(value: str, most: int | None, path: str, quoted: bool) -> str:
    octets = len(value) if value.isascii() else len(value.encode("utf-8", "replace"))
    if most is not None and octets > most:
        raise EncodeError(f"{path}: {octets} octets, at most {most} are allowed")
    if value.isalnum():
        return value
    if not value.isprintable():
        if not _FORBIDDEN.isdisjoint(value):
            raise EncodeError(f"{path}: {value!r} has characters that XML cannot carry")
        value = value.translate(_ESCAPES).replace("\r", "&#13;")
        return value.replace("\n", "&#10;").replace("\t", "&#9;") if quoted else value
    return value.translate(_ESCAPES)


def _nested(
    edition: Edition,
    cls: type[Sep],
    cell: list[Writer],
    value: Any,
    opening: str,
    closing: str,
    append: Append,
) -> None:
    if value.__class__ is not cls:
        raise EncodeError(f"{opening}: expected {cls.__name__}, got {type(value).__name__}")
    if not cell:
        cell.append(writer(edition, cls))
    write = cell[0]
    append(f"<{opening}{write.attributes(value)}>")
    write.content(value, append)
    append(f"</{closing}>")


def _derived_value(
    edition: Edition, cls: type[Sep], value: Any, opening: str, closing: str, append: Append
) -> None:
    actual: type[Sep] = type(value)
    if not isinstance(value, cls):
        raise EncodeError(f"{opening}: expected {cls.__name__}, got {actual.__name__}")
    write = writer(edition, actual)
    named = "" if actual is cls else f' xmlns:xsi="{XSI}" xsi:type="{actual.__name__}"'
    append(f"<{opening}{named}{write.attributes(value)}>")
    write.content(value, append)
    append(f"</{closing}>")


@cache
def _derived(cls: type[Sep]) -> tuple[type[Sep], ...]:
    return tuple(one for one in schema.structured_types().values() if issubclass(one, cls))
