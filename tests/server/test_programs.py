"""Demand response, prices and messages: what an operator may offer, and what devices see and say of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from openesi.errors import LocalError
from openesi.sep2 import model as sep
from openesi.sep2.editions import EDITIONS
from openesi.server import groups, operator
from openesi.server.functions.messaging import MAX_TEXT
from openesi.store import ASSIGNED
from server.esi import START, Esi, lfdi_of
from server.hand import deep, merge, put, remove, write

SPAN = {"start": START, "duration": 600}
WATTS = {"multiplier": 0, "value": 500}


@pytest.fixture
def esi(tmp_path: Path) -> Iterator[Esi]:
    server = Esi(tmp_path)
    server.register(1)
    server.register(2)
    yield server
    server.close()


# --- demand response ----------------------------------------------------------------------------------------


def control(**fields: Any) -> dict[str, Any]:
    values = {
        "interval": SPAN,
        "deviceCategory": "00000001",
        "drProgramMandatory": False,
        "loadShiftForward": False,
    }
    return values | fields


ASKED = [
    {"ApplianceLoadReduction": {"type": 1}},
    {"DutyCycle": {"normalValue": 50}},
    {"Offset": {"coolingOffset": 20}},
    {"Offset": {"loadAdjustmentPercentageOffset": 2_500}},
    {"SetPoint": {"coolingSetpoint": 2_600, "heatingSetpoint": 1_800}},
    {"TargetReduction": {"type": 1, "value": 2}},
    {"Offset": {"heatingOffset": 10}, "DutyCycle": {"normalValue": 100}, "overrideDuration": 600},
]


@pytest.mark.parametrize("asked", ASKED)
def test_every_way_to_ask_for_less_reaches_the_device(esi: Esi, asked: dict[str, Any]) -> None:
    program = write(esi, "/dr", {"primacy": 1, "description": "Summer"})
    write(esi, f"{program}/edc", control(**asked))
    seen = esi.get(f"{program}/actedc").EndDeviceControl[0]

    for name, values in asked.items():
        told = getattr(seen, name)
        if isinstance(values, dict):
            assert {field: getattr(told, field) for field in values} == values
        else:
            assert told == values


WRONG_CONTROLS: list[tuple[dict[str, Any], str]] = [
    ({}, "asks for nothing"),
    ({"DutyCycle": {"normalValue": 101}}, "DutyCycle/normalValue: 101 % is more"),
    ({"DutyCycle": {"normalValue": 300}}, "not between 0 and 255"),
    ({"Offset": {}}, "coolingOffset.* is wanted"),
    ({"Offset": {"loadAdjustmentPercentageOffset": 10_001}}, "not between 0 and 10000"),
    ({"SetPoint": {"coolingSetpoint": 1_800, "heatingSetpoint": 2_600}}, "both would run at once"),
    ({"TargetReduction": {"type": 1}}, "value is required"),
    ({"DutyCycle": {"normalValue": 1}, "interval": {"start": START, "duration": 86_401}}, "86400 s"),
    ({"DutyCycle": {"normalValue": 1}, "deviceCategory": "00"}, "for no device"),
    ({"DutyCycle": {"normalValue": 1}, "deviceCategory": "0"}, "even number of hexadecimal"),
    ({"DutyCycle": {"normalValue": 1}, "overrideDuration": 65_536}, "not between"),
    ({"ApplianceLoadReduction": {"type": 9}}, "type: 9 is reserved; there are 0 delay"),
    ({"TargetReduction": {"type": 99, "value": 5}}, "type: 99 is reserved"),
    ({"DutyCycle": {"normalValue": 1}, "randomizeStart": 3_601}, "not between -3600 and 3600"),
]


@pytest.mark.parametrize(("asked", "problem"), WRONG_CONTROLS)
def test_controls_that_make_no_sense_are_refused(esi: Esi, asked: dict[str, Any], problem: str) -> None:
    program = write(esi, "/dr", {"primacy": 1})
    with pytest.raises(LocalError, match=problem):
        write(esi, f"{program}/edc", control(**asked))
    assert esi.get(f"{program}/edc").all == 0


def test_a_load_says_once_for_each_program_what_it_could_shed(esi: Esi) -> None:
    first = write(
        esi,
        "/dr",
        {
            "primacy": 1,
            "availabilityUpdatePercentChangeThreshold": 500,
            "availabilityUpdatePowerChangeThreshold": WATTS,
        },
    )
    shown = esi.get(first)
    assert shown.availabilityUpdatePercentChangeThreshold == 500
    assert shown.availabilityUpdatePowerChangeThreshold.value == 500

    def say(percent: int, program: str | None = first) -> tuple[int, str]:
        link = None if program is None else sep.DemandResponseProgramLink(href=program)
        said = sep.LoadShedAvailability(sheddablePercent=percent, DemandResponseProgramLink=link)
        answer = esi.post("/edev/1/lsl", said)
        return answer.status, dict(answer.headers).get("Location", "")

    assert say(1_000) == (201, "/edev/1/lsl/1")
    assert say(1_000) == (201, "/edev/1/lsl/1")  # its answer was lost
    assert say(2_000) == (204, "/edev/1/lsl/1")  # moved by more than the threshold
    assert say(3_000, None) == (201, "/edev/1/lsl/2")
    listed = esi.get("/edev/1/lsl?l=9")
    assert [one.sheddablePercent for one in listed.LoadShedAvailability] == [2_000, 3_000]
    assert listed.LoadShedAvailability[0].DemandResponseProgramLink.href == first
    assert say(10_001)[0] == 400
    assert say(1, "/dr/9")[0] == 400
    assert say(1, "/tm")[0] == 400
    negative = sep.LoadShedAvailability(sheddablePower=sep.ActivePower(multiplier=0, value=-1))
    assert esi.put("/edev/1/lsl/1", negative).status == 400
    assert esi.ask("DELETE", "/edev/1/lsl/2").status == 204
    assert esi.get("/edev/1/lsl").all == 1
    assert esi.ask("GET", "/edev/1/lsl", device=2).status == 404


def test_a_load_knows_nothing_of_programs_of_other_groups(esi: Esi) -> None:
    hidden = write(esi, "/dr", {"primacy": 1}, scope=ASSIGNED)
    said = sep.LoadShedAvailability(DemandResponseProgramLink=sep.DemandResponseProgramLink(href=hidden))
    assert esi.post("/edev/1/lsl", said).status == 400
    group = esi.change(lambda tx: groups.add_group(tx, "Feeder", settings=esi.settings))
    esi.change(lambda tx: groups.assign(tx, group, hidden))
    esi.change(lambda tx: groups.join(tx, group, tx.get("/edev/1")))  # type: ignore[arg-type]
    assert esi.post("/edev/1/lsl", said).status == 201


def test_programs_come_in_the_order_of_their_rank(esi: Esi) -> None:
    for primacy in (9, 1, 5):
        write(esi, "/dr", {"primacy": primacy})

    assert [one.primacy for one in esi.get("/dr?l=9").DemandResponseProgram] == [1, 5, 9]
    assert esi.get("/dr?l=9").pollRate == esi.settings.default_poll_rate


# --- prices -------------------------------------------------------------------------------------------------


def component(**kind: int) -> dict[str, Any]:
    return {
        "roleFlags": "0000",
        "ReadingType": {"uom": 72, "powerOfTenMultiplier": 3, "commodity": 1, **kind},
    }


def tariff(esi: Esi, *components: dict[str, Any]) -> str:
    values = {"primacy": 1, "serviceCategoryKind": 0, "pricePowerOfTenMultiplier": -5, "currency": 978}
    return write(esi, "/tp", {**values, "RateComponent": list(components)})


def blocks(*starts: int) -> list[dict[str, int]]:
    return [
        {"consumptionBlock": number, "startValue": start, "price": 20_000 + number}
        for number, start in enumerate(starts, 1)
    ]


def test_blocks_and_tiers_are_shown_in_their_order(esi: Esi) -> None:
    place = tariff(esi, component(numberOfTouTiers=2, numberOfConsumptionBlocks=3))
    listing = f"{place}/rc/1/tti"
    night = {"interval": {"start": START + 600, "duration": 600}, "touTier": 1}
    write(esi, listing, {**night, "ConsumptionTariffInterval": blocks(0, 100, 5_000)})
    write(esi, listing, {"interval": SPAN, "touTier": 2, "ConsumptionTariffInterval": blocks(0)})

    tiers = [one.touTier for one in esi.get(f"{listing}?l=9").TimeTariffInterval]
    assert tiers == [2, 1]
    assert [one.touTier for one in esi.get(f"{place}/rc/1/acttti?l=9").TimeTariffInterval] == [2]
    steps = esi.get(f"{listing}/1/cti?l=9").ConsumptionTariffInterval
    assert [(one.consumptionBlock, one.startValue, one.price) for one in steps] == [
        (1, 0, 20_001),
        (2, 100, 20_002),
        (3, 5_000, 20_003),
    ]


def test_feed_in_and_emissions_are_components_like_others(esi: Esi) -> None:
    """What is fed in has flowDirection 19; what a unit costs the environment stands beside its price."""
    place = tariff(esi, component(flowDirection=1), component(flowDirection=19))
    cost = {"amount": 430, "costKind": 0, "costLevel": 1, "numCostLevels": 3}
    imported = {"consumptionBlock": 0, "startValue": 0, "price": 31_000, "EnvironmentalCost": [cost]}
    emissions = {"consumptionBlock": 0, "startValue": 0, "EnvironmentalCost": [cost]}
    write(esi, f"{place}/rc/1/tti", {"interval": SPAN, "touTier": 0, "ConsumptionTariffInterval": [imported]})
    write(
        esi, f"{place}/rc/2/tti", {"interval": SPAN, "touTier": 0, "ConsumptionTariffInterval": [emissions]}
    )

    told = esi.get(f"{place}/rc/1/tti/1/cti").ConsumptionTariffInterval[0]
    assert (told.price, told.EnvironmentalCost[0].amount) == (31_000, 430)
    assert esi.get(f"{place}/rc/2/tti/1/cti").ConsumptionTariffInterval[0].price is None  # known not to be 0
    assert esi.get(f"{place}/rc/2/rt").flowDirection == 19


Change = Callable[[Esi, str], object]
LEVEL = {"amount": 1, "costKind": 0, "costLevel": 3, "numCostLevels": 3}
TOO_MUCH = {"consumptionBlock": 1, "startValue": 0, "price": 2**31}
ELSEWHERE = {"roleFlags": "00", "ReadingTypeLink": {"href": "/tp/9/rc/1/rt"}}
NOWHERE = {"roleFlags": "00", "ReadingTypeLink": {"href": "/rt/1"}}
WRONG_PRICES: list[tuple[Change, str]] = [
    (lambda esi, it: write(esi, f"{it}/tti", interval(touTier=3)), "beyond the 2 tiers"),
    (lambda esi, it: write(esi, f"{it}/tti", interval(touTier=16)), "16 is"),
    (lambda esi, it: price(esi, it, *blocks(0, 1, 2, 3)), "beyond the 3 blocks"),
    (lambda esi, it: price(esi, it, *blocks(5)), "begins at startValue 0"),
    (lambda esi, it: price(esi, it, *blocks(0, 0)), "begins at startValue 0 already"),
    (lambda esi, it: price(esi, it, *blocks(0, 100, 50)), "blocks rise"),
    (lambda esi, it: price(esi, it, {"consumptionBlock": 1, "startValue": -1}), "not between"),
    (lambda esi, it: price(esi, it, TOO_MUCH), "not between"),
    (lambda esi, it: price(esi, it, blocks(0)[0] | {"EnvironmentalCost": [LEVEL]}), "levels"),
    (lambda esi, it: write(esi, it.rpartition("/")[0], {"roleFlags": "00"}), "is required"),
    (lambda esi, it: write(esi, it.rpartition("/")[0], ELSEWHERE), "there is no ReadingType"),
    (lambda esi, it: write(esi, it.rpartition("/")[0], NOWHERE), "no such place"),
    (lambda esi, it: merge(esi, it, {"flowRateEndLimit": rate(5)}), "flowRateStartLimit"),
    (
        lambda esi, it: merge(esi, it, {"flowRateStartLimit": rate(5), "flowRateEndLimit": rate(5)}),
        "not above",
    ),
    (lambda esi, it: remove(esi, f"{it}/rt"), "what the prices are for"),
]


def interval(**fields: Any) -> dict[str, Any]:
    return {"interval": SPAN, "touTier": 1, **fields}


def price(esi: Esi, place: str, *steps: dict[str, Any]) -> str:
    return write(esi, f"{place}/tti", interval(ConsumptionTariffInterval=list(steps)))


def rate(value: int) -> dict[str, int]:
    return {"multiplier": 0, "unit": 38, "value": value}


@pytest.mark.parametrize(("change", "problem"), WRONG_PRICES, ids=[problem for _, problem in WRONG_PRICES])
def test_prices_that_make_no_sense_are_refused(esi: Esi, change: Change, problem: str) -> None:
    place = f"{tariff(esi, component(numberOfTouTiers=2, numberOfConsumptionBlocks=3))}/rc/1"
    before = deep(esi, "/tp/1")
    with pytest.raises(LocalError, match=problem):
        change(esi, place)
    assert deep(esi, "/tp/1") == before


def test_a_price_is_changed_and_the_block_at_0_stays(esi: Esi) -> None:
    place = f"{tariff(esi, component())}/rc/1"
    listing = f"{price(esi, place, *blocks(0, 100))}/cti"
    merge(esi, f"{listing}/2", {"price": 7, "startValue": 200})
    assert esi.get(f"{listing}/2").price == 7
    with pytest.raises(LocalError, match="begins at startValue 0"):
        merge(esi, f"{listing}/1", {"startValue": 300})
    with pytest.raises(LocalError, match="remove the blocks above it first"):
        remove(esi, f"{listing}/1")
    remove(esi, f"{listing}/2")
    remove(esi, f"{listing}/1")
    assert esi.get(listing).all == 0


def test_a_tariff_is_the_operators(esi: Esi) -> None:
    place = tariff(esi, component())
    for method, target in (
        ("POST", "/tp"), ("DELETE", place), ("PUT", place), ("POST", f"{place}/rc"),
        ("PUT", f"{place}/rc/1/rt"), ("POST", f"{place}/tti"), ("POST", f"{place}/rc/1/tti"),
        ("PUT", f"{place}/rc/1/tti/1/cti/1"),
    ):  # fmt: skip
        assert esi.ask(method, target, b"<TariffProfile/>").status == 405, target
    with pytest.raises(LocalError, match="made by the server"):
        write(esi, f"{place}/tti", interval())
    put(esi, place, {"primacy": 2, "serviceCategoryKind": 0})
    assert (esi.get(place).primacy, esi.get(place).version) == (2, 1)


def test_what_of_prices_can_be_subscribed_to(esi: Esi) -> None:
    """The list of rate components in CSIP-AUS 1.3 alone; what is put together from other lists never."""
    place = tariff(esi, component())

    def subscribe(resource: str) -> int:
        wanted = sep.Subscription(
            subscribedResource=resource,
            encoding=0,
            level="+S1",
            limit=1,
            notificationURI="https://device.example/ntfy",
        )
        return esi.post("/edev/1/sub", wanted).status

    wanted = [f"{place}/rc/1/tti", f"{place}/rc/1/acttti", f"{place}/rc", f"{place}/tti"]
    assert [subscribe(one) for one in wanted] == [201, 201, 400, 400]
    esi.change(lambda tx: operator.set_edition(tx, lfdi_of(1), "csip-aus-1.3"))
    assert [subscribe(one) for one in wanted[2:]] == [201, 400]
    told = (
        esi.get("/tp", edition=EDITIONS["csip-aus-1.3"]).TariffProfile[0].CombinedTimeTariffIntervalListLink
    )
    shown = esi.get(told.href, edition=EDITIONS["csip-aus-1.3"])
    assert (shown.subscribable, shown.pollRate) == (0, esi.settings.default_poll_rate)


# --- messages -----------------------------------------------------------------------------------------------


def message(**fields: Any) -> dict[str, Any]:
    return {"interval": SPAN, "priority": 1, "textMessage": "Mind the gap", **fields}


def test_messages_of_all_priorities_are_shown_together(esi: Esi) -> None:
    program = write(esi, "/msg", {"primacy": 1, "locale": "en-GB"})
    text = "Ö" * 500
    for priority in range(4):
        write(esi, f"{program}/txt", message(priority=priority, originator="Grid", textMessage=text))
    shown = esi.get(f"{program}/acttxt?l=9").TextMessage

    assert sorted(one.priority for one in shown) == [0, 1, 2, 3]
    assert {(one.textMessage, one.originator, one.EventStatus.potentiallySuperseded) for one in shown} == {
        (text, "Grid", False)
    }
    assert esi.get(program).locale == "en-GB"


def test_a_read_receipt(esi: Esi) -> None:
    program = write(esi, "/msg", {"primacy": 1, "locale": "en"})
    path = write(esi, f"{program}/txt", message(responseRequired="07"))
    seen = esi.get(path)
    assert seen.responseRequired == b"\x07"

    def say(status: int) -> int:
        said = sep.TextResponse(endDeviceLFDI=lfdi_of(1), subject=seen.mRID, status=status)
        return esi.post(seen.replyTo, said).status

    assert [say(status) for status in (1, 2, 11, 12, 4, 253)] == [201, 201, 201, 201, 400, 400]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"textMessage": " "}, "is empty"),
        ({"textMessage": "x" * (MAX_TEXT + 1)}, "more than 4096 octets"),
        ({"priority": 4}, "priority: 4 is reserved"),
        ({"originator": "x" * 21}, "String20 holds 20"),
        ({"randomizeStart": 5}, "has no 'randomizeStart'"),
        ({"priority": "high"}, "whole number"),
    ],
)
def test_messages_that_make_no_sense_are_refused(esi: Esi, fields: dict[str, Any], problem: str) -> None:
    program = write(esi, "/msg", {"primacy": 1, "locale": "en"})
    with pytest.raises(LocalError, match=problem):
        write(esi, f"{program}/txt", message(**fields))


def test_a_program_speaks_one_language(esi: Esi) -> None:
    with pytest.raises(LocalError, match="language tag"):
        write(esi, "/msg", {"primacy": 1, "locale": "British English"})


def test_a_default_that_is_set_anew_is_another_than_the_one_removed(esi: Esi) -> None:
    """The same mRID and version stand for the same content (type VersionType)."""

    def default(limit: int) -> None:
        base = sep.DERControlBase(opModMaxLimW=limit)
        esi.change(lambda tx: operator.set_default(tx, "/derp/1", base, settings=esi.settings))

    before = esi.get("/derp/1/dderc")
    remove(esi, "/derp/1/dderc")
    assert esi.get("/derp/1").DefaultDERControlLink is None
    default(2_000)
    made = esi.get("/derp/1/dderc")
    assert (made.mRID, made.version) != (before.mRID, before.version)
    default(3_000)
    again = esi.get("/derp/1/dderc")
    assert (again.mRID, again.version) == (made.mRID, made.version + 1)


def test_an_operator_is_told_in_his_own_terms_what_is_not_there(esi: Esi) -> None:
    curve = {"curveType": 99, "CurveData": [{"xvalue": 0, "yvalue": 0}], "xMultiplier": 0, "yMultiplier": 0}
    with pytest.raises(LocalError, match="99 is reserved; there are 0 opModFreqWatt"):
        write(esi, "/derp/1/dc", curve | {"yRefType": 1})
    with pytest.raises(LocalError, match=r"^there is nothing at /derp/9$"):
        deep(esi, "/derp/9")


def test_what_a_device_said_in_reserved_numbers_does_not_stop_its_operator(esi: Esi) -> None:
    said = sep.PowerStatus(batteryStatus=1, changedTime=START, currentPowerSource=200)
    assert esi.put("/edev/1/ps", said).status == 204
    merge(esi, "/edev/1/ps", {"batteryStatus": 2})
    assert esi.get("/edev/1/ps").currentPowerSource == 200
    with pytest.raises(LocalError, match="currentPowerSource: 201 is reserved"):
        merge(esi, "/edev/1/ps", {"currentPowerSource": 201})
