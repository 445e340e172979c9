"""Everything that the operator can set can be read back, written again, copied and removed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.fill import fill
from conformance.lab import Lab, lab_in
from conformance.plant import Plant
from conformance.wire import crawl, pattern

DECIDED = {
    "href",
    "mRID",
    "version",
    "creationTime",
    "EventStatus",
    "changedTime",
    "updatedTime",
    "statusTime",
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab_in(Path(tmp_path_factory.mktemp("operator")), "csip-aus-1.3") as made:
        yield made


@pytest.fixture(scope="module")
def full(lab: Lab) -> Plant:
    return fill(lab)


# What the operator writes once, and what goes with what it is of.
NEVER_CHANGED = {
    "/ppy/{}/cr/{}": "a credit does not change",
    "/edev/{}/frq/{}": "a request is its device's",
}
NEVER_ALONE = ("/rt", "/rg", "/ab", "/os", "/cfg", "/rsps/1", "/derp/2/dc/1")


def written(lab: Lab, plant: Plant) -> dict[str, str]:
    """Return one place of each resource that the operator may write, by pattern."""
    found: dict[str, str] = {}
    table = {one["path"]: one for one in lab.utility.do("GET", "/resources")}
    for path in crawl(plant.wire):
        row = table[pattern(path)]
        if row["operator_writes"]:
            found.setdefault(pattern(path), path)
    return found


def bare(document: Any) -> Any:
    """Return a document without what the server decides, and without where it leads."""
    if isinstance(document, list):
        return [bare(one) for one in document]
    if not isinstance(document, dict):
        return document
    return {
        name: bare(value)
        for name, value in document.items()
        if name not in DECIDED and not (name.endswith("Link") and isinstance(value, dict))
    }


def test_what_was_read_is_written_again_and_changes_nothing(lab: Lab, full: Plant) -> None:
    places = written(lab, full)
    assert len(places) > 80
    for resource, path in places.items():
        before = lab.utility.do("GET", f"/resources{path}")
        if path.endswith(tuple("0123456789")) or "all" not in before:
            answer = lab.utility.ask("PUT", f"/resources{path}", before)
            if "EventStatus" in before or resource in NEVER_CHANGED:
                assert answer.status_code == 422
                assert NEVER_CHANGED.get(resource, "events do not change") in answer.text
                continue
            assert answer.status_code == 200, (path, answer.text)
            after = lab.utility.do("GET", f"/resources{path}")
            assert bare(after) == bare(before), path
            assert answer.json() == after, "it answers what will be served"


COPIED = ("/dr", "/tp", "/msg", "/bill", "/upt")


@pytest.mark.parametrize("listing", COPIED)
def test_a_tree_is_copied(lab: Lab, full: Plant, listing: str) -> None:
    """What ``deep`` shows can be posted again, whole."""
    found = members(lab.utility.do("GET", f"/resources{listing}"))
    source = next(one["href"] for one in found if listing != "/upt" or one.get("description") == "Meter")
    whole = lab.utility.do("GET", f"/resources{source}", deep=9)
    copied = lab.utility.add(listing, unnamed(whole), device=full.lfdi)
    again = lab.utility.do("GET", f"/resources{copied}", deep=9)
    assert bare(again) == bare(whole)
    removed = lab.utility.do("DELETE", f"/resources{copied}")["removed"]
    assert removed >= 1
    assert lab.utility.ask("GET", f"/resources{copied}").status_code == 404


def members(listing: dict[str, Any]) -> list[dict[str, Any]]:
    return next((value for value in listing.values() if isinstance(value, list)), [])


def unnamed(document: Any) -> Any:
    """Return a document without identifiers and links, for a copy."""
    if isinstance(document, list):
        return [unnamed(one) for one in document]
    if not isinstance(document, dict):
        return document
    return {
        name: unnamed(value)
        for name, value in document.items()
        if name not in ("mRID", "href", "EventStatus") and not name.endswith("Link")
    }


def test_everything_is_removed_again(lab: Lab, full: Plant) -> None:
    for path in sorted(written(lab, full).values(), key=lambda one: -one.count("/")):
        document = lab.utility.do("GET", f"/resources{path}")
        if "all" in document:
            continue
        removed = lab.utility.ask("DELETE", f"/resources{path}")
        if removed.status_code == 422:
            assert path.endswith(NEVER_ALONE), (path, removed.text)
            continue
        assert removed.status_code == 200, (path, removed.text)
        assert full.wire.ask("GET", path).status in (200, 404)  # blank where it is linked all the same
    lab.utility.remove(full.lfdi) if lab.utility.ask(
        "GET", f"/devices/{full.lfdi}"
    ).status_code == 200 else None
    for listing in COPIED:
        for one in members(lab.utility.do("GET", f"/resources{listing}")):
            lab.utility.delete(one["href"])
        assert lab.utility.do("GET", f"/resources{listing}")["all"] == 0
