"""Generated XML writers: for each type of an edition one function of f-strings, made once, run per document.

What embedded readers choke on is not written: no XML declaration, no prefix on elements of the standard, no
``<x/>`` for a simple element, always pairs of hex digits.

The source that is compiled here is made from the model alone; no text from outside enters it. A writer takes
a value and returns what stands between ``<Name`` and ``</Name>``. For ``EventStatus`` it is::

    def write_EventStatus(o):
        out = ''
        v0 = o.currentStatus
        if type(v0) is not int: v0 = integer(v0, 'EventStatus.currentStatus')
        if not 0 <= v0 <= 255: bad(v0, 'EventStatus.currentStatus')
        v1 = o.dateTime
        ...
        out += f'><currentStatus>{v0}</currentStatus><dateTime>{v1}</dateTime>...'
        v3 = o.potentiallySupersededTime
        if v3 is not None:
            ...
            out += f'<potentiallySupersededTime>{v3}</potentiallySupersededTime>'
        ...
        return out
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NoReturn

from openesi.sep2 import schema
from openesi.sep2.editions import Edition, WireField
from openesi.sep2.errors import EncodeError
from openesi.sep2.model._declare import Sep
from openesi.sep2.schema import ValueType

XSI = "http://www.w3.org/2001/XMLSchema-instance"


@cache
def document_writer(edition: Edition, cls: type[Sep]) -> Callable[[Any], str]:
    """Return the function that writes a whole document with a ``cls`` at its top. It raises EncodeError."""
    name, namespace = cls.__name__, edition.namespace_of(cls)
    attributes = "".join(f' {name}="{text}"' for name, text in edition.root_attributes.items())
    opening, closing = f'<{name} xmlns="{namespace}"{attributes}', f"</{name}>"
    write = writer(edition, cls, namespace)
    return lambda value: f"{opening}{write(value)}{closing}"


@cache
def writer(edition: Edition, cls: type[Sep], namespace: str) -> Callable[[Any], str]:
    """Return the writer of ``cls`` for ``edition``, made with those of the types inside it when first asked.

    ``namespace`` is the default namespace where it writes. The writer raises EncodeError.
    """
    names = _names(edition, namespace)
    exec(_Source(edition, cls, namespace).text(), names)  # noqa: S102 (made from the model, see above)
    write: Callable[[Any], str] = names[f"write_{cls.__name__}"]
    return write


@cache
def _names(edition: Edition, namespace: str) -> dict[str, Any]:
    """Return the global names that the writers of one edition share."""

    def derived(value: Any, expected: type[Sep], path: str) -> str:
        cls: type[Sep] = type(value)
        if not isinstance(value, expected) or not edition.has(cls):
            _bad(value, path)
        extension = schema.extension_of(cls)
        prefix = extension.prefix if extension and extension.namespace else ""
        declared = f' xmlns:{prefix}="{edition.namespace_of(cls)}"' if prefix else ""
        name = f"{prefix}:{cls.__name__}" if prefix else cls.__name__
        rest = writer(edition, cls, namespace)(value)
        return rest if cls is expected else f'{declared} xmlns:xsi="{XSI}" xsi:type="{name}"{rest}'

    return {"bad": _bad, "integer": _integer, "text": _text, "quoted": _quoted, "derived": derived}


class _Source:
    """Writes the source of one writer, and puts the names that it uses where it is to run.

    Types inside are written in line, but for the members of lists. ``pending`` collects the inside of an
    f-string for as long as nothing optional comes between.
    """

    def __init__(self, edition: Edition, cls: type[Sep], namespace: str) -> None:
        self.edition, self.cls, self.namespace = edition, cls, namespace
        self.names = _names(edition, namespace)
        self.lines: list[str] = []
        self.indent = " "
        self.pending = ""
        self.variables = 0

    def text(self) -> str:
        self.lines += [f"def write_{self.cls.__name__}(o):", " out = ''"]
        self._struct(self.cls, "o")
        self._flush()
        self.lines.append(" return out")
        return "\n".join(self.lines)

    def _struct(self, cls: type[Sep], value: str) -> None:
        fields = self.edition.fields(cls)
        for field in fields:
            if field.field.attribute:
                self._one(field, f"{value}.{field.attr}")
        self.pending += ">"
        for field in fields:
            if field.maximum != 1:
                self._many(field, f"{value}.{field.attr}")
            elif not field.field.attribute:
                self._one(field, f"{value}.{field.attr}")

    def _one(self, field: WireField, source: str) -> None:
        v = f"v{self.variables}"
        self.variables += 1
        self._line(f"{v} = {source}")
        if field.fallback is not None:
            self._line(f"if {v} is None: {v} = {self._name(field, 'fallback', field.fallback)}")
        if field.minimum:
            self._check(field, v)
            self._show(field, v)
            return
        self._flush()
        self._line(f"if {v} is not None:")
        self.indent += " "
        self._check(field, v)
        self._show(field, v)
        self._flush()
        self.indent = self.indent[:-1]

    def _many(self, field: WireField, source: str) -> None:
        assert not isinstance(field.type, ValueType), "the standard repeats structured types only"
        self._flush()
        wrong = f"bad({source}, {_path(field)!r})"
        self._line(f"if type({source}) is not tuple: {wrong}")
        if field.maximum is not None:
            self._line(f"if not {field.minimum} <= len({source}) <= {field.maximum}: {wrong}")
        self._line("many = []")
        self._line(f"for v in {source}:")
        self.indent += " "
        self._check(field, "v")
        opening, closing = self._tags(field)
        self._line(f"many.append(f'<{opening}{self._call(field, 'v')}</{closing}>')")
        self.indent = self.indent[:-1]
        self._line("out += ''.join(many)")

    def _line(self, text: str) -> None:
        self.lines.append(self.indent + text)

    def _flush(self) -> None:
        if self.pending:
            self._line(f"out += f'{self.pending}'")
            self.pending = ""

    def _check(self, field: WireField, v: str) -> None:
        """Write the checks of ``v``, after which it is easy to show."""
        if field.from_model is not None:
            self._check_as(field.field.type, field, v)
            self._line(f"{v} = {self._name(field, 'from_model', field.from_model)}({v})")
        self._check_as(field.type, field, v)

    def _check_as(self, kind: ValueType | type[Sep], field: WireField, v: str) -> None:
        bad = f"bad({v}, {_path(field)!r})"
        if not isinstance(kind, ValueType):
            if not schema.derived_types(kind):
                self.names[kind.__name__] = kind
                self._line(f"if type({v}) is not {kind.__name__}: {bad}")
            return
        primitive = kind.primitive
        if kind.is_integer:
            self._line(f"if type({v}) is not int: {v} = integer({v}, {_path(field)!r})")
            self._line(f"if not {primitive.minimum} <= {v} <= {primitive.maximum}: {bad}")
        elif primitive.base == "boolean":
            self._line(f"if type({v}) is not bool: {bad}")
            self._line(f"{v} = 'true' if {v} else 'false'")
        elif primitive.base == "hexBinary":
            self._line(f"if type({v}) is not bytes or len({v}) > {primitive.max_length}: {bad}")
        else:
            self._check_text(primitive.max_length, field, v)

    def _check_text(self, most: int | None, field: WireField, v: str) -> None:
        show, special = ("quoted", '&<>"') if field.field.attribute else ("text", "&<>")
        plain = [f"type({v}) is str", f"{v}.isascii()", f"{v}.isprintable()"]
        plain += [f"{character!r} not in {v}" for character in special]
        if most is not None:
            plain.append(f"len({v}) <= {most}")
        self._line(f"if not ({' and '.join(plain)}): {v} = {show}({v}, {most}, {_path(field)!r})")

    def _show(self, field: WireField, v: str) -> None:
        """Put the checked ``v`` into what is pending."""
        shown = f"{{{v}}}"
        if isinstance(field.type, ValueType) and field.type.primitive.base == "hexBinary":
            shown = f"{{{v}.hex().upper()}}"
        if field.field.attribute:
            self.pending += f' {field.name}="{shown}"'
            return
        opening, closing = self._tags(field)
        if isinstance(field.type, ValueType):
            self.pending += f"<{opening}>{shown}"
        elif schema.derived_types(field.type):
            self.pending += f"<{opening}{self._call(field, v)}"
        else:
            self.pending += f"<{opening}"
            self._struct(field.type, v)
        self.pending += f"</{closing}>"

    def _call(self, field: WireField, v: str) -> str:
        """Return the inside of an f-string that has another writer write ``v``."""
        assert not isinstance(field.type, ValueType)
        name = field.type.__name__
        self.names[name] = field.type
        if schema.derived_types(field.type):
            return f'{{derived({v}, {name}, "{_path(field)}")}}'
        writer(self.edition, field.type, self.namespace)
        return f"{{write_{name}({v})}}"

    def _tags(self, field: WireField) -> tuple[str, str]:
        if field.namespace == self.namespace:
            return field.name, field.name
        extension = field.field.extension
        assert extension is not None, "only extensions leave the namespace of their edition"
        prefix = extension.prefix
        return f'{prefix}:{field.name} xmlns:{prefix}="{field.namespace}"', f"{prefix}:{field.name}"

    def _name(self, field: WireField, what: str, value: Any) -> str:
        name = f"{what}_{field.field.owner}_{field.name}"
        self.names[name] = value
        return name


def _path(field: WireField) -> str:
    return f"{field.field.owner}.{field.name}"


def _bad(value: object, path: str) -> NoReturn:
    if value is None:
        raise EncodeError(f"{path} is required")
    shown = repr(value)
    shown = shown if len(shown) <= 80 else shown[:77] + "..."
    raise EncodeError(f"{path}: {shown} ({type(value).__name__}) is not what the standard allows")


def _integer(value: object, path: str) -> int:
    """Return the number of an IntEnum or IntFlag; nothing else that is not an int counts as one."""
    if not isinstance(value, int) or isinstance(value, bool):
        _bad(value, path)
    return int(value)


_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
# A reader of attributes takes every white space for a space, unless it is spelt out.
_ATTRIBUTE_ESCAPES = _ESCAPES | str.maketrans({'"': "&quot;", "\n": "&#10;", "\t": "&#9;"})
# XML 1.0 has no way to write these, escaped or not.
_FORBIDDEN = frozenset(map(chr, [*range(0x20), 0xFFFE, 0xFFFF, *range(0xD800, 0xE000)])) - frozenset("\t\n\r")


def _text(value: object, most: int | None, path: str) -> str:
    return _checked(value, most, path).translate(_ESCAPES)


def _quoted(value: object, most: int | None, path: str) -> str:
    return _checked(value, most, path).translate(_ATTRIBUTE_ESCAPES)


def _checked(value: object, most: int | None, path: str) -> str:
    if type(value) is not str:
        _bad(value, path)
    if not value.isprintable() and not _FORBIDDEN.isdisjoint(value):
        raise EncodeError(f"{path}: {value!r} has characters that XML cannot carry")
    if most is not None and (octets := len(value.encode())) > most:
        raise EncodeError(f"{path}: {octets} octets, at most {most} are allowed")
    return value
