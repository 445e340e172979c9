"""The documentation names code, scenarios and ends that exist, and all of them."""

from __future__ import annotations

import doctest
import importlib
import re
from pathlib import Path

import pytest

from openesi.provisioning import lifecycle, scenarios, usecase
from openesi.provisioning.se import cbke

PAGE = (Path(__file__).parents[2] / "docs" / "provisioning.md").read_text()


@pytest.mark.parametrize("step", usecase.STEPS, ids=lambda step: str(step.number))
def test_each_step_stands_in_the_table_and_names_code_that_is_there(step: usecase.Step) -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| {step.number} | {step.source}"))

    for cell in (step.target, step.message, step.before, step.after):
        assert cell in row
    for name in step.code.split(", "):
        assert f"`{name}`" in row
        assert callable(find(name))


def find(name: str) -> object:
    """A class or method by its path below ``openesi.provisioning``."""
    parts = name.split(".")
    at = next(index for index, part in enumerate(parts) if part[0].isupper())
    found: object = importlib.import_module(".".join(("openesi.provisioning", *parts[:at])))
    for part in parts[at:]:
        found = getattr(found, part)
    return found


def test_every_scenario_and_every_end_is_there() -> None:
    for scenario in scenarios.SCENARIOS:
        assert f"| `{scenario.name}` | {scenario.title} | {scenario.ends} | {scenario.after} |" in PAGE
    for end, way_out in lifecycle.RECOVERY.items():
        assert f"| {end} | {way_out} |" in PAGE


def test_the_example_of_key_establishment_works() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, object] = {}

    exec(code, names)

    assert isinstance(names["keys"], cbke.SharedKeys)
    assert doctest.testmod(cbke).failed == 0
