"""Each procedure that tests a server has a test of its name here."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent


def named(prefix: str, *numbers: int | range, digits: int = 3) -> set[str]:
    flat = [n for one in numbers for n in ([one] if isinstance(one, int) else one)]
    return {f"{prefix}-{n:0{digits}}" for n in flat}


PROCEDURES = (
    named("COMM", range(2, 5))
    | named("CORE", range(1, 6), range(9, 15), 18, 19, range(21, 24))
    | named("BASIC", range(1, 30))
    | named("UTIL", range(1, 5))
    | named("AGG", range(1, 13))
    | named("ERR", 1, 2)
    | named("MAINT", range(1, 7))
    | named("S-ALL", range(1, 58), digits=2)
    | named("S-OPT", range(1, 6), digits=2)
)


def test_each_procedure_is_played() -> None:
    source = "\n".join(path.read_text() for path in HERE.glob("test_*.py") if path != Path(__file__))
    played = {found.replace("_", "-") for found in re.findall(r"(?:S[_-])?[A-Z]{3,5}[_-]\d{2,3}", source)}
    played |= {"COMM-003"} if "COMM_002_and_003" in source else set()
    played |= {"CORE-002"} if "CORE_001_and_002" in source else set()
    for start, ids in ((0, range(11, 25)), (16, range(27, 41))):  # the tables of controls and defaults
        assert all(f'"{n - start}": {{' in source for n in ids)
        played |= named("S-ALL", ids, digits=2)
    assert played >= PROCEDURES, sorted(PROCEDURES - played)
