"""A gateway and an emulated dongle joined in memory; days pass in seconds."""

from __future__ import annotations

from dataclasses import dataclass

from openesi.gateway.emulator import Emulator, parse_faults
from openesi.gateway.load import House
from openesi.gateway.poller import Poller
from openesi.gateway.record import MeterRecord, Snapshot

METER_START_S = 1_700_000_000
HOST_START = 1000.0
REOPEN_S = 1.0


@dataclass
class Simulation:
    """``run`` passes time; everything else is there to be looked at."""

    emulator: Emulator
    poller: Poller
    record: MeterRecord
    now: float = HOST_START
    open: bool = False
    wire_to_dongle: bytes = b""
    keep_wire: bool = False

    def run(self, seconds: float) -> Snapshot:
        end = self.now + seconds
        while self.now < end:
            self._step()
            deadline = min(self.poller.next_deadline(), self.emulator.next_deadline(), end)
            if not self.open:
                deadline = min(deadline, self.now + REOPEN_S)
            self.now = max(deadline, self.now + 0.001)
        return self.record.snapshot(self.now)

    def _step(self) -> None:
        unplugged = self.emulator.unplugged(self.now)
        if self.open and unplugged:
            self.record.report(self.poller.closed("unplugged"), self.now)
            self.open = False
        elif not self.open and not unplugged:
            self.record.report(self.poller.opened(self.now), self.now)
            self.open = True
        data = self.emulator.output(self.now)
        if data and self.open:
            self.record.report(self.poller.receive(data, self.now), self.now)
        step = self.poller.advance(self.now)
        self.record.report(step.events, self.now)
        for command in step.commands:
            self.emulator.receive(command.wire, self.now)
            if self.keep_wire:
                self.wire_to_dongle += command.wire
        if step.reopen:
            self.record.report(self.poller.closed("silent"), self.now)
            self.open = False


def simulation(
    faults: str = "",
    *,
    interval_s: int = 4,
    speed: float = 1.0,
    house: House | None = None,
    pushes: bool = True,
    keep_wire: bool = False,
    start_s: int = METER_START_S,
) -> Simulation:
    emulator = Emulator(
        started=HOST_START,
        meter_time_s=start_s,
        faults=parse_faults(faults),
        speed=speed,
        pushes=pushes,
        house=house or House(),
    )
    record = MeterRecord("emulator", interval_s=interval_s)
    return Simulation(emulator, Poller(interval_s=interval_s), record, keep_wire=keep_wire)
