"""The points of a device, as the store has them: which table it has, what it posted, what was set."""

from __future__ import annotations

import difflib
from functools import lru_cache
from typing import TypeVar

import msgspec

from openesi.errors import LocalError
from openesi.sep2 import identity, xml
from openesi.sep2 import model as sep
from openesi.server import operator, own_controls, own_program
from openesi.server.documents import STORED
from openesi.server.settings import Settings
from openesi.store import Reader, Row, Transaction
from openesi.sunspec import setpoint, table, values
from openesi.sunspec.table import Point, Table
from openesi.sunspec.values import Metered, Posted, Semantics, Value
from openesi.web.meters import newest_reading

T = TypeVar("T", bound=sep.Sep)

MAX_USAGE_POINTS = 100  # of one certificate; the mirror takes no more
MAX_QUANTITIES = 100  # of one usage point, likewise
KEPT_READ = 10_000  # documents kept as read, some 2 kB each: a scrape of a thousand devices reads them again
KEPT_PARTS = 50_000  # and one value each of readings and their definitions, some 400 octets


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which points a device has (rows of a table; none: the packaged ones), and whose numbers they are."""

    rows: list[dict[str, str]] | None = None
    semantics: Semantics = Semantics.DOCUMENTED

    @property
    def table(self) -> Table:
        """The points."""
        return table.standard_table() if self.rows is None else _table_of(msgspec.json.encode(self.rows))


class UnknownPoint(LocalError):
    """A device has no point of that name."""

    def __init__(self, name: str, points: Table) -> None:
        near = difflib.get_close_matches(name, points, n=1)
        hint = f"did you mean {near[0]}?" if near else f"it has {len(points)} others"
        super().__init__(f"this device has no point {name[:80]!r}; {hint}")


class Place(msgspec.Struct, frozen=True):
    """A device whose points are asked for."""

    row: Row
    lfdi: bytes
    sfdi: int
    config: Config


def find_device(reader: Reader, named: str) -> Row | None:
    """Return the EndDevice with an SFDI or LFDI. Raises LocalError for what is neither, or is not only one.

    An SFDI has 36 bits: somebody can make a certificate with that of another device.
    """
    if len(named.replace("-", "")) == 2 * identity.LFDI_OCTETS:
        return reader.find("/edev", identity.parse_lfdi(named))
    keys = identity.lfdis_of_sfdi(identity.parse_sfdi(named))
    found = reader.find_between("/edev", *keys) if keys is not None else None
    if keys is not None and found is not None and found.key is not None:
        following = (int.from_bytes(found.key) + 1).to_bytes(identity.LFDI_OCTETS)
        if reader.find_between("/edev", following, keys[1]) is not None:
            raise LocalError(f"several devices have the SFDI {named}: name the one you mean by its LFDI")
    return found


def place_of(reader: Reader, row: Row) -> Place:
    """Return a device with its table."""
    assert row.key is not None, "an EndDevice is kept by its LFDI"
    return Place(row, row.key, identity.sfdi_from_lfdi(row.key), config_of(reader, row))


def config_of(reader: Reader, row: Row | None) -> Config:
    """Return the configuration of a device, or of those that have none of their own."""
    kept = reader.setting(_setting(row)) if row is not None else None
    kept = kept or reader.setting(_setting(None))
    return msgspec.json.decode(kept, type=Config) if kept else Config()


def keep_config(tx: Transaction, row: Row | None, config: Config | None) -> None:
    """Give a device (None: those that have none) a configuration; without one, the packaged table again."""
    tx.keep(_setting(row), msgspec.json.encode(config).decode() if config is not None else "")


def read_all(reader: Reader, place: Place) -> dict[str, Value]:
    """Return the value of every point of a device."""
    points = place.config.table
    return values.read_points(points, posted_by(reader, place, points), place.config.semantics)


def posted_by(reader: Reader, place: Place, points: Table) -> Posted:
    """Return what is known of a device, as far as these points ask for it."""
    path = place.row.path
    ders = reader.page(f"{path}/der", limit=1)
    der = ders[0].path.rpartition("/")[2] if ders else "1"
    documents = {}
    for name in table.resources_of(points):
        row = reader.get(table.places()[name].format(path, der))
        if row is not None:
            documents[name] = _read_kept(row.body, sep.Sep)
    metered = any(point.resource == table.METERED for point in points.values())
    program = own_program.find(reader, place.row)
    found = own_controls.in_force(reader, program, setpoint.is_setpoint) if program else None
    return Posted(
        lfdi=place.lfdi,
        sfdi=place.sfdi,
        documents=documents,
        metered=tuple(_metered(reader, place)) if metered else (),
        control=found[1] if found is not None else None,
    )


def usage_points(reader: Reader, place: Place) -> list[str]:
    """Return the paths of what a device mirrors."""
    rows = reader.page("/upt", scope=place.row.scope or place.lfdi, limit=MAX_USAGE_POINTS)
    return [row.path for row in rows if _owner(row.body) == place.lfdi]


def set_value(
    tx: Transaction, place: Place, name: str, value: float, *, duration_s: int, now: int, settings: Settings
) -> str:
    """Set a point; return the path of the control that does it. Raises LocalError: nothing has changed."""
    points, raw = place.config.table, place.config.semantics is Semantics.RAW
    point = writable_point(points, name)
    limit_w = values.charge_limit_w(posted_by(tx, place, {name: point}))
    base, description = setpoint.encode(value, limit_w, raw=raw)
    order = operator.ControlOrder(base=base, start=now, duration_s=duration_s, description=description)
    program = own_program.ensure(tx, place.row, settings)
    is_ours = setpoint.is_setpoint
    row = own_controls.replace_control(tx, program, order, is_ours=is_ours, now=now, settings=settings)
    return row.path


def revert(tx: Transaction, place: Place, *, now: int) -> int:
    """Take back what was set; return how many controls were cancelled."""
    program = own_program.find(tx, place.row)
    if program is None:
        return 0
    return own_controls.cancel_all(tx, program, is_ours=setpoint.is_setpoint, now=now)


def writable_point(points: Table, name: str) -> Point:
    """Return a point that can be set. Raises UnknownPoint, LocalError for one that is read only."""
    point = point_named(points, name)
    if not point.writable:
        writable = ", ".join(one.name for one in points.values() if one.writable) or "none"
        raise LocalError(f"{name} can be read only; writable here: {writable}")
    return point


def point_named(points: Table, name: str) -> Point:
    """Return a point by its name. Raises UnknownPoint."""
    point = points.get(name)
    if point is None:
        raise UnknownPoint(name, points)
    return point


def _metered(reader: Reader, place: Place) -> list[Metered]:
    found = []
    for point in usage_points(reader, place):
        for row in reader.page(f"{point}/mr", limit=MAX_QUANTITIES):
            kind = reader.get(f"{row.path}/rt")
            present = reader.get(f"{row.path}/r")
            if present is not None:
                value = _value(present.body)
            else:
                newest = newest_reading(reader, row.path)
                value = newest.value if newest is not None else None
            found.append(
                Metered(
                    _description(row.body),
                    value,
                    _read_kept(kind.body, sep.ReadingType) if kind is not None else None,
                )
            )
    return found


@lru_cache(maxsize=KEPT_READ)
def _read_kept(body: bytes, kind: type[T]) -> T:
    return xml.parse_as(body, kind, STORED)


@lru_cache(maxsize=KEPT_PARTS)
def _description(body: bytes) -> str | None:
    return xml.parse_as(body, sep.MeterReading, STORED).description


@lru_cache(maxsize=KEPT_PARTS)
def _value(body: bytes) -> int | None:
    return xml.parse_as(body, sep.Reading, STORED).value


@lru_cache(maxsize=KEPT_PARTS)
def _owner(body: bytes) -> bytes | None:
    lfdi = xml.parse_as(body, sep.UsagePoint, STORED).deviceLFDI
    return lfdi.rjust(identity.LFDI_OCTETS, b"\x00") if lfdi is not None else None


@lru_cache(maxsize=200)  # tables of up to 64 kB
def _table_of(rows: bytes) -> Table:
    return table.parse_rows(msgspec.json.decode(rows), mend=False)  # what is kept was mended if wanted


def _setting(row: Row | None) -> str:
    return f"points of {row.key.hex() if row is not None and row.key is not None else 'everyone'}"
