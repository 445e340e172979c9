"""What is special to single function sets: events and their time, responses, mirrors, Time, the log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from openesi.errors import LocalError
from openesi.sep2 import model as sep
from openesi.server import operator
from openesi.server.functions.base import insert_member
from openesi.server.functions.metering import MAX_READING_SETS
from openesi.server.functions.metering_mirror import MAX_MIRRORS
from openesi.server.functions.response import MAX_RESPONSES
from openesi.server.functions.time import time_at
from server.esi import START, Esi, lfdi_of, location

OTHER = 2


@pytest.fixture
def esi(tmp_path: Path) -> Iterator[Esi]:
    server = Esi(tmp_path)
    server.register(1)
    server.register(OTHER)
    yield server
    server.close()


def mrid(number: int) -> bytes:
    return number.to_bytes(16, "big")


def status(esi: Esi, path: str) -> tuple[int, int]:
    shown = esi.get(path).EventStatus
    return shown.currentStatus, shown.dateTime


# --- events ------------------------------------------------------------------------------------------------


def test_an_event_becomes_active_and_leaves_its_list_at_the_second(esi: Esi) -> None:
    path = esi.send_control(start=START + 60, duration_s=120)
    assert status(esi, path) == (0, START)

    esi.now = START + 59.999
    assert status(esi, path) == (0, START)
    assert esi.get("/derp/1/actderc").all == 0

    esi.now = START + 60
    assert status(esi, path) == (1, START + 60)
    assert esi.get("/derp/1/actderc?l=5").DERControl == esi.get("/derp/1/derc?l=5").DERControl

    esi.now = START + 179.999
    assert esi.get("/derp?l=5").DERProgram[0].DERControlListLink.all == 1

    esi.now = START + 180
    assert esi.get("/derp?l=5").DERProgram[0].DERControlListLink.all == 0
    assert esi.get("/derp/1/derc?l=5").all == 0
    assert esi.get("/derp/1/actderc?l=5").all == 0
    assert esi.get(path).EventStatus.currentStatus == 1  # 2018 has no Completed; clients may look once more

    esi.now = START + 180 + 86_400
    assert esi.ask("GET", path).status == 404


def test_an_event_that_starts_now_is_never_scheduled(esi: Esi) -> None:
    path = esi.send_control(start=START - 10, duration_s=60)

    assert status(esi, path) == (1, START)


def test_randomization_widens_the_time_an_event_is_active(esi: Esi) -> None:
    path = esi.send_control(start=START + 100, duration_s=50, randomize_start_s=-30, randomize_duration_s=20)

    esi.now = START + 70
    assert status(esi, path) == (1, START + 70)
    esi.now = START + 169
    assert esi.get("/derp/1/derc").all == 1
    esi.now = START + 170
    assert esi.get("/derp/1/derc").all == 0


def test_events_switch_after_a_restart_and_when_the_clock_was_set_forward(esi: Esi) -> None:
    path = esi.send_control(start=START + 60, duration_s=600)
    esi.restart()
    esi.now = START + 300

    assert status(esi, path) == (1, START + 60)


@pytest.mark.parametrize(("randomized", "expected"), [(False, 2), (True, 3)])
def test_a_cancelled_event_stays_until_its_original_end(esi: Esi, randomized: bool, expected: int) -> None:
    path = esi.send_control(start=START, duration_s=600)
    esi.now += 10
    esi.change(
        lambda tx: operator.cancel_event(tx, path, now=int(esi.now), randomized=randomized, reason="weather")
    )

    assert status(esi, path) == (expected, START + 10)
    assert esi.get("/derp/1/actderc").all == 0
    assert esi.get("/derp/1/derc").all == 1
    esi.now = START + 600
    assert esi.get("/derp/1/derc").all == 0
    assert status(esi, path) == (expected, START + 10)
    with pytest.raises(LocalError, match="already"):
        esi.change(lambda tx: operator.cancel_event(tx, path, now=int(esi.now)))


@pytest.mark.parametrize(
    "order",
    [
        {"start": START - 100, "duration_s": 50},
        {"start": START, "duration_s": 0},
        {"start": START, "duration_s": 60, "base": sep.DERControlBase()},
        {"start": START, "duration_s": 60, "program": "/derp/9"},
    ],
    ids=["over already", "no duration", "no mode", "no program"],
)
def test_an_event_that_makes_no_sense_is_not_sent(esi: Esi, order: dict[str, object]) -> None:
    with pytest.raises(LocalError):
        esi.send_control(**order)  # type: ignore[arg-type]

    assert esi.get("/derp/1/derc").all == 0


def test_a_newer_control_supersedes_an_older_one_when_it_starts(esi: Esi) -> None:
    older = esi.send_control(start=START, duration_s=600)
    beside = esi.send_control(start=START, duration_s=600, base=sep.DERControlBase(opModEnergize=True))
    esi.now += 1
    newer = esi.send_control(start=START + 100, duration_s=60)
    assert status(esi, older) == (1, START)

    esi.now = START + 100
    assert status(esi, older) == (4, START + 100)
    assert status(esi, newer) == (1, START + 100)
    assert status(esi, beside) == (1, START)
    assert {one.href for one in esi.get("/derp/1/actderc?l=9").DERControl} == {newer, beside}
    esi.now = START + 160
    assert status(esi, older) == (4, START + 100)  # never resumed
    esi.now = START + 600
    assert esi.get("/derp/1/derc").all == 0


def test_a_control_that_is_taken_over_in_part_is_marked(esi: Esi) -> None:
    both = sep.DERControlBase(opModMaxLimW=4_000, opModEnergize=True)
    older = esi.send_control(start=START, duration_s=600, base=both)
    esi.now += 5
    esi.send_control(start=START + 100, duration_s=60)
    told = esi.get(older).EventStatus

    assert (told.currentStatus, told.potentiallySuperseded, told.potentiallySupersededTime) == (
        1,
        True,
        START + 5,
    )


def test_the_2023_edition_shows_completed(esi: Esi) -> None:
    from openesi.sep2.editions import EDITIONS

    path = esi.send_control(start=START, duration_s=60)
    esi.change(lambda tx: operator.set_edition(tx, lfdi_of(OTHER), "2023"))
    esi.now += 60

    assert esi.get(path, device=OTHER, edition=EDITIONS["2023"]).EventStatus.currentStatus == 5
    assert esi.get(path).EventStatus.currentStatus == 1


@pytest.mark.parametrize("edition", ["2013", "2018"])
def test_a_page_of_a_list_is_as_long_as_the_edition_can_count(esi: Esi, edition: str) -> None:
    from openesi.sep2.editions import EDITIONS

    esi.change(lambda tx: operator.set_edition(tx, lfdi_of(OTHER), edition))
    for number in range(260):
        esi.change(
            lambda tx, number=number: operator.add_program(
                tx, description=f"{number}", primacy=9, settings=esi.settings
            )
        )
    page = esi.get("/derp?l=500", device=OTHER, edition=EDITIONS[edition])
    assert (page.all, page.results) == (261, 255 if edition == "2013" else 261)
    rest = esi.get("/derp?s=255&l=500", device=OTHER, edition=EDITIONS[edition])
    assert rest.results == 6


def test_the_default_control_rises_its_version_when_it_changes(esi: Esi) -> None:
    before = esi.get("/derp/1/dderc")
    base = sep.DERControlBase(opModMaxLimW=8_000)
    esi.change(lambda tx: operator.set_default(tx, "/derp/1", base, settings=esi.settings))
    after = esi.get("/derp/1/dderc")

    assert (after.mRID, after.version, after.DERControlBase) == (before.mRID, before.version + 1, base)


def test_a_limit_in_watts_is_shared_by_what_devices_may_give(esi: Esi) -> None:
    with pytest.raises(LocalError, match="setMaxW"):
        esi.look(lambda reader: operator.limit_percent(reader, operator.Decimal(2000)))
    for device, path in ((1, "/edev/1"), (OTHER, "/edev/2")):
        settings = sep.DERSettings(
            setGradW=0, setMaxW=sep.ActivePower(multiplier=1, value=500), updatedTime=START
        )
        assert esi.put(f"{path}/der/1/derg", settings, device=device).status == 204

    assert esi.look(lambda reader: operator.limit_percent(reader, operator.Decimal(2000))) == 2_000


# --- responses ---------------------------------------------------------------------------------------------


def response_to(to: bytes, /, **fields: object) -> sep.DERControlResponse:
    values: dict[str, object] = {"endDeviceLFDI": lfdi_of(1), "subject": to, "status": 1}
    return sep.DERControlResponse(**(values | fields))  # type: ignore[arg-type]


def test_responses_are_kept_for_those_who_sent_them(esi: Esi) -> None:
    control = esi.get(esi.send_control(start=START, duration_s=60))
    sent = response_to(control.mRID, createdDateTime=START)
    first = esi.post(control.replyTo, sent)

    assert first.status == 201
    assert location(esi.post(control.replyTo, sent)) == location(first)  # sent again: the answer was lost
    assert esi.get("/rsps/1/rsp").all == 1
    assert esi.get("/rsps/1/rsp", device=OTHER).all == 0
    assert esi.get(location(first)).status == 1
    assert esi.ask("GET", location(first), device=OTHER).status == 404


def test_embedded_clients_leave_their_lfdi_zero(esi: Esi) -> None:
    control = esi.get(esi.send_control(start=START, duration_s=60))
    answer = esi.post(control.replyTo, response_to(control.mRID, endDeviceLFDI=b"\0"))

    assert esi.get(location(answer)).endDeviceLFDI == lfdi_of(1)


@pytest.mark.parametrize(
    "fields",
    [{"subject": mrid(5)}, {"endDeviceLFDI": lfdi_of(OTHER)}, {"status": 200}],
    ids=["unknown event", "another device", "reserved status"],
)
def test_responses_that_cannot_be_true_are_refused(esi: Esi, fields: dict[str, object]) -> None:
    control = esi.get(esi.send_control(start=START, duration_s=60))

    assert esi.post(control.replyTo, response_to(control.mRID, **fields)).status == 400
    assert esi.get("/rsps/1/rsp").all == 0


def test_old_responses_make_room(esi: Esi) -> None:
    control = esi.get(esi.send_control(start=START, duration_s=60))
    for second in range(MAX_RESPONSES + 3):
        esi.post(control.replyTo, response_to(control.mRID, createdDateTime=START + second))
    listed = esi.get("/rsps/1/rsp?l=1")

    assert listed.all == MAX_RESPONSES
    assert listed.Response[0].createdDateTime == START + MAX_RESPONSES + 2


def test_an_aggregator_has_room_for_the_responses_of_each_device(esi: Esi) -> None:
    for device, aggregator in ((40, None), (41, 40), (42, 40)):
        esi.register(device, aggregator=aggregator)
    control = esi.get(esi.send_control(start=START, duration_s=60))
    esi.change(lambda tx: [_kept(tx, number) for number in range(MAX_RESPONSES)])
    sent = response_to(control.mRID, createdDateTime=START, endDeviceLFDI=lfdi_of(41))
    assert esi.post(control.replyTo, sent, device=40).status == 201

    assert esi.get("/rsps/1/rsp", device=40).all == MAX_RESPONSES + 1


def _kept(tx: Any, number: int) -> None:
    response = sep.DERControlResponse(
        endDeviceLFDI=lfdi_of(42), subject=mrid(1), status=1, createdDateTime=START + number
    )
    insert_member(tx, "/rsps/1/rsp", response, scope=lfdi_of(40), key=number.to_bytes(4, "big"))


# --- metering mirror ---------------------------------------------------------------------------------------


def mirror(number: int = 1, **fields: object) -> sep.MirrorUsagePoint:
    values: dict[str, object] = {
        "mRID": mrid(number),
        "roleFlags": b"\x08",
        "serviceCategoryKind": 0,
        "status": 1,
        "deviceLFDI": lfdi_of(1),
    }
    return sep.MirrorUsagePoint(**(values | fields))  # type: ignore[arg-type]


def quantity(number: int, value: int | None = None, *, new: bool = False) -> sep.MirrorMeterReading:
    return sep.MirrorMeterReading(
        mRID=mrid(number),
        Reading=None if value is None else sep.Reading(value=value),
        ReadingType=sep.ReadingType(uom=38) if new else None,
    )


def test_what_is_mirrored_can_be_read_back(esi: Esi) -> None:
    created = esi.post("/mup", mirror(MirrorMeterReading=(quantity(10, 1, new=True),)))
    assert created.status == 201
    shown = esi.get(location(created))
    assert (shown.deviceLFDI, shown.postRate, shown.MirrorMeterReading) == (lfdi_of(1), 300, ())

    posted = esi.post(location(created), quantity(10, 42))
    assert posted.status == 204
    reading = esi.get(location(posted))
    assert esi.get(reading.ReadingLink.href).value == 42
    assert esi.get(reading.ReadingTypeLink.href).uom == 38
    point = esi.get("/upt?l=5").UsagePoint[0]
    assert (point.mRID, point.roleFlags, point.deviceLFDI) == (mrid(1), b"\x00\x09", lfdi_of(1))


def test_a_mirror_of_known_mrid_is_overwritten(esi: Esi) -> None:
    first = esi.post("/mup", mirror())
    again = esi.post("/mup", mirror(status=0))

    assert (first.status, again.status) == (201, 204)
    assert location(first) == location(again)
    assert esi.get("/mup").all == 1
    assert esi.get(location(first)).status == 0


def test_a_new_quantity_needs_its_type_once(esi: Esi) -> None:
    place = location(esi.post("/mup", mirror()))

    assert esi.post(place, quantity(10, 1)).status == 400
    assert esi.post(place, quantity(10, 1, new=True)).status == 201
    both = sep.MirrorMeterReadingList(
        all=2, results=2, MirrorMeterReading=(quantity(10, 2), quantity(11, 3, new=True))
    )
    listed = esi.post(place, both)
    assert (listed.status, location(listed)) == (201, "/upt/1/mr")
    refused = sep.MirrorMeterReadingList(
        all=2, results=2, MirrorMeterReading=(quantity(10, 9), quantity(12, 3))
    )
    assert esi.post(place, refused).status == 400
    assert esi.get("/upt/1/mr/1/r").value == 2  # all of a post counts, or nothing


def test_reading_sets_are_added_or_replaced_by_mrid(esi: Esi) -> None:
    place = location(esi.post("/mup", mirror(MirrorMeterReading=(quantity(10, new=True),))))

    def post_set(number: int, *values: int) -> int:
        reading_set = sep.MirrorReadingSet(
            mRID=mrid(number),
            timePeriod=sep.DateTimeInterval(duration=300, start=START + number),
            Reading=tuple(
                sep.Reading(localID=place.to_bytes(2, "big"), value=value)
                for place, value in enumerate(values)
            ),
        )
        return esi.post(place, sep.MirrorMeterReading(mRID=mrid(10), MirrorReadingSet=(reading_set,))).status

    assert post_set(20, 1, 2, 3) == 201
    assert post_set(21, 4) == 201
    assert post_set(20, 5, 6) == 204
    sets = esi.get("/upt/1/mr/1/rs?l=9")
    assert [one.mRID for one in sets.ReadingSet] == [mrid(21), mrid(20)]
    readings = esi.get(sets.ReadingSet[1].ReadingListLink.href + "?l=9")
    assert [one.value for one in readings.Reading] == [5, 6]


def test_old_reading_sets_make_room(esi: Esi) -> None:
    place = location(esi.post("/mup", mirror(MirrorMeterReading=(quantity(10, new=True),))))
    for number in range(MAX_READING_SETS + 2):
        reading_set = sep.MirrorReadingSet(
            mRID=mrid(100 + number), timePeriod=sep.DateTimeInterval(duration=1, start=START + number)
        )
        esi.post(place, sep.MirrorMeterReading(mRID=mrid(10), MirrorReadingSet=(reading_set,)))
    sets = esi.get("/upt/1/mr/1/rs?l=1")

    assert sets.all == MAX_READING_SETS
    assert sets.ReadingSet[0].timePeriod.start == START + MAX_READING_SETS + 1


def test_mirrors_belong_to_their_creator(esi: Esi) -> None:
    place = location(esi.post("/mup", mirror()))

    assert esi.post(place, quantity(10, 1, new=True), device=OTHER).status in (403, 404)
    assert esi.ask("DELETE", place, device=OTHER).status in (403, 404)
    assert esi.post("/mup", mirror(2), device=OTHER).status == 400  # deviceLFDI of device 1
    assert esi.post("/mup", mirror(), device=OTHER).status == 400
    assert esi.get("/mup", device=OTHER).all == 0


def test_one_client_cannot_fill_the_server_with_mirrors(esi: Esi) -> None:
    for number in range(MAX_MIRRORS):
        assert esi.post("/mup", mirror(1 + number)).status == 201

    assert esi.post("/mup", mirror(1 + MAX_MIRRORS)).status == 413
    assert esi.post("/mup", mirror(1)).status == 204


def test_a_deleted_mirror_leaves_its_history(esi: Esi) -> None:
    place = location(esi.post("/mup", mirror(MirrorMeterReading=(quantity(10, 7, new=True),))))

    assert esi.ask("DELETE", place).status == 204
    assert esi.ask("GET", place).status == 404
    assert esi.get("/upt/1").status == 0
    assert esi.get("/upt/1/mr/1/r").value == 7


# --- log events, and other lists that devices fill ---------------------------------------------------------


def test_the_log_is_a_ring(esi: Esi) -> None:
    for second in range(105):
        event = sep.LogEvent(
            createdDateTime=START + second,
            functionSet=0,
            logEventCode=0,
            logEventID=second,
            logEventPEN=40732,
            profileID=2,
        )
        assert esi.post("/edev/1/lel", event).status == 201
    listed = esi.get("/edev/1/lel?l=255")

    assert listed.all == 100
    assert [one.logEventID for one in listed.LogEvent[:2]] == [104, 103]


# --- Time and the server itself ----------------------------------------------------------------------------

NEW_YORK_SUMMER_2026 = (1_772_953_200, 1_793_512_800)  # 8 March 07:00 UTC to 1 November 06:00 UTC


@pytest.mark.parametrize(
    ("zone", "now", "expected"),
    [
        ("UTC", START, (0, 0, 0, 0)),
        ("America/New_York", 1_782_000_000, (*NEW_YORK_SUMMER_2026, 3_600, -18_000)),
        ("America/New_York", 1_772_953_199, (*NEW_YORK_SUMMER_2026, 3_600, -18_000)),
        ("America/New_York", 1_772_953_200, (*NEW_YORK_SUMMER_2026, 3_600, -18_000)),
        ("Australia/Sydney", 1_767_225_600, (1_759_593_600, 1_775_318_400, 3_600, 36_000)),
        ("Asia/Kolkata", START, (0, 0, 0, 19_800)),
    ],
)
def test_time_tells_the_summer_that_is_or_comes(zone: str, now: int, expected: tuple[int, ...]) -> None:
    told = time_at(now, ZoneInfo(zone), quality=4, poll_rate=900)

    assert (told.dstStartTime, told.dstEndTime, told.dstOffset, told.tzOffset) == expected
    summer = told.dstStartTime <= now < told.dstEndTime
    assert told.localTime == now + told.tzOffset + (told.dstOffset if summer else 0)


def test_time_is_never_older_than_a_second(esi: Esi) -> None:
    assert esi.get("/tm").currentTime == START
    esi.now = START + 0.9
    assert esi.get("/tm").currentTime == START
    esi.now = START + 1
    assert esi.get("/tm").currentTime == START + 1


def test_time_follows_a_clock_that_is_set_back(esi: Esi) -> None:
    assert esi.get("/tm").currentTime == START
    esi.now = START - 3_600
    assert esi.get("/tm").currentTime == START - 3_600
    esi.now = START - 3_599
    assert esi.get("/tm").currentTime == START - 3_599


def test_the_server_describes_itself(esi: Esi) -> None:
    server = esi.get("/sdev")

    assert server.lFDI == esi.settings.lfdi
    assert esi.get(server.DeviceInformationLink.href).mfModel == "OpenESI"
    esi.now += 5
    assert esi.get(server.DeviceStatusLink.href).opState == 2
