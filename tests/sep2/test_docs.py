from __future__ import annotations

import re
from pathlib import Path

import pytest

from openesi.sep2.editions import EDITIONS

PAGE = (Path(__file__).parents[2] / "docs" / "model.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_of_the_page_about_the_model_run(example: str) -> None:
    exec(compile(example, "docs/model.md", "exec"), {"__name__": "docs_model"})


def test_the_page_about_the_model_names_every_edition() -> None:
    assert len(EXAMPLES) == 3
    assert not [name for name in EDITIONS if f"`{name}`" not in PAGE]
