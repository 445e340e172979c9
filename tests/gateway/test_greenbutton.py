"""The rules of the Green Button Alliance's function-block tests, as a table.

Their numbers are the test ids.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Callable

import pytest
from greenbutton_objects import parse
from lxml import etree

from gateway.simulate import METER_START_S, Simulation, simulation
from openesi.gateway.greenbutton import Feed
from openesi.gateway.record import SeriesName

ATOM, ESPI = "{http://www.w3.org/2005/Atom}", "{http://naesb.org/espi}"
Tree = etree._Element


def feed_of(
    sim: Simulation, start_s: int = 0, end_s: int = 0xFFFF_FFFF, *, export: bool = True, net: bool = False
) -> str:
    bounds = sim.record.bounds(SeriesName.POWER, sim.now)
    assert bounds is not None
    feed = Feed(
        meter="0x0013500100000001",
        updated_s=bounds[1],
        start_s=max(start_s, bounds[0]),
        end_s=min(end_s, bounds[1]),
        interval_s=4,
        energy_interval_s=60,
        export=export,
        net=net,
        power=lambda a, b: sim.record.runs(SeriesName.POWER, a, b),
        energy=lambda a, b: sim.record.runs(SeriesName.ENERGY, a, b),
        energy_received=lambda a, b: sim.record.runs(SeriesName.ENERGY_RECEIVED, a, b),
    )
    return "".join(feed.render())


@pytest.fixture(scope="module")
def sim() -> Simulation:
    sim = simulation("silence@3000+600", start_s=METER_START_S + 17 * 3600)  # the sun rises
    sim.run(4 * 3600)
    return sim


@pytest.fixture(scope="module")
def tree(sim: Simulation) -> Tree:
    return etree.fromstring(feed_of(sim).encode())


def entries(tree: Tree, kind: str) -> list[Tree]:
    return [
        entry for entry in tree.iter(f"{ATOM}entry") if entry.find(f"{ATOM}content/{ESPI}{kind}") is not None
    ]


def hrefs(entry: Tree, rel: str) -> list[str]:
    return [str(link.get("href")) for link in entry.findall(f"{ATOM}link") if link.get("rel") == rel]


def texts(element: Tree, path: str) -> list[str]:
    return [str(found.text) for found in element.iterfind(path)]


def every_entry_is_complete(tree: Tree) -> bool:  # D009 to D070
    return all(
        entry.find(f"{ATOM}{name}") is not None
        for entry in tree.iter(f"{ATOM}entry")
        for name in ("id", "title", "published", "updated")
    ) and all(len(hrefs(e, "self")) == len(hrefs(e, "up")) == 1 for e in tree.iter(f"{ATOM}entry"))


def self_links_and_ids_are_unique(tree: Tree) -> bool:  # D014, D021, D035, D052, D143
    selves = [href for entry in tree.iter(f"{ATOM}entry") for href in hrefs(entry, "self")]
    ids = texts(tree, f".//{ATOM}id")
    return len(set(selves)) == len(selves) and len(set(ids)) == len(ids)


def one_local_time_is_related(tree: Tree) -> bool:  # D007, D136
    (point,) = entries(tree, "UsagePoint")
    (time,) = entries(tree, "LocalTimeParameters")
    return hrefs(time, "self")[0] in hrefs(point, "related")


def each_meter_reading_has_type_and_blocks(tree: Tree) -> bool:  # D024, D025
    types = {href for entry in entries(tree, "ReadingType") for href in hrefs(entry, "self")}
    ups = {href for entry in entries(tree, "IntervalBlock") for href in hrefs(entry, "up")}
    return all(
        len(types & set(hrefs(reading, "related"))) == 1 and ups & set(hrefs(reading, "related"))
        for reading in entries(tree, "MeterReading")
    )


def blocks_start_with_their_first_reading(tree: Tree) -> bool:  # D042
    return all(
        texts(block, f"{ESPI}interval/{ESPI}start")
        == texts(block, f"{ESPI}IntervalReading/{ESPI}timePeriod/{ESPI}start")[:1]
        for block in tree.iter(f"{ESPI}IntervalBlock")
    )


def starts_are_unique_in_a_meter_reading(tree: Tree) -> bool:  # D145, D146
    for path in (f".//{ESPI}timePeriod/{ESPI}start", f".//{ESPI}interval/{ESPI}start"):
        seen = Counter(
            (hrefs(entry, "up")[0], start)
            for entry in entries(tree, "IntervalBlock")
            for start in texts(entry, path)
        )
        if max(seen.values()) > 1:
            return False
    return True


def reading_types_are_complete(tree: Tree) -> bool:  # D062 to D068, D064 for electricity
    wanted = ("intervalLength", "kind", "powerOfTenMultiplier", "uom", "phase", "commodity")
    return all(
        kind.find(f"{ESPI}{name}") is not None for kind in tree.iter(f"{ESPI}ReadingType") for name in wanted
    )


def codes(tree: Tree) -> set[tuple[str, ...]]:
    names = ("accumulationBehaviour", "commodity", "flowDirection", "kind", "uom")
    return {
        tuple(texts(kind, f"{ESPI}{name}")[0] for name in names) for kind in tree.iter(f"{ESPI}ReadingType")
    }


def there_is_a_wh_profile(tree: Tree) -> bool:  # D078
    return ("4", "1", "1", "12", "72") in codes(tree)


def power_is_instantaneous_watts(tree: Tree) -> bool:  # D071
    return ("12", "1", "1", "37", "38") in codes(tree)


RULES: list[Callable[[Tree], bool]] = [
    every_entry_is_complete,
    self_links_and_ids_are_unique,
    one_local_time_is_related,
    each_meter_reading_has_type_and_blocks,
    blocks_start_with_their_first_reading,
    starts_are_unique_in_a_meter_reading,
    reading_types_are_complete,
    there_is_a_wh_profile,
    power_is_instantaneous_watts,
]

ORDER = {  # ESPI 4.0: the XSD's sequences
    "ReadingType": "accumulationBehaviour commodity consumptionTier currency dataQualifier defaultQuality "
    "flowDirection intervalLength kind phase powerOfTenMultiplier timeAttribute tou uom",
    "UsagePoint": "roleFlags ServiceCategory status",
    "LocalTimeParameters": "dstEndRule dstOffset dstStartRule tzOffset",
    "IntervalBlock": "interval IntervalReading",
    "IntervalReading": "cost ReadingQuality timePeriod value",
    "interval": "duration start",
    "timePeriod": "duration start",
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_feed_keeps_the_rule(tree: Tree, rule: Callable[[Tree], bool]) -> None:
    assert rule(tree)


@pytest.mark.parametrize("name", ORDER)
def test_children_stand_in_the_order_of_the_schema(tree: Tree, name: str) -> None:
    order = ORDER[name].split()
    for element in tree.iter(f"{ESPI}{name}"):
        places = [order.index(etree.QName(child).localname) for child in element]
        assert places == sorted(places)


def test_values_are_the_readings(sim: Simulation, tree: Tree) -> None:
    power = sim.record.points(SeriesName.POWER, 0, 1 << 32)
    energy = [p.raw for p in sim.record.points(SeriesName.ENERGY, 0, 1 << 32)]
    blocks: dict[int, list[tuple[int, int, int]]] = {}
    for entry in entries(tree, "IntervalBlock"):
        number = int(hrefs(entry, "up")[0].split("/")[-2])
        for reading in entry.iter(f"{ESPI}IntervalReading"):
            # type: ignore[union-attr]
            duration, start = (int(str(e.text)) for e in reading.find(f"{ESPI}timePeriod"))
            blocks.setdefault(number, []).append((start, duration, int(texts(reading, f"{ESPI}value")[0])))

    assert [(s, v) for s, _, v in blocks[2]] == [(p.time_s, p.value) for p in power if p.raw >= 0]
    assert [(s, -v) for s, _, v in blocks[4]] == [(p.time_s, p.value) for p in power if p.raw < 0]
    assert sum(v for _, _, v in blocks[1]) == energy[-1] - energy[0]
    assert all(a[0] + a[1] == b[0] for a, b in zip(blocks[1], blocks[1][1:], strict=False))


def test_identifiers_are_stable_and_blocks_aligned(sim: Simulation) -> None:
    once, again = feed_of(sim), feed_of(sim)
    later = etree.fromstring(feed_of(sim, METER_START_S + 17 * 3600 + 5000).encode())
    ids = {e.findtext(f"{ATOM}id") for e in etree.fromstring(once.encode()).iter(f"{ATOM}entry")}

    assert once == again
    assert {e.findtext(f"{ATOM}id") for e in later.iter(f"{ATOM}entry")} <= ids
    assert all(re.match("urn:uuid:[0-9a-f-]{14}5", str(i)) for i in ids)


def test_a_parser_from_elsewhere_reads_it(sim: Simulation) -> None:
    (point,) = parse.parse_feed(io.BytesIO(feed_of(sim).encode()))

    by_uom = {str(reading.readingType.uom): reading for reading in point.meterReadings}
    assert len(point.meterReadings) == 4
    assert len(by_uom) == 2


def test_net_power_is_one_signed_reading_when_asked_for(sim: Simulation) -> None:
    tree = etree.fromstring(feed_of(sim, net=True).encode())

    assert ("12", "1", "4", "37", "38") in codes(tree)
    assert ("12", "1", "1", "37", "38") not in codes(tree)
    assert any(int(text) < 0 for text in texts(tree, f".//{ESPI}IntervalReading/{ESPI}value"))


def test_without_export_there_is_no_received_reading(sim: Simulation) -> None:
    tree = etree.fromstring(feed_of(sim, export=False).encode())

    assert codes(tree) == {("4", "1", "1", "12", "72"), ("12", "1", "1", "37", "38")}
