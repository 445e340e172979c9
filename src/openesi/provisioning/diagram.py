"""The sequence diagram of a run, for a terminal and as a page of its own. Pure: lines in, text out."""

from __future__ import annotations

import html
import xml.dom.minidom as minidom
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from xml.parsers.expat import ExpatError

from openesi.provisioning.letters import redact
from openesi.provisioning.world import Line

HERE: Final = Path(__file__).parent
# Neighbours stand beside each other, so that most arrows are short.
LANES: Final = ("CIS", "DR-APPLICATION", "AMI-HEADEND", "AMI-NETWORK", "NIC", "ESI", "HAN device")
_SHORT: Final = ("CIS", "DR app", "Head-end", "Network", "NIC", "ESI", "Device")
_LANE: Final = 10  # columns; with the margin the diagram is 80 wide
_MARGIN: Final = 11
_CENTRE: Final = _LANE // 2


@dataclass(frozen=True, slots=True)
class Row:
    """One arrow: a message, or several frames of the air that belong to one step."""

    line: Line
    count: int = 1
    labels: tuple[str, ...] = ()


def collapse(lines: Iterable[Line]) -> Iterator[Row]:
    """Join frames of the air that follow each other within one step; messages stay single."""
    pending: Row | None = None
    for line in lines:
        if not line.radio:
            if pending is not None:
                yield pending
                pending = None
            yield Row(line)
        elif pending is not None and pending.line.step == line.step:
            pending = replace(pending, count=pending.count + 1, labels=(*pending.labels, line.label))
        else:
            if pending is not None:
                yield pending
            pending = Row(line, labels=(line.label,))
    if pending is not None:
        yield pending


def render_head() -> str:
    """The names over the lanes."""
    return "step   time" + "".join(name.center(_LANE) for name in _SHORT)


def render_row(row: Row, start: float) -> str:
    """Two lines of text: what is said, and the arrow."""
    line = row.line
    source, target = lane(line.source), lane(line.target)
    label = line.label if row.count == 1 else f"{row.count} frames: {_brief(row.labels)}"
    if line.note:
        label += f" [{line.note}]"
    step = f"{line.step:>4}" if line.step else "   ·"
    time = line.at - start
    when = f"{time:7.2f}" if time < 1000 else f"{time:7.0f}" if time < 100_000 else f"{time / 3600:6.0f}h"
    return f"{step}{when}{_over(label, source, target)}\n{' ' * _MARGIN}{_arrow(source, target, line)}"


def render_state(state: str, reason: str = "") -> str:
    """A line that says where the device stands now."""
    text = f"= {state}" + (f": {reason}" if reason else "")
    return " " * (_MARGIN + lane("DR-APPLICATION") * _LANE + _CENTRE) + text


def lane(name: str) -> int:
    """The lane of a role; a broadcast goes to the meter, everything else stands where the device does."""
    if name == "everybody":
        return LANES.index("ESI")
    return next((i for i, one in enumerate(LANES) if name.startswith(one)), len(LANES) - 1)


def render_body(body: bytes) -> str:
    """A message to be read: XML indented, JSON as it is, frames in hexadecimal; secrets masked."""
    shown = redact(body)
    if shown.startswith(b"<"):
        try:
            return minidom.parseString(shown).toprettyxml(indent="  ").strip()  # noqa: S318 - our own message
        except ExpatError:
            return shown.decode(errors="replace")
    if shown.startswith(b"{"):
        return shown.decode(errors="replace")
    return shown.hex(" ")


def render_page(title: str, lines: list[Line], *, start: float, states: list[tuple[float, str, str]]) -> str:
    """A page that needs nothing else: the diagram, every message to be opened, the states between."""
    rows = [(line.at, 0, render_page_row(line, start, body=render_body(line.body))) for line in lines]
    rows += [(at, 1, render_page_state(name, why)) for at, name, why in states]
    body = "\n".join(text for _, _, text in sorted(rows, key=lambda row: row[:2]))
    style = (HERE / "page" / "diagram.css").read_text("utf-8")
    return (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        '<meta name=viewport content="width=device-width, initial-scale=1">'
        f"<title>{_text(title)}</title><style>{style}</style>"
        f"<h1>{_text(title)}</h1><p>Open a line to read its message.</p>"
        f"{render_page_head()}<main class=diagram>{body}</main></html>\n"
    )


def render_page_head() -> str:
    """The names over the lanes, for a page."""
    return "<div class=lanes>" + "".join(f"<span>{_text(name)}</span>" for name in _SHORT) + "</div>"


def render_page_state(name: str, why: str, *, device: str = "") -> str:
    """A state of a device, or something else to be said between two arrows."""
    of = f"<small>{_text(device)}</small> " if device else ""
    return f"<p class=state data-device={_quoted(device)}>{of}{_text(name)} <small>{_text(why)}</small></p>"


def render_page_row(line: Line, start: float | None, *, body: str = "", number: int = 0) -> str:
    """An arrow that opens to its message; with a ``number`` and without a body, to be fetched then.

    Times are seconds since ``start``, or of the clock, UTC, where there is none.
    """
    source, target = lane(line.source), lane(line.target)
    x1, x2 = (source + 0.5) * 100, (target + 0.5) * 100
    tip = 8 if x2 > x1 else -8
    kind = "lost" if line.note else "radio" if line.radio else ""
    grid = "".join(f'<line class=grid x1="{x}" x2="{x}" y1="0" y2="40"/>' for x in range(50, 700, 100))
    label = _text(line.label + (f" [{line.note}]" if line.note else ""))
    svg = (
        f'<svg viewBox="0 0 700 40" preserveAspectRatio="none" aria-hidden=true>{grid}'
        f'<line class="{kind}" x1="{x1}" x2="{x2}" y1="28" y2="28"/>'
        f'<line class="{kind}" x1="{x2 - tip}" x2="{x2}" y1="23" y2="28"/>'
        f'<line class="{kind}" x1="{x2 - tip}" x2="{x2}" y1="33" y2="28"/>'
        f'<text x="{(x1 + x2) / 2}" y="18" text-anchor=middle>{label}</text></svg>'
    )
    said = f"{line.source} to {line.target}: {line.label}"
    where = "air" if line.radio else "wire"
    return (
        f"<details class={where} data-number={number} data-device={_quoted(line.subject)}>"
        f"<summary aria-label={_quoted(said)}><b>{line.step or ''}</b>"
        f"<time>{_page_time(line.at, start)}</time>{svg}</summary><pre>{_text(body)}</pre></details>"
    )


def _page_time(at: float, start: float | None) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%H:%M:%S}" if start is None else f"{at - start:.2f} s"


def _over(label: str, source: int, target: int) -> str:
    """The label, over the middle of its arrow if there is room, else as far left as it must be."""
    width = _LANE * len(LANES)
    middle = (source + target + 1) * _LANE // 2
    at = max(1, min(middle - len(label) // 2, width - len(label)))
    return " " * at + label[: width - 1]


def _arrow(source: int, target: int, line: Line) -> str:
    cells = [" "] * (_LANE * len(LANES))
    for index in range(len(LANES)):
        cells[index * _LANE + _CENTRE] = "│"
    begin, end = source * _LANE + _CENTRE, target * _LANE + _CENTRE
    if begin == end:
        cells[begin] = "●"
        return "".join(cells).rstrip()
    shaft = "╌" if line.radio else "─"
    low, high = min(begin, end), max(begin, end)
    for at in range(low + 1, high):
        cells[at] = shaft
    cells[begin] = "●"
    if line.note and "lost" in line.note:
        cells[(begin + end) // 2] = "✗"
    else:
        cells[end - 1 if end > begin else end + 1] = "▶" if end > begin else "◀"
    return "".join(cells).rstrip()


def _brief(labels: tuple[str, ...]) -> str:
    """The different labels, without the halves of questions and answers."""
    names = dict.fromkeys(
        label.replace("_req", "")
        .replace("_rsp", "")
        .replace("Read response", "Read attributes")
        .split(" (")[0]
        for label in labels
    )
    text = ", ".join(names)
    return text if len(text) <= 52 else text[:51] + "…"


def _text(text: str) -> str:
    return html.escape(text, quote=False)


def _quoted(text: str) -> str:
    return f'"{html.escape(text, quote=True)}"'
