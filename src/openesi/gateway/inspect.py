"""Look at a dongle once: who it is, whether it is joined, what it asks the meter by itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from openesi.gateway.commands import SCHEDULES_OFF
from openesi.gateway.events import Event, LinkChanged, LinkState, PowerRead, ScheduleProof, Source
from openesi.gateway.fragments import DeviceInfo, NetworkStatus


@dataclass(slots=True)
class Findings:
    """What was learned; None where the dongle did not say in time."""

    reason: str = ""  # why the line could not be opened, if so
    device: DeviceInfo | None = None
    network: NetworkStatus | None = None
    schedules: dict[str, ScheduleProof] = field(default_factory=dict)
    power_w: float | None = None
    meter_time_s: int | None = None
    host_time_s: float | None = None

    @property
    def complete(self) -> bool:
        """Whether there is nothing more to wait for."""
        proven = all(event in self.schedules for event in SCHEDULES_OFF)
        return bool(self.device and self.network and proven and self.power_w is not None)


def inspect_dongle(source: Source, *, timeout_s: float = 12.0) -> Findings:
    """Read from ``source`` until everything is known, the line cannot be opened, or ``timeout_s`` is over."""
    findings, stop = Findings(), threading.Event()
    timer = threading.Timer(timeout_s, stop.set)

    def report(events: Iterable[Event], now: float) -> None:
        for event in events:
            _note(findings, event)
        if findings.complete or findings.reason:
            stop.set()

    timer.start()
    try:
        source.run(report, stop)
    finally:
        timer.cancel()
        timer.join()
    return findings


def _note(findings: Findings, event: Event) -> None:
    match event:
        case LinkChanged(state=LinkState.CLOSED, reason=reason) if reason != "stopped":
            findings.reason = reason
        case DeviceInfo():
            findings.device = event
        case NetworkStatus():
            findings.network = event
        case ScheduleProof():
            findings.schedules[event.event] = event
        case PowerRead() if event.time_s is not None:
            findings.power_w = float(event.scale.to_base_unit(event.raw))
            findings.meter_time_s, findings.host_time_s = event.time_s, time.time()
