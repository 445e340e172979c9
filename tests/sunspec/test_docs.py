"""The table in docs/points.md is the packaged one. Run this file to write it."""

from __future__ import annotations

import re
from pathlib import Path

from openesi.sunspec.table import standard_table

PAGE = Path(__file__).parents[2] / "docs" / "points.md"
PLACE = re.compile(r"(?<=<!-- points -->\n).*?(?=<!-- end of points -->)", re.DOTALL)


def rendered() -> str:
    lines = ["| point | resource and field | unit | type | what |", "| --- | --- | --- | --- | --- |"]
    for point in standard_table().values():
        name = f"`{point.name}`" + (", can be set" if point.writable else "")
        place = f"{point.resource} {point.field}"
        lines.append(f"| {name} | {place} | {point.units} | {point.type.value} | {point.notes} |")
    return "\n".join(lines) + "\n"


def test_the_documented_table_is_the_packaged_one() -> None:
    found = PLACE.search(PAGE.read_text())
    assert found is not None
    assert found[0] == rendered()


if __name__ == "__main__":
    PAGE.write_text(PLACE.sub(lambda _: rendered(), PAGE.read_text()))
