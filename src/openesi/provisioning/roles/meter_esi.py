"""The energy services interface as a role: commands in, frames in and out, states back up."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Final

import msgspec

from openesi.provisioning import ami
from openesi.provisioning.letters import Letter
from openesi.provisioning.roles.network import AmiRole, esi_name, nic_name
from openesi.provisioning.se import aps, eui64
from openesi.provisioning.se import esi as se_esi
from openesi.provisioning.se import memory as se_memory
from openesi.provisioning.se.coordinator import Coordinator
from openesi.provisioning.se.handshake import Trust
from openesi.provisioning.se.radio import Frame
from openesi.provisioning.state import State

# State the air reports -> (step of the message up, step of the transition it tells of)
_STEPS: Final = {
    "WindowOpen": (0, 4),
    "Seen": (0, 5),
    "Joined": (0, 6),
    "Commissioned": (0, 7),
    "KeyEstablished": (0, 8),
    "Provisioned": (10, 9),
}


class Correlations(msgspec.Struct):
    """Which request let which device in."""

    by_mac: dict[str, str] = {}


class MeterEsi(AmiRole):
    """Steps 4 to 10. It is a ``radio.Station``: place it in an ``Ether``."""

    def __init__(
        self,
        meter: str,
        state: State,
        *,
        trust: Trust,
        meter_key: bytes,
        services: se_esi.Services | None = None,
        coordinator: Coordinator | None = None,
    ) -> None:
        super().__init__(esi_name(meter), state)
        self.eui64 = trust.identity.certificate.subject
        self._meter = meter
        self._key = meter_key
        memory = self.shelf.select(se_memory.Memory, "network")
        if memory is None:
            memory = se_memory.form_network()
            with state.transaction():
                self.shelf.insert("network", memory)
        self._correlations = self.shelf.select(Correlations, "requests") or Correlations()
        self._saved = msgspec.json.encode(memory)
        self.esi = se_esi.Esi(trust, memory, services=services, coordinator=coordinator)
        self._to_transmit: list[Frame] = []

    # -- commands

    def _act(self, command: ami.Command, letter: Letter, now: float) -> None:
        device = eui64.parse(command.mac)
        match command:
            case ami.OpenWindow():
                key = ami.unseal(command.sealed_key, self._key, meter=self._meter, mac=command.mac)
                self._remember(command.mac, command.correlation)
                self.esi.open_window(device, key, device_type=command.device_type, until=command.end, now=now)
            case ami.CloseWindow():
                self.esi.close_window(device, now)
            case ami.RemoveDevice():
                self._to_transmit += self.esi.remove(device, now)
            case ami.HanState():
                raise ami.AmiError("a meter takes commands, not states")
        self._save(now)

    # -- the air

    def receive_frame(self, frame: Frame, now: float) -> list[Frame]:
        """Take a frame; what follows from it is on disk when this returns."""
        return self._in_transaction(lambda: self.esi.receive(frame, now), now)

    def tick_air(self, now: float) -> list[Frame]:
        """What the clock asks for, and frames that a command caused."""
        frames = self._in_transaction(lambda: self.esi.tick(now), now)
        waiting, self._to_transmit = self._to_transmit, []
        return waiting + frames

    def next_air_deadline(self) -> float | None:
        """When ``tick_air`` has something to do."""
        return 0.0 if self._to_transmit else self.esi.next_deadline()

    # -- a real radio

    def device_asks(self, device: bytes, short: int, now: float) -> bool:
        """A device has associated (step 5); whether it may stay."""
        with self.shelf.state.transaction():
            welcome = self.esi.asks_to_join(device, now, short=short)
            self._save(now)
        return welcome

    def device_says(self, device: bytes, data: aps.ApsData, now: float) -> None:
        """A message of a device; the radio holds one key for each, the newest."""
        entry = self.esi.memory.entries.get(eui64.serialize(device))
        key = entry.link_key if entry is not None and data.secure else None
        self._in_transaction(lambda: self.esi.take(device, data, now, key=key), now)

    def _in_transaction(self, act: Callable[[], list[Frame]], now: float) -> list[Frame]:
        with self.shelf.state.transaction():
            frames = act()
            self._save(now)
        return frames

    def _remember(self, mac: str, correlation: str) -> None:
        self._correlations.by_mac[mac] = correlation
        for old in list(self._correlations.by_mac):
            if len(self._correlations.by_mac) > 2 * se_esi.MAX_DEVICES:
                del self._correlations.by_mac[old]
        self.shelf.insert("requests", self._correlations)

    def _save(self, now: float) -> None:
        reports, self.esi.reports = self.esi.reports, []
        for report in reports:
            mac = eui64.serialize(report.device)
            up, done = _STEPS.get(report.state, (0, 0))
            self.shelf.note(now, report.state, subject=mac, step=done, detail=report.detail)
            if report.state in se_esi.INNER:
                continue
            state = ami.HanState(
                self._meter,
                mac,
                report.state,
                report.at,
                self._correlations.by_mac.get(mac, ""),
                report.detail,
                report.short,
            )
            self.send(nic_name(self._meter), state, now=now, step=up, identifier=str(uuid.uuid4()))
        memory = msgspec.json.encode(self.esi.memory)
        if memory != self._saved:
            self.shelf.insert("network", self.esi.memory)
            self._saved = memory

    def _report_up(self, report: ami.HanState, now: float) -> None:
        self.send(nic_name(self._meter), report, now=now, step=0)


class Antenna:
    """The meter's ESI as the air sees it."""

    def __init__(self, role: MeterEsi) -> None:
        self.eui64 = role.eui64
        self._role = role

    def receive(self, frame: Frame, now: float) -> list[Frame]:
        """A frame arrived."""
        return self._role.receive_frame(frame, now)

    def tick(self, now: float) -> list[Frame]:
        """Time has passed."""
        return self._role.tick_air(now)

    def next_deadline(self) -> float | None:
        """When time matters next."""
        return self._role.next_air_deadline()
