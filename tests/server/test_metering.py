"""Metering: what the operator offers, the shapes that types ask for, and mirrors held to the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openesi.errors import LocalError
from openesi.sep2 import identity, metering
from openesi.sep2 import model as sep
from openesi.server.functions.metering import MAX_KEPT_READINGS, MAX_READING_SETS, MAX_READINGS
from openesi.server.functions.metering_mirror import MAX_MIRRORS, POINTS_A_MIRROR
from server.esi import START, Esi, lfdi_of, location
from server.hand import deep, merge, put, remove, write

OTHER = 2
IN_PROGRESS = identity.reserved_mrid(37244)


@pytest.fixture
def esi(tmp_path: Path) -> Iterator[Esi]:
    server = Esi(tmp_path)
    server.register(1)
    server.register(OTHER)
    yield server
    server.close()


ENERGY = {"uom": 72, "commodity": 1, "kind": 12, "accumulationBehaviour": 9}
INTERVALS = {
    "uom": 72,
    "commodity": 1,
    "flowDirection": 19,
    "accumulationBehaviour": 4,
    "intervalLength": 900,
}
POWER = {"uom": 38, "commodity": 1, "kind": 37, "accumulationBehaviour": 12}


def reading_set(start: int, *values: int, **fields: Any) -> dict[str, Any]:
    readings = [{"localID": f"{number:04X}", "value": value} for number, value in enumerate(values)]
    return {
        "timePeriod": {"start": start, "duration": 900 * len(values) or 900},
        "Reading": readings,
    } | fields


def point(*quantities: dict[str, Any], **fields: Any) -> dict[str, Any]:
    base = {"roleFlags": "0002", "serviceCategoryKind": 0, "status": 1, "MeterReading": list(quantities)}
    return base | fields


def quantity(kind: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"ReadingType": kind} | fields


# --- the operator's ----------------------------------------------------------------------------------------


def test_several_commodities_in_both_directions_are_read_to_the_last_value(esi: Esi) -> None:
    electricity = write(
        esi,
        "/upt",
        point(
            quantity(ENERGY | {"flowDirection": 1}, description="Import", Reading={"value": 100}),
            quantity(
                INTERVALS, description="Export",
                ReadingSet=[reading_set(START, 5, 6), reading_set(START + 1_800, 7)],
            ),
        ),
        device=1,
    )  # fmt: skip
    gas = write(esi, "/upt", point(quantity({"uom": 42, "commodity": 7}), serviceCategoryKind=1), device=1)

    listed = esi.get("/upt?l=9")
    assert {one.href for one in listed.UsagePoint} == {electricity, gas}
    assert esi.get("/upt?l=9", device=OTHER).all == 0
    assert esi.ask("GET", f"{electricity}/mr/1/rt", device=OTHER).status == 404
    quantities = {one.description: one for one in esi.get(f"{electricity}/mr?l=9").MeterReading}
    assert esi.get(quantities["Import"].ReadingLink.href).value == 100
    assert quantities["Export"].ReadingLink is None
    sets = esi.get(f"{quantities['Export'].ReadingSetListLink.href}?l=9").ReadingSet
    assert [one.timePeriod.start for one in sets] == [START + 1_800, START]
    assert [one.value for one in esi.get(f"{sets[1].ReadingListLink.href}?l=9").Reading] == [5, 6]
    assert esi.get(f"{quantities['Export'].ReadingSetListLink.href}?a={START}&l=9").results == 1
    shown = deep(esi, gas)["MeterReading"][0]
    assert shown["ReadingType"]["commodity"] == 7


BAD_POINTS = {
    "a mirror": point(roleFlags="0001"),
    "no type": point({"description": "x"}),
    "unknown field": point(quantity(ENERGY | {"unit": "Wh"})),
    "multiplier": point(quantity(ENERGY | {"powerOfTenMultiplier": 200})),
    "16 tiers": point(quantity(ENERGY | {"numberOfTouTiers": 16})),
    "17 blocks": point(quantity(ENERGY | {"numberOfConsumptionBlocks": 17})),
    "tiered blocks without tiers": point(quantity(ENERGY | {"tieredConsumptionBlocks": True})),
    "sub-intervals": point(quantity(INTERVALS | {"subIntervalLength": 400})),
    "no tier": point(quantity(ENERGY | {"numberOfTouTiers": 2}, Reading={"value": 1})),
    "no such tier": point(quantity(ENERGY | {"numberOfTouTiers": 2}, Reading={"touTier": 3, "value": 1})),
    "tier without tiers": point(quantity(ENERGY, Reading={"touTier": 1, "value": 1})),
    "no block": point(quantity(ENERGY | {"numberOfConsumptionBlocks": 2}, Reading={"value": 1})),
    "reserved quality": point(quantity(ENERGY, Reading={"value": 1, "qualityFlags": "0100"})),
    "value": point(quantity(ENERGY, Reading={"value": 2**48})),
    "history of an instant": point(quantity(POWER, ReadingSet=[reading_set(START, 1)])),
    "present value of intervals": point(quantity(INTERVALS, Reading={"value": 1})),
    "the same tier twice": point(
        quantity(
            ENERGY | {"numberOfTouTiers": 2},
            ReadingSet=[
                {
                    "timePeriod": {"start": START, "duration": 9},
                    "Reading": [{"touTier": 1, "value": 1}, {"touTier": 1, "value": 2}],
                }
            ],
        )
    ),
    "two sets in progress": point(
        quantity(
            INTERVALS,
            ReadingSet=[reading_set(START + n, 1, mRID=IN_PROGRESS.hex()) for n in range(2)],
        )
    ),
}


@pytest.mark.parametrize("values", BAD_POINTS.values(), ids=BAD_POINTS)
def test_usage_points_that_make_no_sense_are_refused_whole(esi: Esi, values: dict[str, Any]) -> None:
    with pytest.raises(LocalError):
        write(esi, "/upt", values, device=1)

    assert esi.get("/upt").all == 0


def test_a_register_by_tier_and_block_has_one_value_for_each(esi: Esi) -> None:
    kind = ENERGY | {"numberOfTouTiers": 2, "numberOfConsumptionBlocks": 1, "tieredConsumptionBlocks": True}
    values = [
        {"touTier": tier, "consumptionBlock": block, "value": 10 * tier + block}
        for tier in (2, 0, 1)
        for block in (1, 0)
    ]
    period = {"start": START, "duration": 3_600}
    path = write(
        esi, "/upt", point(quantity(kind, ReadingSet=[{"timePeriod": period, "Reading": values}])), device=1
    )
    shown = esi.get(f"{path}/mr/1/rs/1/r?l=9").Reading

    assert [(one.consumptionBlock, one.touTier) for one in shown] == [
        (block, tier) for block in (0, 1) for tier in (0, 1, 2)
    ]
    with pytest.raises(LocalError, match="twice"):
        put(esi, f"{path}/mr/1/rs/1/r/1", {"touTier": 0, "consumptionBlock": 0, "value": 5})


def test_the_set_in_progress_makes_way_for_the_set_it_becomes(esi: Esi) -> None:
    path = write(
        esi,
        "/upt",
        point(quantity(INTERVALS, ReadingSet=[reading_set(START, 1, mRID=IN_PROGRESS.hex())])),
        device=1,
    )
    listing = f"{path}/mr/1/rs"
    write(esi, listing, reading_set(START, 1, 2))
    assert [one.mRID == IN_PROGRESS for one in esi.get(f"{listing}?l=9").ReadingSet] == [False]

    second = write(esi, listing, reading_set(START + 1_800, 3, mRID=IN_PROGRESS.hex()))
    merge(esi, second, {"mRID": "00" * 15 + "07"})
    write(esi, listing, reading_set(START + 3_600, 3, mRID=IN_PROGRESS.hex()))
    assert [one.mRID[-1:] for one in esi.get(f"{listing}?l=9").ReadingSet][1] == b"\7"


def test_old_sets_make_room(esi: Esi) -> None:
    path = write(esi, "/upt", point(quantity(INTERVALS)), device=1)
    listing = f"{path}/mr/1/rs"
    for number in range(MAX_READING_SETS + 2):
        write(esi, listing, {"timePeriod": {"start": START + number, "duration": 1}})

    shown = esi.get(f"{listing}?s={MAX_READING_SETS - 1}&l=1")
    assert (shown.all, shown.ReadingSet[0].timePeriod.start) == (MAX_READING_SETS, START + 2)


def test_devices_read_what_is_the_operators(esi: Esi) -> None:
    path = write(esi, "/upt", point(quantity(ENERGY, Reading={"value": 1})), device=1)
    for place in ("", "/mr", "/mr/1", "/mr/1/rt", "/mr/1/r", "/mr/1/rs"):
        for method in ("PUT", "POST", "DELETE"):
            assert esi.ask(method, path + place, b"" if method == "DELETE" else b"<x/>").status == 405
    remove(esi, path)
    assert esi.ask("GET", f"{path}/mr/1/r").status == 404


@given(
    st.integers(0, 15), st.integers(0, 16), st.none() | st.integers(0, 255), st.none() | st.integers(0, 255)
)
def test_a_reading_fits_if_its_tier_and_block_are_among_those_of_its_type(
    tiers: int, blocks: int, tier: int | None, block: int | None
) -> None:
    kind = sep.ReadingType(numberOfTouTiers=tiers or None, numberOfConsumptionBlocks=blocks)
    reading = sep.Reading(touTier=tier, consumptionBlock=block, value=1)
    fits = all(
        (given is None and not count) or (given is not None and given <= count)
        for given, count in ((tier, tiers), (block, blocks))
    )

    assert (list(metering.problems(kind, reading)) == []) == fits


# --- mirrors -----------------------------------------------------------------------------------------------


def mirror(number: int = 1, *readings: sep.MirrorMeterReading) -> sep.MirrorUsagePoint:
    return sep.MirrorUsagePoint(
        mRID=number.to_bytes(16, "big"), roleFlags=b"\x00", serviceCategoryKind=0, status=1,
        deviceLFDI=lfdi_of(1), MirrorMeterReading=readings,
    )  # fmt: skip


def mirrored(*sets: sep.MirrorReadingSet, **fields: Any) -> sep.MirrorMeterReading:
    return sep.MirrorMeterReading(**({"mRID": b"\x0a", "MirrorReadingSet": sets} | fields))


TIERED = sep.ReadingType(uom=72, numberOfTouTiers=2)


def interval_set(mrid: bytes, start: int = START, *readings: sep.Reading) -> sep.MirrorReadingSet:
    return sep.MirrorReadingSet(
        mRID=mrid, timePeriod=sep.DateTimeInterval(duration=900, start=start), Reading=readings
    )


BAD_MIRRORED = {
    "no tier": mirrored(ReadingType=TIERED, Reading=sep.Reading(value=1)),
    "no such tier": mirrored(ReadingType=TIERED, Reading=sep.Reading(touTier=3, value=1)),
    "no such tier in a set": mirrored(
        interval_set(b"\1", START, sep.Reading(touTier=9, value=1)), ReadingType=TIERED
    ),
    "the same tier twice": mirrored(
        interval_set(b"\1", START, sep.Reading(touTier=1, value=1), sep.Reading(touTier=1, value=2)),
        ReadingType=TIERED,
    ),
    "16 tiers": mirrored(ReadingType=sep.ReadingType(numberOfTouTiers=16)),
    "two days ahead": mirrored(interval_set(b"\1", START + 2 * 86_400), ReadingType=sep.ReadingType()),
    "no type": mirrored(Reading=sep.Reading(value=1)),
}


@pytest.mark.parametrize("posted", BAD_MIRRORED.values(), ids=BAD_MIRRORED)
def test_mirrored_readings_are_held_to_their_type(esi: Esi, posted: sep.MirrorMeterReading) -> None:
    place = location(esi.post("/mup", mirror()))

    assert esi.post(place, posted).status == 400
    assert esi.post("/mup", mirror(2, posted)).status == 400
    assert esi.get("/upt/1/mr").all == 0
    assert esi.get("/mup").all == 1


def test_what_a_known_quantity_is_called_is_taken_anew(esi: Esi) -> None:
    place = location(esi.post("/mup", mirror(1, mirrored(ReadingType=sep.ReadingType(uom=38)))))
    again = mirrored(description="Real power", version=3, ReadingType=sep.ReadingType(uom=63))

    assert esi.post(place, again).status == 204
    shown = esi.get("/upt/1/mr?l=9").MeterReading[0]
    assert (shown.description, shown.version) == ("Real power", 3)
    assert esi.get(shown.ReadingTypeLink.href).uom == 63
    assert esi.post(place, mirrored(Reading=sep.Reading(value=1))).status == 204
    assert esi.get("/upt/1/mr/1").description == "Real power"


def test_a_mirrored_set_in_progress_is_replaced_until_it_is_complete(esi: Esi) -> None:
    place = location(esi.post("/mup", mirror(1, mirrored(ReadingType=sep.ReadingType(uom=72)))))
    values = [sep.Reading(localID=bytes((number,)), value=number) for number in range(3)]
    posted = [
        esi.post(place, mirrored(interval_set(mrid, START, *values[:count]))).status
        for mrid, count in ((IN_PROGRESS, 1), (IN_PROGRESS, 2), (b"\5", 3))
    ]

    assert posted == [201, 204, 201]
    sets = esi.get("/upt/1/mr/1/rs?l=9").ReadingSet
    assert [(one.mRID[-1:], one.ReadingListLink.all) for one in sets] == [(b"\5", 3)]


def test_large_sets_make_room_for_their_readings(esi: Esi) -> None:
    place = location(esi.post("/mup", mirror(1, mirrored(ReadingType=sep.ReadingType(uom=72)))))
    values = [sep.Reading(value=1)] * MAX_READINGS
    fit = MAX_KEPT_READINGS // MAX_READINGS
    for number in range(fit + 2):
        posted = interval_set((number + 1).to_bytes(16, "big"), START + number, *values)
        assert esi.post(place, mirrored(posted)).status == 201

    sets = esi.get("/upt/1/mr/1/rs?l=255").ReadingSet
    assert [one.timePeriod.start - START for one in sets] == list(range(fit + 1, 1, -1))
    small = interval_set(b"\x70" * 16, START + 100, sep.Reading(value=1))
    assert esi.post(place, mirrored(small)).status == 201
    assert esi.get("/upt/1/mr/1/rs").all == fit + 1


def test_a_client_that_can_make_no_more_mirrors_is_shown_no_way_to(esi: Esi) -> None:
    for number in range(MAX_MIRRORS):
        assert esi.get("/dcap").MirrorUsagePointListLink.all == number
        esi.post("/mup", mirror(1 + number))

    assert esi.get("/dcap").MirrorUsagePointListLink is None
    assert esi.get("/dcap", device=OTHER).MirrorUsagePointListLink.all == 0
    assert esi.ask("DELETE", "/mup/7").status == 204
    assert esi.get("/dcap").MirrorUsagePointListLink.all == MAX_MIRRORS - 1


def test_a_device_that_leaves_takes_what_it_posted_and_nothing_of_the_operators(esi: Esi) -> None:
    own = write(esi, "/upt", point(quantity(ENERGY)), device=1)
    location(esi.post("/mup", mirror(1, mirrored(ReadingType=sep.ReadingType(uom=38)))))
    assert esi.get("/upt").all == 2
    assert esi.ask("DELETE", "/edev/1").status == 204
    esi.register(1)

    assert [one.href for one in esi.get("/upt?l=9").UsagePoint] == [own]
    assert esi.get("/mup").all == 0


def test_a_mirror_that_nobody_posts_to_ends_and_its_history_stays(esi: Esi) -> None:
    place = location(esi.post("/mup", mirror(1, mirrored(ReadingType=sep.ReadingType(uom=38)))))
    for hour in range(0, 100, 5):
        esi.now = START + hour * 3_600
        assert esi.post(place, mirrored(Reading=sep.Reading(value=hour))).status == 204
    esi.now += 70 * 3_600
    assert esi.ask("GET", place).status == 200
    esi.restart()
    esi.now += 3 * 3_600

    assert esi.post(place, mirrored(Reading=sep.Reading(value=1))).status == 404
    assert esi.get("/mup").all == 0
    assert (esi.get("/upt/1").status, esi.get("/upt/1/mr/1/r").value) == (0, 95)
    assert esi.post("/mup", mirror(1)).status == 201
    assert esi.get("/upt?l=9").UsagePoint[0].status == 1


def test_mirrors_that_come_and_go_do_not_pile_up(esi: Esi) -> None:
    own = write(esi, "/upt", point(quantity(ENERGY)), device=1)
    most = POINTS_A_MIRROR * MAX_MIRRORS
    for number in range(most + 20):
        place = location(esi.post("/mup", mirror(1 + number)))
        if number:
            assert esi.ask("DELETE", place).status == 204

    assert esi.get("/upt").all == most
    assert esi.ask("GET", own).status == 200
    assert esi.get("/mup").all == 1
    assert esi.get("/upt/2").status == 1  # still mirrored


def test_an_aggregator_has_mirrors_for_each_device_it_speaks_for(esi: Esi) -> None:
    esi.register(40)
    for device in (41, 42):
        esi.register(device, aggregator=40)
    for number in range(MAX_MIRRORS + 1):
        posted = sep.replace(mirror(1 + number), deviceLFDI=lfdi_of(41 + number % 2))
        assert esi.post("/mup", posted, device=40).status == 201

    assert esi.get("/dcap", device=40).MirrorUsagePointListLink.all == MAX_MIRRORS + 1


def test_the_operator_neither_makes_nor_unmakes_mirrors(esi: Esi) -> None:
    place = location(esi.post("/mup", mirror(1, mirrored(ReadingType=sep.ReadingType(uom=38)))))
    merge(esi, "/upt/1", {"description": "Roof"})
    with pytest.raises(LocalError, match="isMirror"):
        merge(esi, "/upt/1", {"roleFlags": "0000"})
    assert esi.post(place, mirrored(Reading=sep.Reading(value=4))).status == 204
    remove(esi, "/upt/1")
    assert esi.post(place, mirrored(Reading=sep.Reading(value=5))).status == 404
    assert esi.post("/mup", mirror(1, mirrored(ReadingType=sep.ReadingType(uom=38)))).status == 204
    assert esi.get("/upt?l=9").UsagePoint[0].deviceLFDI == lfdi_of(1)


def test_an_instantaneous_value_has_no_list_of_sets(esi: Esi) -> None:
    """IEEE 2030.5-2018, 10.4: a ReadingLink only."""
    kinds = [{"accumulationBehaviour": 12, "uom": 38}, {"accumulationBehaviour": 4, "intervalLength": 900}]
    readings = [{"ReadingType": kind} for kind in kinds]
    path = write(esi, "/upt", point(*readings), device=1)
    shown = [esi.get(f"{path}/mr/{number}").ReadingSetListLink is not None for number in (1, 2)]
    assert shown == [False, True]
