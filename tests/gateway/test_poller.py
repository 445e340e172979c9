from __future__ import annotations

import itertools
import re

import pytest

from gateway.simulate import HOST_START, METER_START_S, simulation
from openesi.errors import LocalError
from openesi.gateway.commands import Query
from openesi.gateway.emulator import DEVICE_MAC, FaultKind, parse_faults
from openesi.gateway.events import LinkState, Outcome, Quantity
from openesi.gateway.fragments import JoinStatus
from openesi.gateway.poller import Poller
from openesi.gateway.record import SeriesName

POWER, ENERGY = Quantity.POWER, Quantity.ENERGY


def test_one_read_every_four_seconds_for_six_hours_without_a_loss() -> None:
    sim = simulation()
    seen = sim.run(6 * 3600)

    assert seen.statistics.total(POWER) == pytest.approx(5400, abs=2)
    assert seen.statistics.total(ENERGY) == pytest.approx(360, abs=2)
    assert seen.statistics.count(Outcome.LOST) == seen.statistics.damaged == 0
    assert seen.gaps == ()
    times = [p.time_s for p in sim.record.points(SeriesName.POWER, 0, 1 << 32)]
    assert {b - a for a, b in itertools.pairwise(times)} == {4}
    assert times[0] >= METER_START_S


def test_values_are_what_the_meter_said() -> None:
    sim = simulation()
    sim.run(3600)

    for point in sim.record.points(SeriesName.POWER, 0, 1 << 32):
        assert point.value == sim.emulator.house.power_w(point.time_s)


def test_price_and_messages_are_switched_off_and_read_back() -> None:
    sim = simulation(keep_wire=True)
    seen = sim.run(60)

    assert {e: p.enabled for e, p in seen.schedules.items()} == {
        "price": False,
        "message": False,
        "demand": True,
        "summation": True,
    }
    assert seen.schedules["demand"].frequency_s == 4
    assert seen.statistics.foreign == 0
    sent = set(re.findall(rb"<Name>(\w+)</Name>", sim.wire_to_dongle))
    assert sent <= {what.value.encode() for what in Query} | {b"set_schedule"}


def test_a_dongle_that_forgets_is_told_again() -> None:
    sim = simulation()
    sim.run(60)
    sim.emulator._schedules["price"].enabled = True
    sim.emulator._schedules["price"].next_s = sim.now + 1

    seen = sim.run(120)

    assert seen.statistics.foreign >= 1
    assert not sim.emulator._schedules["price"].enabled
    assert not seen.schedules["price"].enabled


@pytest.mark.parametrize("kind", ["silence", "unplug"])
@pytest.mark.parametrize("length_s", [8, 30, 100, 700])
def test_loss_is_counted_exactly_and_recovery_takes_one_interval(kind: str, length_s: int) -> None:
    sim = simulation(f"{kind}@1000+{length_s}")
    before = sim.run(999)
    after = sim.run(length_s + 1 + 4 + 1)
    end = sim.run(600)

    (gap,) = end.gaps
    missing = round(gap.length_s / 4) - 1
    assert end.statistics.count(Outcome.LOST, POWER) == missing == pytest.approx(length_s / 4, abs=1)
    assert before.statistics.count(Outcome.LOST) == 0
    assert after.open_gap is None, "readings again one interval after the fault ended"
    assert after.link is LinkState.OPEN


def test_silence_reopens_the_line_and_at_last_restarts_the_dongle() -> None:
    sim = simulation("silence@100+3000", keep_wire=True)
    seen = sim.run(3000)

    assert seen.statistics.reconnects >= 40
    assert sim.wire_to_dongle.count(b"<Name>restart</Name>") == 1
    assert sim.run(300).open_gap is None


@pytest.mark.parametrize(
    ("kind", "counter", "values_continue"),
    [
        ("cut", "damaged", False),
        ("splice", "damaged", True),
        ("garbage", "none", True),
        ("control", "none", True),
        ("miscase", "none", True),
        ("misspell", "none", True),
        ("bad_time", "disbelieved", False),
        ("no_time", "untagged", False),
        ("stale", "duplicates", False),
        ("meter_lost", "duplicates", False),
    ],
)
def test_every_quirk_of_the_line_is_survived_and_counted(
    kind: str, counter: str, values_continue: bool
) -> None:
    sim = simulation(f"{kind}@1000+80")
    sim.run(1100)
    seen = sim.run(100)

    counts = {
        name: getattr(seen.statistics, name) for name in ("damaged", "disbelieved", "untagged", "duplicates")
    }
    if counter != "none":
        assert counts[counter] >= 15
    assert (seen.gaps == ()) is values_continue
    assert seen.open_gap is None
    for point in sim.record.points(SeriesName.POWER, 0, 1 << 32):
        assert point.value == sim.emulator.house.power_w(point.time_s), "no quirk may invent a value"


def test_every_scriptable_fault_ends_well() -> None:
    script = " ".join(f"{kind.value}@{500 + 400 * i}+90" for i, kind in enumerate(FaultKind))
    sim = simulation(script)
    seen = sim.run(500 + 400 * len(FaultKind) + 100)

    assert seen.open_gap is None
    assert seen.link is LinkState.OPEN
    assert seen.network is not None
    assert seen.network.status is JoinStatus.CONNECTED


def test_a_lost_meter_is_told_in_words() -> None:
    sim = simulation("meter_lost@290+100")
    seen = sim.run(330)

    assert seen.network is not None
    assert seen.network.status is JoinStatus.REJOINING
    assert seen.network.link_strength_percent == 0


def test_slow_answers_of_an_emu2_are_late_not_lost() -> None:
    sim = simulation("slow@100+600", interval_s=10, pushes=False)
    seen = sim.run(700)

    assert seen.statistics.count(Outcome.LOST, POWER) == 0
    assert seen.statistics.count(Outcome.LATE, POWER) >= 40


@pytest.mark.parametrize("pushes", [True, False])
def test_the_first_amount_of_energy_is_there_within_seconds(pushes: bool) -> None:
    sim = simulation(pushes=pushes)
    seen = sim.run(20)

    assert seen.points[SeriesName.ENERGY] == 2
    assert seen.statistics.total(ENERGY) == 1, "the second one was not due, so it is not counted"


def test_a_dongle_that_never_pushes_is_asked_and_energy_takes_a_place() -> None:
    sim = simulation(pushes=False, keep_wire=True)
    seen = sim.run(3600)

    asked_power = sim.wire_to_dongle.count(b"get_instantaneous_demand")
    asked_energy = sim.wire_to_dongle.count(b"get_current_summation_delivered")
    assert asked_power + asked_energy == pytest.approx(900, abs=2), "one read per interval reaches the meter"
    assert asked_energy == pytest.approx(60, abs=2)
    assert seen.statistics.total(POWER) == pytest.approx(840, abs=3)
    assert seen.statistics.count(Outcome.LOST) == 0


def test_a_fast_meter_clock_gives_tags_in_meter_time() -> None:
    sim = simulation(speed=30)
    seen = sim.run(600)
    bounds = sim.record.bounds(SeriesName.POWER, sim.now)

    assert bounds is not None
    assert bounds[1] - METER_START_S == pytest.approx(600 * 30, rel=0.02)
    assert seen.statistics.count(Outcome.LOST) == 0


def test_two_meters_one_is_chosen_and_the_other_ignored() -> None:
    def demand(mac: str, watts: int) -> bytes:
        return (
            f"<InstantaneousDemand><DeviceMacId>{DEVICE_MAC}</DeviceMacId><MeterMacId>{mac}</MeterMacId>"
            f"<TimeStamp>0x1be173c4</TimeStamp><Demand>0x{watts:06x}</Demand><Multiplier>0x1</Multiplier>"
            "<Divisor>0x3e8</Divisor></InstantaneousDemand>"
        ).encode()

    mine, other = "0x00135003001aecf6", "0x00135003001aecf7"
    poller = Poller(meter_mac_id=mine.upper().replace("X", "x"))
    poller.opened(HOST_START)
    meters = f"<MeterList><MeterMacId>{other}</MeterMacId><MeterMacId>{mine}</MeterMacId></MeterList>"
    poller.receive(meters.encode(), HOST_START)

    assert poller.receive(demand(other, 7), HOST_START) == []
    assert len(poller.receive(demand(mine, 7), HOST_START)) == 2
    sent = b"".join(c.wire for t in range(10) for c in poller.advance(HOST_START + t).commands)
    assert f"<MeterMacId>{mine}</MeterMacId><Event>price</Event>".encode() in sent


@pytest.mark.parametrize(("interval_s", "energy_s"), [(3, 60), (0, 60), (4, 5000), (60, 30)])
def test_impossible_intervals_are_refused(interval_s: int, energy_s: int) -> None:
    with pytest.raises(LocalError):
        Poller(interval_s=interval_s, energy_interval_s=energy_s)


def test_a_fault_script_says_what_it_does_not_understand() -> None:
    assert len(parse_faults("silence@1+2\n# a comment\ncut@3.5+1 # more")) == 2
    with pytest.raises(LocalError, match="fire@1"):
        parse_faults("fire@1+2")
