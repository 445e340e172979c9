"""The built-in grammar of elements that no schema describes: it learns as it goes (EXI 1.0, 8.4.3)."""

from __future__ import annotations

from openesi.exi.bits import width_of
from openesi.exi.grammar import Kind
from openesi.exi.schema import XSI_TYPE, QName

_START_SECOND = (
    Kind.UNDECLARED_END,
    Kind.UNDECLARED_ATTRIBUTE,
    Kind.UNDECLARED_START,
    Kind.UNDECLARED_CHARACTERS,
)
_CONTENT_SECOND = (Kind.UNDECLARED_START, Kind.UNDECLARED_CHARACTERS)


class BuiltInState:
    """One of the two states of a built-in grammar; ``learned`` has the newest production last."""

    __slots__ = ("_known", "learned", "second")

    def __init__(self, second: tuple[Kind, ...], learned: list[tuple[Kind, QName | None]]) -> None:
        self.second = second
        self.learned = learned
        self._known = {key: index for index, key in enumerate(learned)}

    @property
    def width(self) -> int:
        """Bits of the first part of an event code: what was learned, and the escape."""
        return width_of(len(self.learned) + 1)

    @property
    def second_width(self) -> int:
        """Bits of the second part."""
        return width_of(len(self.second))

    def code(self, kind: Kind, name: QName | None = None) -> int | None:
        """The first-level code of a production, or None if it is not learned yet."""
        index = self._known.get((kind, name))
        return None if index is None else len(self.learned) - 1 - index

    def production(self, code: int) -> tuple[Kind, QName | None]:
        """The production of a first-level code below the escape."""
        return self.learned[-1 - code]

    def learn(self, kind: Kind, name: QName | None = None) -> None:
        """Put a production in front; text, the end and xsi:type are learned once."""
        once = name is None or (kind is Kind.ATTRIBUTE and name == XSI_TYPE)
        if once and (kind, name) in self._known:
            return
        self._known[kind, name] = len(self.learned)
        self.learned.append((kind, name))


class BuiltInGrammar:
    """The grammar of one undeclared name, kept to the end of the stream."""

    __slots__ = ("content", "start")

    def __init__(self) -> None:
        self.start = BuiltInState(_START_SECOND, [])
        self.content = BuiltInState(_CONTENT_SECOND, [(Kind.END, None)])
