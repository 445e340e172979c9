"""Everything that is served, followed from DeviceCapability and held against the XSD of its edition."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.fill import fill
from conformance.lab import Lab, lab_in, schema
from conformance.plant import Plant
from conformance.wire import crawl, pattern

EDITIONS = ("2018", "2023", "2013", "2.0.4", "csip-aus-1.2", "csip-aus-1.3")

# What the tree has and no link of the standard leads to.
NOT_LINKED = {
    "NotificationList", "Notification",  # on clients
    "AssociatedUsagePoint", "CurrentDERProgram",  # not to be used (BASIC-024)
    "GroupList",  # members are linked by the devices in them
    "BillingReadingSetList", "BillingReadingSet", "BillingReadingList", "BillingReading",  # below others
}  # fmt: skip
# What is linked in some editions only.
ADDED = {
    "ConnectionPoint": ("csip-aus-1.2", "csip-aus-1.3"),
    "CombinedTimeTariffIntervalList": ("csip-aus-1.3",),
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab_in(Path(tmp_path_factory.mktemp("crawl"))) as made:
        yield made


@pytest.fixture(scope="module")
def full(lab: Lab) -> Plant:
    return fill(lab)


@pytest.mark.parametrize("edition", EDITIONS)
def test_every_href_answers_by_the_schema(lab: Lab, full: Plant, edition: str) -> None:
    lab.utility.change_device(full.lfdi, edition=edition)
    full.wire.schema = schema(edition)
    found = crawl(full.wire)
    table = lab.utility.do("GET", "/resources")
    seen = {pattern(path) for path in found}
    missing = {one["name"] for one in table if one["path"] not in seen} - NOT_LINKED
    if edition == "2023":  # it has given up lists of what is active
        assert {name for name in missing if name.startswith("Active")}
        missing = {name for name in missing if not name.startswith("Active")}
    for name, of in ADDED.items():
        assert (name in missing) == (edition not in of)
    assert missing <= ADDED.keys()
