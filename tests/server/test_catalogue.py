"""The page about function sets says what the tables say, and says it of everything."""

from __future__ import annotations

from pathlib import Path

from openesi.sep2.resources import RESOURCES
from openesi.server.catalogue import FUNCTION_SETS, render_page, resources_of

PAGE = Path(__file__).parents[2] / "docs" / "function-sets.md"


def test_the_page_is_what_the_tables_make() -> None:
    assert PAGE.read_text(encoding="utf-8") == render_page(), (
        "print it anew: python -m openesi.server.catalogue > docs/function-sets.md"
    )


def test_every_resource_belongs_to_one_function_set() -> None:
    found = [resource for one in FUNCTION_SETS for resource in resources_of(one)]
    assert sorted(one.name for one in found) == sorted(one.name for one in RESOURCES)
    assert all(resources_of(one) for one in FUNCTION_SETS)
