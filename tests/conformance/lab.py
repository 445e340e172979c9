"""One server under test with its utility, clients with certificates, and time that passes when told."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from conformance.plant import Plant
from conformance.receiver import Receiver
from conformance.utility import Utility
from conformance.wire import AUS, AUS13, Certificate, Schema, Wire, link
from openesi.pki import Authority, Identity
from openesi.sep2.editions import EDITIONS
from openesi.web.token import open_token
from web.house import House

PIN = 111115


@cache
def schema(edition: str = "2018") -> Schema:
    """Return the XSD as ``openesi schema`` prints it."""
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "openesi", "schema", "--edition", edition, "--out-dir", folder]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        return Schema(Path(printed[0]))


class Lab:
    """A running server and everybody around it."""

    def __init__(self, folder: Path, edition: str = "2018", **settings: Any) -> None:
        self.folder = folder
        self.edition = edition
        self.folder.mkdir(parents=True, exist_ok=True)
        self.settings = {
            "edition": EDITIONS[edition],
            "notify_local": True,
            "notify_every_s": 0,
            "time_quality": 7,
        } | settings
        self.house: House
        self.utility: Utility
        self._names = itertools.count(1)
        self._opened: list[Wire] = []
        self._receiver: Receiver | None = None
        self._begin(0.0)

    def _begin(self, ahead_s: float) -> None:
        self.house = House(self.folder, token=open_token(self.folder), **self.settings)
        self.house.ahead_s = ahead_s
        self.house.start()
        self.utility = Utility(self.house.url, self.folder)

    def restart(self) -> None:
        """Stop the server and start it again on the same data."""
        ahead_s = self.house.ahead_s
        for wire in self._opened:
            wire.close()
        self.utility.api.close()
        self.house.stop()
        self._begin(ahead_s)
        for wire in self._opened:
            wire.move(self.house.service.base_url)

    def stop(self) -> None:
        if self._receiver is not None:
            self._receiver.close()
        for wire in self._opened:
            wire.close()
        self.utility.api.close()
        self.house.stop()

    # --- time -----------------------------------------------------------------------------------------

    @property
    def now(self) -> int:
        return int(self.house.clock())

    def pass_time(self, seconds: float) -> None:
        self.house.ahead_s += seconds

    def reach(self, moment: float) -> None:
        """Pass time until the server's clock says ``moment``."""
        self.house.ahead_s += moment + 0.01 - self.house.clock()

    def wait_for(self, happened: Callable[[], bool], *, timeout: float = 10.0) -> None:
        """Wait for what the server does of itself."""
        end = time.monotonic() + timeout
        while not happened():
            assert time.monotonic() < end, "it did not happen"
            time.sleep(0.02)

    # --- clients --------------------------------------------------------------------------------------

    @property
    def authority(self) -> Authority:
        return self.house.service.authority

    def certificate(self, authority: Authority | None = None) -> Certificate:
        name = f"device-{next(self._names)}"
        made: Identity = (authority or self.authority).issue_device(name, now=datetime.now(UTC))
        return Certificate(made.cert, made.key, self.authority.ca)

    def wire(self, certificate: Certificate | None = None) -> Wire:
        made = Wire(self.house.service.base_url, certificate or self.certificate(), schema(self.edition))
        made.aus = AUS13 if self.edition == "csip-aus-1.3" else AUS
        self._opened.append(made)
        return made

    def plant(self, *groups: str, **more: Any) -> Plant:
        """Return a registered device that belongs to groups."""
        wire = self.wire()
        self.utility.register(wire.lfdi, **more)
        for group in groups:
            self.utility.join(group, wire.lfdi)
        return Plant(wire)

    @property
    def receiver(self) -> Receiver:
        if self._receiver is None:
            self._receiver = Receiver(self.certificate(), schema(self.edition))
        return self._receiver

    def subscribe(self, plant: Plant, resource: str, *, limit: int = 255) -> str:
        """Subscribe, and return where the Subscription is."""
        return plant.wire.post(
            link(plant.me(), "SubscriptionListLink"),
            "Subscription",
            {
                "subscribedResource": resource,
                "encoding": 0,
                "level": "+S1",
                "limit": limit,
                "notificationURI": self.receiver.url,
            },
        )

    def site(self, **primacies: int) -> Site:
        """Return a device with one group and program for each name, as SY=89, SP=85."""
        return Site(self, primacies)


class Site:
    """A device and its programs, one in an assignment of its own each, and a time zero."""

    def __init__(self, lab: Lab, primacies: dict[str, int]) -> None:
        self.lab = lab
        self.plant = lab.plant()
        self.programs: dict[str, str] = {}
        self.groups: dict[str, str] = {}
        self.events: dict[str, str] = {}
        for name, primacy in primacies.items():
            self.groups[name] = lab.utility.group(name, self.plant.lfdi)
            self.programs[name] = lab.utility.program(self.groups[name], primacy, name)
        self.zero = lab.now + 1
        self.lab.reach(self.zero)

    def default(self, name: str, **base: Any) -> None:
        self.lab.utility.default(self.programs[name], base)

    def control(
        self, program: str, description: str, start: int, duration: int, base: dict[str, Any], **fields: Any
    ) -> str:
        """Send a control that begins ``start`` seconds after time zero."""
        href = self.lab.utility.control(
            self.programs[program],
            self.zero + start,
            duration,
            base,
            description=description,
            **{"responseRequired": "07", **fields},
        )
        self.events[description] = href
        return href

    def at(self, seconds: float) -> dict[str, str]:
        """Let the clock reach that many seconds after time zero; return what the plant applies then."""
        self.lab.reach(self.zero + seconds)
        return self.plant.step()

    def said(self, description: str) -> list[int]:
        return self.plant.said(description)

    def heard(self, description: str) -> list[int]:
        """Return what the operator is told that this device answered, in order."""
        event = self.lab.utility.event(self.events[description])
        return heard_of(event, self.plant.lfdi)


def heard_of(event: dict[str, Any], lfdi: str) -> list[int]:
    """Return the statuses that an event's answers hold of one device."""
    for one in event["answers"]:
        if one["lfdi"] == lfdi:
            return sorted(int(each["status"]) for each in one["responses"])
    return []


@contextmanager
def lab_in(folder: Path, edition: str = "2018", **settings: Any) -> Iterator[Lab]:
    lab = Lab(folder, edition, **settings)
    try:
        yield lab
    finally:
        lab.stop()
