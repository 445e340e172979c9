"""Who is registered and when they were last heard: the device list as the page shows it."""

from __future__ import annotations

import re
from collections.abc import KeysView
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

import msgspec

from openesi.sep2 import identity
from openesi.sep2 import model as sep
from openesi.sep2.enums import ConnectStatus, DERType, InverterStatus, StorageModeStatus, bits
from openesi.server.documents import read_document
from openesi.server.functions.der import scaled
from openesi.store import Reader, Row

T = TypeVar("T", bound=sep.Sep)

SHOWN = 200  # devices on the page; the API pages through all
READ_AT_ONCE = 500  # devices whose settings are read in one go; the wire waits meanwhile
MAX_DERS = 10  # of one device
MAX_MEMBERS = 1_000  # devices that something is assigned to, told apart; a fleet's groups may be larger
STALE_INTERVALS = 3
OFFLINE_INTERVALS = 12

_DEVICE = re.compile(r"/edev/\d+(?=$|/rg$|/di$|/der/\d+/(?:dercap|derg|ders)$)")
_SETTINGS = re.compile(r"/edev/\d+/der/\d+/derg")


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """One registered device. ``heard_by`` is the LFDI of the certificate that speaks for it."""

    href: str
    lfdi: str
    sfdi: int
    name: str | None
    kind: str | None
    firmware: str | None
    enabled: bool
    heard_by: str
    interval_s: int
    max_w: float | None
    status: str | None


class Share(NamedTuple):
    """What 100 % of a limit is (W; 0: not known), and how many devices owe an answer (None: not known)."""

    max_w: float = 0.0
    devices: int | None = None


class Roster:
    """The registered devices of a store, as many as a page shows, and what all of them can give together."""

    def __init__(self, interval_s: int) -> None:
        self._interval_s = interval_s
        self._devices: dict[str, Device] = {}
        self._settings: dict[str, dict[str, Decimal]] = {}
        self._sum = Decimal(0)
        self._unread: int | None = None
        self.total = 0

    @property
    def max_w(self) -> float:
        """The sum of every device's setMaxW: what 100 % of a limit is."""
        return float(self._sum)

    @property
    def controllable(self) -> KeysView[str]:
        """The devices that have posted DERSettings, by path: those that events are for, who owe responses."""
        return self._settings.keys()

    def share(self, devices: frozenset[str] | None) -> Share:
        """Return what some devices (None: all) can give together, and how many of them events are for."""
        if devices is None:
            return Share(self.max_w, len(self.controllable))
        if len(devices) > MAX_MEMBERS:
            return Share()
        known = [self._settings[device] for device in devices & self._settings.keys()]
        return Share(float(sum((sum(one.values()) for one in known), Decimal(0))), len(known))

    def all(self) -> list[Device]:
        """Return the devices that are shown, in the order of the EndDeviceList."""
        return list(self._devices.values())

    def refresh(self, reader: Reader, changed: set[str] | None) -> bool:
        """Read again what changed (None: everything). Return whether anything did.

        The settings of a large fleet are read a part at each call, so call again, with nothing changed, too.
        """
        if changed is None:
            self._settings, self._sum, self._unread = {}, Decimal(0), 0
        self._read_on(reader)
        if changed is None:
            return self._reload(reader)
        for path in changed:
            if _SETTINGS.fullmatch(path):
                self._read_settings(reader, path)
        if any(path == "/edev" or path.startswith("/edev#") for path in changed):
            return self._reload(reader)
        touched = {found[0] for path in changed if (found := _DEVICE.match(path)) is not None}
        for href in touched & self._devices.keys():
            row = reader.get(href)
            if row is not None:
                self._devices[href] = describe(reader, row, self._interval_s)
        return bool(touched)

    def _reload(self, reader: Reader) -> bool:
        rows = reader.page("/edev", limit=SHOWN)
        self._devices = {row.path: describe(reader, row, self._interval_s) for row in rows}
        self.total = reader.count("/edev")
        return True

    def _read_on(self, reader: Reader) -> None:
        if self._unread is None:
            return
        rows = reader.page("/edev", start=self._unread, limit=READ_AT_ONCE)
        for row in rows:
            for der in reader.page(f"{row.path}/der", limit=MAX_DERS):
                self._read_settings(reader, f"{der.path}/derg")
        self._unread = self._unread + len(rows) if len(rows) == READ_AT_ONCE else None

    def _read_settings(self, reader: Reader, path: str) -> None:
        device = path.partition("/der/")[0]
        known = self._settings.pop(device, {})
        self._sum -= known.pop(path, Decimal(0))
        settings = read_at(reader, path, sep.DERSettings)
        if settings is not None:
            known[path] = scaled(settings.setMaxW)
            self._sum += known[path]
        if known:
            self._settings[device] = known


def describe(reader: Reader, row: Row, interval_s: int) -> Device:
    """Return what is known of a registered device; ``interval_s`` is how often it is asked to call."""
    document = read_document(row, sep.EndDevice)
    information = read_at(reader, f"{row.path}/di", sep.DeviceInformation)
    ders = [one.path for one in reader.page(f"{row.path}/der", limit=1)]
    capability = read_at(reader, f"{ders[0]}/dercap", sep.DERCapability) if ders else None
    settings = read_at(reader, f"{ders[0]}/derg", sep.DERSettings) if ders else None
    status = read_at(reader, f"{ders[0]}/ders", sep.DERStatus) if ders else None
    lfdi = row.key or bytes(20)
    kind = _words(DERType, capability.type) if capability else None
    return Device(
        href=row.path,
        lfdi=identity.format_lfdi(lfdi),
        sfdi=document.sFDI,
        name=(information.mfModel if information else None) or kind,
        kind=kind,
        firmware=information.swVer if information else None,
        enabled=document.enabled is not False,
        heard_by=identity.format_lfdi(row.scope or lfdi),
        interval_s=interval_s,
        max_w=float(scaled(settings.setMaxW)) if settings else None,
        status=summarize_status(status) if status else None,
    )


def summarize_status(status: sep.DERStatus) -> str | None:
    """Return a DERStatus in a few words, the most telling first; None if it says nothing."""
    parts: list[str | None] = []
    if status.alarmStatus is not None and bits(status.alarmStatus):
        parts.append("alarm")
    if status.inverterStatus is not None:
        parts.append(_words(InverterStatus, status.inverterStatus.value))
    elif status.genConnectStatus is not None:
        connected = bits(status.genConnectStatus.value) & ConnectStatus.CONNECTED
        parts.append("connected" if connected else "disconnected")
    if status.storageModeStatus is not None:
        parts.append(_words(StorageModeStatus, status.storageModeStatus.value))
    if status.stateOfChargeStatus is not None:
        parts.append(f"{status.stateOfChargeStatus.value / 100:.0f} % charged")
    return ", ".join(part for part in parts if part) or None


def read_at(reader: Reader, path: str, kind: type[T]) -> T | None:
    """Return the document at a path if there is one of that type."""
    row = reader.get(path)
    return read_document(row, kind) if row is not None and row.type == kind.__name__ else None


def freshness(last_seen: float | None, interval_s: int, now: float) -> str:
    """Return ``online``, ``stale``, ``offline``, or ``unheard``: not since this server started."""
    if last_seen is None:
        return "unheard"
    silent_s = now - last_seen
    if silent_s > OFFLINE_INTERVALS * interval_s:
        return "offline"
    return "stale" if silent_s > STALE_INTERVALS * interval_s else "online"


def _words(kind: Any, value: int) -> str | None:
    """Return an enumerated value in words; None for one that says nothing or is reserved."""
    if value not in set(kind) or kind(value).name == "NOT_APPLICABLE":
        return None
    name: str = kind(value).name
    return name.lower().replace("_", " ").replace("mppt", "MPPT").replace("evse", "EVSE")
