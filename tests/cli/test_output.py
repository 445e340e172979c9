from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openesi.cli import output


def test_table_has_numbers_to_the_right_and_no_rules() -> None:
    table = output.render_table(["name", "W"], [["inverter", 5000], ["pump", 70], ["spare", None]])
    assert table.splitlines() == [
        "name         W",
        "inverter  5000",
        "pump        70",
        "spare        -",
    ]


def test_table_without_rows_is_its_header() -> None:
    assert output.render_table(["name", "W"], []) == "name  W"


def test_facts_are_aligned() -> None:
    assert output.render_facts([("LFDI", "3E4F"), ("PIN", 111115)]) == "LFDI  3E4F\nPIN   111115"


def test_rows_of_the_wrong_length_are_a_mistake() -> None:
    with pytest.raises(IndexError):
        output.render_table(["name", "W"], [["inverter"]])


@given(st.lists(st.tuples(st.text(), st.one_of(st.integers(), st.floats(), st.none()))))
def test_any_text_makes_one_printable_line_per_row(rows: list[tuple[str, int | float | None]]) -> None:
    lines = output.render_table(["name", "value"], rows).split("\n")
    assert len(lines) == len(rows) + 1
    assert all(line.isprintable() for line in lines)


def test_json_and_talk_go_to_different_streams(capsys: pytest.CaptureFixture[str]) -> None:
    output.say("talk")
    output.write_json({"lfdi": "3E"})
    output.write_json_line([1])
    output.write("data")
    printed = capsys.readouterr()
    assert printed.err == "talk\n"
    assert printed.out == '{\n  "lfdi": "3E"\n}\n[1]\ndata\n'
    assert json.loads(printed.out.partition("[")[0]) == {"lfdi": "3E"}
