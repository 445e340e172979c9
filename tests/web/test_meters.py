"""Power from what devices post: signs, sums, and what is too old to count."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from openesi.sep2 import model as sep
from openesi.sep2.enums import FlowDirection, RoleFlag, to_bits
from openesi.web.meters import Meters
from server.esi import START, Esi, lfdi_of

DER = RoleFlag.IS_DER | RoleFlag.IS_SUBMETER
GRID = RoleFlag.IS_PREMISES_AGGREGATION_POINT
WATTS, VOLTS = 38, 29


@pytest.fixture
def esi(tmp_path: Path) -> Iterator[Esi]:
    server = Esi(tmp_path)
    for device in (1, 2):
        server.register(device)
    yield server
    server.close()


def mirror(
    value: int | None,
    *,
    role: int = DER,
    flow: int | None = FlowDirection.REVERSE,
    uom: int = WATTS,
    device: int = 1,
    sets: tuple[sep.MirrorReadingSet, ...] = (),
    **kind: int,
) -> sep.MirrorUsagePoint:
    return sep.MirrorUsagePoint(
        mRID=bytes(15) + bytes((device,)),
        roleFlags=to_bits(role, 2),
        serviceCategoryKind=0,
        status=1,
        deviceLFDI=lfdi_of(device),
        postRate=60,
        MirrorMeterReading=(
            sep.MirrorMeterReading(
                mRID=bytes(14) + bytes((device, uom)),
                Reading=None if value is None else sep.Reading(value=value),
                ReadingType=sep.ReadingType(uom=uom, flowDirection=flow, **kind),
                MirrorReadingSet=sets,
            ),
        ),
    )


class Following(Meters):
    """Meters that follow a server, as the page does."""

    def __init__(self, esi: Esi) -> None:
        super().__init__()
        self.changed: set[str] = set()
        esi.runner.run(esi.application.tick())
        esi.application.watch(lambda changed: self.changed.update(changed or ()))
        esi.look(lambda reader: self.refresh(reader, None, now=esi.now))

    def look(self, esi: Esi) -> bool:
        """Look at what changed since the last look."""
        esi.runner.run(esi.application.tick())
        changed, self.changed = self.changed, set()
        return esi.look(lambda reader: self.refresh(reader, changed, now=esi.now))


@pytest.mark.parametrize(
    ("role", "flow", "devices_w", "grid_w"),
    [
        (DER, FlowDirection.REVERSE, 3_000, None),
        (DER, FlowDirection.FORWARD, 3_000, None),  # as CSIP's own example has it
        (0, FlowDirection.FORWARD, -3_000, None),  # a load
        (0, FlowDirection.REVERSE, 3_000, None),
        (0, None, -3_000, None),
        (GRID, FlowDirection.FORWARD, None, 3_000),
        (GRID, FlowDirection.REVERSE, None, -3_000),
    ],
)
def test_power_has_one_sign_whatever_the_device_uses(
    esi: Esi, role: int, flow: int | None, devices_w: float | None, grid_w: float | None
) -> None:
    meters = Following(esi)
    esi.post("/mup", mirror(3_000, role=role, flow=flow))
    assert meters.look(esi)
    power = meters.total(esi.now)
    assert (power.devices_w, power.grid_w) == (devices_w, grid_w)


def test_the_power_of_ten_counts(esi: Esi) -> None:
    meters = Following(esi)
    esi.post("/mup", mirror(31, powerOfTenMultiplier=2))
    meters.look(esi)
    assert meters.total(esi.now).devices_w == 3_100


def test_devices_are_summed_and_the_house_is_what_is_left(esi: Esi) -> None:
    meters = Following(esi)
    esi.post("/mup", mirror(3_000))
    esi.post("/mup", mirror(-1_000, role=GRID, flow=FlowDirection.FORWARD, device=2), device=2)
    meters.look(esi)
    power = meters.total(esi.now)
    assert (power.devices_w, power.grid_w, power.house_w) == (3_000, -1_000, 2_000)
    assert (power.meters, power.fresh) == (2, 2)


def test_other_quantities_are_no_power(esi: Esi) -> None:
    meters = Following(esi)
    esi.post("/mup", mirror(230, uom=VOLTS))
    assert not meters.look(esi)
    assert meters.total(esi.now).meters == 0


def test_nothing_changed_is_nothing_read(esi: Esi) -> None:
    meters = Following(esi)
    esi.post("/mup", mirror(3_000))
    assert meters.look(esi)
    assert not meters.look(esi)


def test_a_silent_device_is_no_longer_summed(esi: Esi) -> None:
    meters = Following(esi)
    esi.post("/mup", mirror(3_000))
    meters.look(esi)
    assert meters.total(esi.now + 3 * 60).devices_w == 3_000
    silent = meters.total(esi.now + 3 * 60 + 6)
    assert (silent.devices_w, silent.meters, silent.fresh) == (None, 1, 0)


def test_how_soon_a_device_counts_as_silent_follows_how_often_it_speaks(esi: Esi) -> None:
    meters = Following(esi)
    for _ in range(12):
        esi.post("/mup", mirror(3_000))
        meters.look(esi)
        esi.now += 2
    assert meters.total(esi.now + 5).fresh == 1
    assert meters.total(esi.now + 30).fresh == 0


def test_values_from_before_a_restart_are_not_taken_for_new(esi: Esi) -> None:
    esi.post("/mup", mirror(3_000))
    esi.restart()
    power = Following(esi).total(esi.now)
    assert (power.devices_w, power.meters) == (None, 1)


def test_devices_that_post_intervals_only_are_heard(esi: Esi) -> None:
    meters = Following(esi)
    interval = sep.DateTimeInterval(duration=60, start=START - 60)
    reading_set = sep.MirrorReadingSet(
        mRID=bytes(16),
        timePeriod=interval,
        Reading=(sep.Reading(value=1_000, localID=b"\0\0"), sep.Reading(value=2_500, localID=b"\0\1")),
    )
    esi.post("/mup", mirror(None, sets=(reading_set,)))
    meters.look(esi)
    assert meters.total(esi.now).devices_w == 2_500


def test_a_point_that_is_gone_is_forgotten(esi: Esi) -> None:
    meters = Following(esi)
    esi.post("/mup", mirror(3_000))
    meters.look(esi)
    esi.change(lambda tx: tx.delete("/upt/1"))
    assert meters.look(esi)
    assert meters.total(esi.now).meters == 0
