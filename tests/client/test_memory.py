from __future__ import annotations

import random
from collections import deque
from pathlib import Path

import pytest

from client.timelines import BEGINNING, MINUTE, SP, Story, Told, told
from openesi.client import der
from openesi.client.memory import Memory, Recollection
from openesi.client.scheduler import Answer, Scheduler
from openesi.errors import LocalError
from openesi.sep2.enums import DeviceCategory

LFDI = bytes(range(20))
STORY = Story(
    name="a control with dice",
    programs=(SP,),
    defaults={SP: {"opModMaxLimW": 8_000}},
    controls=(
        Told(
            name="sp",
            program=SP,
            start=2 * MINUTE,
            duration=3 * MINUTE,
            modes={"opModMaxLimW": 5_000},
            random_start=60,
            random_duration=-60,
        ),
    ),
)


class Device:
    """A scheduler with its memory in a file: what survives is what the file holds."""

    def __init__(self, file: Path, seed: int) -> None:
        self.scheduler = Scheduler(random.Random(seed))
        self.waiting: deque[Answer] = deque()
        self.doubtful: set[tuple[bytes, int]] = set()
        self.memory = Memory(file, LFDI)
        known = self._known()
        self.memory.recall(known)
        self.programs = known.programs

    def _known(self) -> Recollection:
        schedulers = {"programs": self.scheduler}
        return Recollection(schedulers, self.waiting, self.doubtful, getattr(self, "programs", ()))

    def poll(self, time: int) -> None:
        self.programs = told(STORY, time)
        found = der.occurrences(
            self.programs,
            supported=frozenset(der.MODES),
            category=DeviceCategory.PHOTOVOLTAIC_WITH_STORAGE,
        )
        self.waiting += self.scheduler.update(found, BEGINNING + time)
        self.memory.keep(self._known())

    def live(self, time: int) -> int | None:
        now = BEGINNING + time
        self.waiting += self.scheduler.advance(now)
        self.memory.keep(self._known())
        orders = der.orders(self.scheduler, self.programs, now, supported=frozenset(der.MODES))
        return orders.base.opModMaxLimW


@pytest.mark.parametrize("restart_at", [30, 119, 170, 200, 290, 400])
def test_a_restart_at_any_time_changes_nothing(tmp_path: Path, restart_at: int) -> None:
    def live_through(name: str, restarts: set[int]) -> tuple[list[int | None], list[tuple[int, int]]]:
        file = tmp_path / f"{name}.json"
        device = Device(file, seed=7)
        limits = []
        for time in range(500):
            if time in restarts:
                device = Device(file, seed=8)  # other dice: they must not be rolled again
            if time % 60 == 0:
                device.poll(time)
            limits.append(device.live(time))
        return limits, [(one.status, one.at - BEGINNING) for one in device.waiting]

    plain = live_through("plain", set())
    assert [status for status, _ in plain[1]] == [1, 2, 3]
    assert live_through("restarted", {restart_at, restart_at + 1}) == plain


def test_without_a_server_the_schedule_and_the_default_go_on(tmp_path: Path) -> None:
    device = Device(tmp_path / "memory.json", seed=7)
    device.poll(0)
    device = Device(tmp_path / "memory.json", seed=7)
    limits = [device.live(time) for time in range(500)]
    assert limits[0] == limits[-1] == 8_000
    assert set(limits) == {8_000, 5_000}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format":9}', "\x00" * 99])
def test_a_broken_file_is_set_aside(tmp_path: Path, text: str) -> None:
    file = tmp_path / "memory.json"
    file.write_text(text)
    device = Device(file, seed=1)
    assert device.scheduler.tracked == {}
    assert file.with_suffix(".bad").read_text() == text
    device.poll(0)
    assert Device(file, seed=1).scheduler.tracked


def test_the_memory_of_another_device_is_not_taken(tmp_path: Path) -> None:
    Device(tmp_path / "memory.json", seed=1).poll(0)
    other = Memory(tmp_path / "memory.json", bytes(20))
    scheduler = Scheduler(random.Random(1))
    known = Recollection({"programs": scheduler}, deque(), set())
    other.recall(known)
    assert known.programs == ()
    assert scheduler.tracked == {}


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match=r"nowhere.memory\.json cannot be written"):
        Device(tmp_path / "nowhere" / "memory.json", seed=1).poll(0)
