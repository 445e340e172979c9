"""The RAVEn / EMU-2 serial stream, decoded: any bytes in, whole XML fragments out, constant memory.

The stream is a run of small fragments without declaration, attributes or nesting beyond one level (RAVEn XML
API manual 1.27). Real lines start in the middle of a fragment, lose bytes, splice one fragment into another,
carry control characters and misspelt closing tags. The rule here: a fragment is delivered whole and
unambiguous, or not at all, and a good fragment after a bad one is never lost. What a field means is the
business of ``fragments``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape

MAX_FRAGMENT_CHARS = (
    8192  # a broken or hostile line may never close a fragment; the longest real one is under 1,200
)
MAX_TAG_CHARS = 64  # likewise a "<" that never becomes a tag; the longest real name has 25
MAX_FIELDS = 64  # likewise fields without end; a full meter list or profile has about 20

ROOTS = {
    name.lower(): name
    for name in (
        "ConnectionStatus",
        "DeviceInfo",
        "ScheduleInfo",
        "MeterList",
        "MeterInfo",
        "NetworkInfo",
        "TimeCluster",
        "MessageCluster",
        "PriceCluster",
        "InstantaneousDemand",
        "CurrentSummationDelivered",
        "CurrentPeriodUsage",
        "LastPeriodUsage",
        "ProfileData",
        "FastPollStatus",
        "Warning",
        "Error",
        "Command",
    )
}
"""The roots the manual names (``Command`` is what a host sends), by lower-case name."""

_TAG_END = re.compile("[<>]")
_TAG = re.compile(r"<(/?)\s*([A-Za-z][A-Za-z0-9_]*)\s*(/?)>\Z")
_CONTROL = dict.fromkeys([*range(0x20), 0x7F, 0xFF, 0xFFFD], None)
# Line ends are white space between fields, never data, so they go with the rest of the control characters.


@dataclass(frozen=True, slots=True)
class Fragment:
    """One fragment as it came: root in the manual's spelling, fields in order with lower-case names.

    ``strict`` is false when a field's closing tag was misspelt: good enough for a name, not for a number.
    """

    root: str
    fields: tuple[tuple[str, str], ...]
    strict: bool = True

    def get(self, name: str) -> str | None:
        """The text of the first field called ``name`` (any case), or None."""
        wanted = name.lower()
        return next((text for field, text in self.fields if field == wanted), None)

    def get_all(self, name: str) -> tuple[str, ...]:
        """The texts of every field called ``name`` (any case)."""
        wanted = name.lower()
        return tuple(text for field, text in self.fields if field == wanted)


class StreamDecoder:
    """Turn the byte stream of a dongle into fragments. Never raises, whatever the bytes.

    ``damaged`` counts the fragments that began and could not be delivered.
    """

    def __init__(self) -> None:
        self.damaged = 0
        self._pending = ""
        self._root: str | None = None
        self._field: str | None = None
        self._clear()

    def receive(self, data: bytes) -> list[Fragment]:
        """Take what the line gave and return the fragments that are now whole."""
        # Windows-1252 by the manual; the five bytes it leaves undefined become U+FFFD and are dropped.
        text = data.decode("cp1252", errors="replace").translate(_CONTROL)
        self._pending += text
        return list(self._fragments())

    def reset(self) -> None:
        """Forget a half-received fragment: the line was closed and opened again."""
        self._damage()
        self._pending = ""

    def _fragments(self) -> Iterator[Fragment]:
        pending, position = self._pending, 0
        while (start := pending.find("<", position)) >= 0:
            self._add_text(pending[position:start])
            end = _TAG_END.search(pending, start + 1)
            if end is None:
                position = start
                break
            if end.group() == "<":  # the tag was cut and something else spliced in
                self._damage()
                position = end.start()
                continue
            position = end.end()
            fragment = self._take_tag(pending[start:position])
            if fragment is not None:
                yield fragment
        else:
            self._add_text(pending[position:])
            position = len(pending)
        self._pending = pending[position:]
        if len(self._pending) > MAX_TAG_CHARS:
            self._damage()
            self._pending = ""

    def _take_tag(self, tag: str) -> Fragment | None:
        match = _TAG.match(tag)
        if match is None:
            self._damage()
            return None
        closing, name, empty = match.group(1), match.group(2).lower(), match.group(3)
        if closing:
            return self._close(name)
        if name in ROOTS:
            self._damage()
            self._root = ROOTS[name]
            self._complete = bool(empty)
        elif self._root is not None:
            if (
                self._field is not None
            ):  # the field before it lost its closing tag: where its text ends is unknown
                self._damage()
            elif empty:
                self._fields.append((name, ""))
            else:
                self._field, self._text = name, ""
        return self._deliver() if self._complete else None

    def _close(self, name: str) -> Fragment | None:
        if self._root is None:
            return None
        if self._field is None:
            # With no field open, a closing tag is the root's, however it is spelt, unless it closes a field
            # whose beginning was lost.
            if name in _FIELD_NAMES:
                self._damage()
                return None
            return self._deliver()
        if name != self._field:
            if name in _FIELD_NAMES or name in ROOTS:  # bytes between two fields were lost
                self._damage()
                return None
            self._strict = False
        self._fields.append((self._field, unescape(self._text.strip())))
        self._field = None
        if len(self._fields) > MAX_FIELDS:
            self._damage()
        return None

    def _add_text(self, text: str) -> None:
        if self._root is None:
            return
        self._size += len(text)
        if self._size > MAX_FRAGMENT_CHARS:
            self._damage()
        elif self._field is not None:
            self._text += text
        elif text.strip():  # text between fields: something was lost here
            self._damage()

    def _deliver(self) -> Fragment:
        assert self._root is not None
        fragment = Fragment(self._root, tuple(self._fields), self._strict)
        self._clear()
        return fragment

    def _damage(self) -> None:
        if self._root is not None:
            self.damaged += 1
        self._clear()

    def _clear(self) -> None:
        self._root = None
        self._field = None
        self._text = ""
        self._fields: list[tuple[str, str]] = []
        self._size = 0
        self._strict = True
        self._complete = False


_FIELDS = """
    devicemacid metermacid status description statuscode extpanid channel shortaddr linkstrength
    coordmacid installcode linkkey fwversion hwversion imagetype manufacturer modelid datecode metertype
    nickname account auth host enabled event frequency mode utctime localtime timestamp demand
    summationdelivered summationreceived multiplier divisor digitsright digitsleft suppressleadingzero
    currentusage lastusage startdate enddate endtime profileintervalperiod numberofperiodsdelivered
    intervaldata price currency trailingdigits tier tierlabel ratelabel id text confirmationrequired
    confirmed queue name refresh duration numberofperiods intervalchannel
"""
_FIELD_NAMES = frozenset(_FIELDS.split())
# Every field the manual names: a closing tag that is one of these but not the open one means lost bytes.
