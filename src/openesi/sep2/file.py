"""File download: which file fits a query, when it is to be activated, and how loading may go on.

A device reports with a FileStatus what it does with a file. The states of one file, in their order::

    NONE -> LOADING -> VERIFYING -> WAITING_TO_ACTIVATE -> ACTIVATING -> ACTIVATED
               |           |                                  |
          LOAD_FAILED  VERIFICATION_FAILED             ACTIVATION_FAILED

A device need not report each of them, so a report may skip some on the way. After a failure it begins anew,
or gives up (NONE). Sources: IEEE 2030.5-2018, 9.8, and the annotations of File and FileStatus.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum

from openesi.sep2 import model as sep
from openesi.sep2.enums import FileState

# Query parameters of a FileList: only files whose fields are equal to all that are given.
FILTERS = ("type", "lFDI", "mfHwVer", "mfID", "mfModel", "mfSerNum", "mfVer")

_WAY = (
    FileState.NONE, FileState.LOADING, FileState.VERIFYING, FileState.WAITING_TO_ACTIVATE,
    FileState.ACTIVATING, FileState.ACTIVATED,
)  # fmt: skip
_FAILURES = {  # what can fail, as what, and from where it goes on
    FileState.LOAD_FAILED: (FileState.LOADING, {FileState.LOADING}),
    FileState.VERIFICATION_FAILED: (FileState.VERIFYING, {FileState.LOADING}),
    FileState.ACTIVATION_FAILED: (FileState.ACTIVATING, {FileState.LOADING, FileState.ACTIVATING}),
}


def _next_states() -> Mapping[int, frozenset[int]]:
    table: dict[int, frozenset[int]] = {}
    for place, state in enumerate(_WAY):
        onwards = set(_WAY[place:])
        failures = {failed for failed, (doing, _) in _FAILURES.items() if _WAY.index(doing) >= place}
        table[state] = frozenset({FileState.NONE, *onwards, *failures})
    table[FileState.ACTIVATED] |= {FileState.LOADING}
    for failed, (_, again) in _FAILURES.items():
        table[failed] = frozenset({FileState.NONE, failed, *again})
    return table


NEXT_STATES = _next_states()
_LOADED = frozenset(FileState) - {FileState.NONE, FileState.LOADING, FileState.LOAD_FAILED}


class Activation(Enum):
    """What a device does with a file once it has it."""

    HOLD = "hold"  # until a later look at the File shows a time
    WAIT = "wait"  # for the time that it shows
    NOW = "now"


def activation(file: sep.File, now: int) -> Activation:
    """Return what ``activateTime`` asks at ``now`` (s)."""
    if file.activateTime is None:
        return Activation.HOLD
    return Activation.NOW if file.activateTime <= now else Activation.WAIT


def fits(file: sep.File, wanted: Mapping[str, object]) -> bool:
    """Tell whether a file's fields are all equal to what is wanted; octets compare as numbers."""
    return all(_plain(getattr(file, name)) == _plain(value) for name, value in wanted.items())


def _plain(value: object) -> object:
    return int.from_bytes(value, "big") if isinstance(value, bytes) else value


def problems(status: sep.FileStatus, before: sep.FileStatus | None) -> Iterator[str]:
    """Yield what in a report cannot be, by itself or after the report before it."""
    if status.status not in NEXT_STATES:
        yield f"status {status.status} is reserved"
        return
    if (status.FileLink is None) != (status.status == FileState.NONE):
        yield "FileLink belongs to every status but 0, and not to that"
    if status.loadPercent > 100:
        yield f"loadPercent {status.loadPercent} is more than all"
    elif status.status in _LOADED and status.loadPercent != 100:
        yield f"loadPercent {status.loadPercent} of a file that is loaded"
    if before is not None and _same_file(before, status):
        yield from _steps(before, status)


def _same_file(before: sep.FileStatus, status: sep.FileStatus) -> bool:
    links = before.FileLink, status.FileLink
    return links[0] is not None and links[1] is not None and links[0].href == links[1].href


def _steps(before: sep.FileStatus, status: sep.FileStatus) -> Iterator[str]:
    if status.status not in NEXT_STATES[before.status]:
        yield f"status {status.status} does not follow {before.status}"
    going_on = status.status == before.status == FileState.LOADING
    if going_on and 0 != status.loadPercent < before.loadPercent:  # 0: begun anew, after a restart say
        yield f"loadPercent falls from {before.loadPercent} to {status.loadPercent}"
    for counter in ("request503Count", "requestFailCount"):
        if getattr(status, counter) < getattr(before, counter):
            yield f"{counter} falls while the file is the same"
