from __future__ import annotations

from array import array
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from openesi.gateway.cache import Run
from openesi.gateway.csvout import render_csv, render_value
from openesi.gateway.fragments import Scale


def test_the_table_of_the_seed_is_written_as_it_stands_there() -> None:
    times = [1414444868, 1414444874, 1414444879, 1414444884, 1414444889]
    run = Run(array("I", times), array("q", [4, 4, 5, 5, 5]), Scale(1, 1000))

    assert render_csv([run]) == "4,1414444868\n4,1414444874\n5,1414444879\n5,1414444884\n5,1414444889\n"


def test_export_is_negative_and_fractions_stay() -> None:
    run = Run(array("I", [1, 2]), array("q", [-1000, 123_456]), Scale(2, 10_000))

    assert render_csv([run]) == "-200,1\n24691.2,2\n"


@given(
    st.integers(-(1 << 47), 1 << 47), st.integers(1, 1000), st.sampled_from([1, 3, 7, 1000, 10_000, 1 << 20])
)
def test_no_value_is_rounded_where_it_would_show(raw: int, multiplier: int, divisor: int) -> None:
    scale = Scale(multiplier, divisor)
    text = render_value(raw, scale)

    assert "E" not in text
    assert abs(Fraction(Decimal(text)) - scale.to_base_unit(raw)) <= Fraction(1, 10**6)
