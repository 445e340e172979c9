"""Files: what fits a query, when a file is activated, and which reports of loading can be true."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openesi.sep2 import lists
from openesi.sep2 import model as sep
from openesi.sep2.enums import FileState
from openesi.sep2.errors import DecodeError
from openesi.sep2.file import NEXT_STATES, Activation, activation, fits, problems

LINK = sep.FileLink(href="/file/1")
LOADED = {3, 4, 5, 6, 7, 8}


def file(**fields: Any) -> sep.File:
    values = {
        "fileURI": "/file/1/content", "mfID": 37244, "mfModel": "Sunny", "mfVer": "2.1", "size": 9,
        "type": b"\x00\x00",
    }  # fmt: skip
    return sep.File(**(values | fields))


def report(status: int, percent: int | None = None, **fields: Any) -> sep.FileStatus:
    values = {
        "FileLink": None if status == 0 else LINK,
        "loadPercent": (100 if status in LOADED else 0) if percent is None else percent,
        "nextRequestAttempt": 0, "request503Count": 0, "requestFailCount": 0, "status": status,
        "statusTime": 0,
    }  # fmt: skip
    return sep.FileStatus(**(values | fields))


@given(st.lists(st.sampled_from([1, 3, 5, 7, 8]), unique=True).map(sorted))
def test_a_device_that_succeeds_may_leave_out_any_report(states: list[int]) -> None:
    before = None
    for state in states:
        now = report(state)
        assert list(problems(now, before)) == []
        assert list(problems(now, now)) == []  # sent again
        before = now


@given(st.sampled_from(FileState), st.sampled_from(FileState))
def test_success_never_goes_backwards_but_by_beginning_anew(old: FileState, new: FileState) -> None:
    allowed = new in NEXT_STATES[old]
    assert (list(problems(report(new), report(old))) == []) == (allowed or 0 in (old, new))
    if old in (3, 5, 7) and new in (1, 3, 5, 7) and new < old:
        assert not allowed
    assert FileState.NONE in NEXT_STATES[old]


WRONG = {
    "reserved": (report(9), None),
    "no link": (report(1, FileLink=None), None),
    "link of nothing": (report(0, FileLink=LINK), None),
    "more than all": (report(1, 101), None),
    "loaded in part": (report(5, 99), None),
    "percent falls": (report(1, 40), report(1, 50)),
    "verifying after it failed": (report(5), report(2)),
    "failing to load what is loaded": (report(2), report(5)),
    "activated and activating": (report(7), report(8)),
    "503s forgotten": (report(1, request503Count=1), report(1, request503Count=2)),
    "failures forgotten": (report(2, requestFailCount=0), report(1, requestFailCount=1)),
}


@pytest.mark.parametrize(("status", "before"), WRONG.values(), ids=WRONG)
def test_reports_that_cannot_be_true_are_told(status: sep.FileStatus, before: sep.FileStatus | None) -> None:
    assert list(problems(status, before))


@pytest.mark.parametrize(
    ("status", "before"),
    [
        (report(1, 0), report(1, 50)),  # begun anew after a restart
        (report(1, 0), report(2, 50)),
        (report(1, 0), report(8)),
        (report(7), report(6)),
        (report(0), report(7)),
        (report(1, FileLink=sep.FileLink(href="/file/2")), report(7, request503Count=5)),
    ],
)
def test_a_device_may_begin_anew(status: sep.FileStatus, before: sep.FileStatus) -> None:
    assert list(problems(status, before)) == []


@pytest.mark.parametrize(
    ("at", "expected"),
    [(None, Activation.HOLD), (9, Activation.NOW), (10, Activation.NOW), (11, Activation.WAIT)],
)
def test_a_file_is_activated_at_its_time(at: int | None, expected: Activation) -> None:
    assert activation(file(activateTime=at), 10) is expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", True),
        ("type=00", True),
        ("type=0000&mfID=37244&mfModel=Sunny&mfVer=2.1", True),
        ("mfModel=sunny", False),
        ("mfVer=2.10", False),
        ("mfID=37244&mfVer=2.0", False),
        ("type=01", False),
        ("mfSerNum=17", False),
        ("mfModel=Sunny&mfModel=Cloudy", True),  # the first counts
        ("size=3&unknown=x", True),
    ],
)
def test_a_query_asks_for_equal_fields(query: str, expected: bool) -> None:
    assert fits(file(), lists.parse_window(query, sep.File).equal) is expected


@pytest.mark.parametrize("query", ["mfID=x", "mfID=-1", "type=0", "type=zz", "lFDI=xyz"])
def test_values_that_no_field_has_are_refused(query: str) -> None:
    with pytest.raises(DecodeError):
        lists.parse_window(query, sep.File)


def test_other_lists_have_no_filters() -> None:
    assert lists.parse_window("mfID=x&type=zz&s=2", sep.EndDevice) == lists.Window(start=2)
