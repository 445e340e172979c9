"""What commands print: data on stdout (plain tables, aligned facts, JSON), talk on stderr.

Text may come from devices and peers, so control characters never reach the terminal.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Cell = str | int | float | None


def say(text: str) -> None:
    """Tell the person at the terminal something that is not data."""
    sys.stderr.write(printable(text) + "\n")


def write(text: str) -> None:
    """Print data, a line or several, and hand it on at once: a pipe's reader may wait for it while we run."""
    sys.stdout.write(text if text.endswith("\n") else text + "\n")
    sys.stdout.flush()


def write_json(value: object) -> None:
    """Print one JSON document, indented."""
    write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def write_json_line(value: object) -> None:
    """Print one JSON document on one line."""
    write(msgspec.json.encode(value).decode())


def render_table(headers: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """Return a table as text: columns of numbers to the right, no rules, no trailing blanks."""
    rows = [list(row) for row in rows]
    numeric = [_is_numeric([row[i] for row in rows]) for i in range(len(headers))]
    lines = [[printable(header) for header in headers]] + [[_cell(value) for value in row] for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(headers))]
    return "\n".join(_render_line(line, widths, numeric) for line in lines)


def render_facts(facts: Iterable[tuple[str, Cell]]) -> str:
    """Return single facts as text, one a line, the values aligned."""
    pairs = [(name, _cell(value)) for name, value in facts]
    width = max((len(name) for name, _ in pairs), default=0)
    return "\n".join(f"{name:<{width}}  {value}".rstrip() for name, value in pairs)


def printable(text: str) -> str:
    """Return the text with control characters (terminal escapes!) shown as ``\\x1b``; line ends stay."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)


def _is_numeric(cells: Sequence[Cell]) -> bool:
    return any(cell is not None for cell in cells) and all(not isinstance(cell, str) for cell in cells)


def _cell(value: Cell) -> str:
    return "-" if value is None else printable(str(value)).replace("\n", " ")


def _render_line(cells: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> str:
    padded = (
        cell.rjust(width) if right else cell.ljust(width)
        for cell, width, right in zip(cells, widths, numeric, strict=True)
    )
    return "  ".join(padded).rstrip()
