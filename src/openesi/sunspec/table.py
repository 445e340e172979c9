"""Which points there are: each a name, a place in the documents of a device, a unit and a type.

The packaged table stands in ``points.csv``. A table of one's own has its columns (any resource below the
device, any field of it, by path), or those of one of VOLTTRON's three generations of files:

- ``Volttron Point Name, Point Name, Units, Writable, Default`` (2017; both names are names of the
  packaged table),
- ``Volttron Point Name, SEP2 Resource Name, SEP2 Field Name, ...`` (5.1, 6.0),
- ``Volttron Point Name, IEEE2030_5 Resource Name, IEEE2030_5 Field Name, ...`` (7.0 to 8.2).
"""

from __future__ import annotations

import csv
import difflib
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import cache
from importlib import resources as files

from openesi.errors import LocalError
from openesi.sep2 import model as sep
from openesi.sep2 import resources, schema
from openesi.sep2.editions import VOLTTRON

MAX_POINTS = 500  # of one table; an operator's file by mistake must not fill memory for each device
MAX_CELL = 200  # characters of one cell
METERED = "MirrorMeterReading"
CONTROL = "DERControl"

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. -]{0,63}").fullmatch


class PointType(Enum):
    """The type of a point's values."""

    STRING = "string"
    INT = "int"
    FLOAT = "float"
    BOOL = "bool"


class Kind(Enum):
    """How a value is read at the end of a path."""

    PLAIN = "as it is"
    SCALED = "value x 10^multiplier"
    PERCENT = "hundredths of a percent"
    BITS = "octets as a number"
    HEX = "octets as hexadecimal digits"
    METERED = "the reading of that description"
    SFDI = "the device's SFDI, twelve digits"
    ENERGY = "availabilityDuration / 3600 x setMaxChargeRateW"


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One point. ``resource`` and ``field`` are the standard's names, ``path`` is where the model has it."""

    name: str
    resource: str
    field: str
    units: str
    type: PointType
    writable: bool
    notes: str
    path: tuple[str, ...]
    kind: Kind


Table = Mapping[str, Point]
"""Points by name, in the order of their file."""


@cache
def standard_table() -> Table:
    """Return the 26 points of VOLTTRON's SEP2 documentation."""
    text = files.files(__package__).joinpath("points.csv").read_text("utf-8")
    return _parse(list(csv.DictReader(io.StringIO(text))), {}, {})


def parse_csv(text: str, *, mend: bool = True) -> Table:
    """Read a table from CSV text. Raises LocalError naming the line; see ``parse_rows``."""
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), skipinitialspace=True)
    try:
        return parse_rows(list(reader), mend=mend)
    except csv.Error as error:
        raise LocalError(f"the point table is no CSV: line {reader.line_num}: {error}") from None


def parse_rows(
    rows: Sequence[Mapping[str, object]], *, mend: bool = True, known: Table | None = None
) -> Table:
    """Read a table from rows by column name, of any of the four sets of columns.

    ``known`` are the points that rows may name which say no more than that; the packaged ones if not given.

    VOLTTRON 5.1 to 8.2 shipped a file in which the sources of b802_SoC and b802_State are exchanged: ``mend``
    puts them right. Raises LocalError for what cannot be a table: the message says which row and why.
    """
    table = _parse(rows, standard_table(), known or standard_table())
    return _mended(table) if mend else table


def _parse(rows: Sequence[Mapping[str, object]], standard: Table, known: Table) -> dict[str, Point]:
    if not rows:
        raise LocalError("the point table is empty: it needs a line of column names and at least one point")
    if len(rows) > MAX_POINTS:
        raise LocalError(f"{len(rows)} points; at most {MAX_POINTS} are kept for one device")
    table: dict[str, Point] = {}
    for number, row in enumerate(rows, 1):
        try:
            point = _read_row(_cells(row), standard, known)
            if point.name in table:
                raise LocalError("is there twice")
        except LocalError as error:
            raise LocalError(f"point {number} of the table: {error}") from None
        table[point.name] = point
    return table


def rows_of(table: Table) -> list[dict[str, str]]:
    """Return a table as rows with the columns of the packaged one."""
    return [
        {
            "Point": point.name,
            "Resource": point.resource,
            "Field": point.field,
            "Units": point.units,
            "Type": point.type.value,
            "Writable": "TRUE" if point.writable else "FALSE",
            "Notes": point.notes,
        }
        for point in table.values()
    ]


def resources_of(table: Table) -> frozenset[str]:
    """Return the names of the resources that a table reads, beside metered values and controls."""
    named = {point.resource for point in table.values()} - {METERED, CONTROL}
    if any(point.kind is Kind.ENERGY for point in table.values()):
        named.add("DERSettings")
    if any(point.resource == CONTROL for point in table.values()):
        named |= {"DERSettings", "DERCapability"}
    return frozenset(named)


@cache
def places() -> dict[str, str]:
    """Return where each resource that points may read stands: ``{0}`` is the device, ``{1}`` its DER.

    Registration is left out: a PIN has no place on a control system's bus.
    """
    found = {}
    for resource in resources.RESOURCES:
        below = resource.path.removeprefix("/edev/{}")
        if below == resource.path or resource.item is not None or "PUT" not in resource.methods:
            continue
        der = below.removeprefix("/der/{}")
        if "{}" not in der:
            found[resource.name] = "{0}" + ("/der/{1}" if der != below else "") + der
    return found


_COLUMNS = (
    ("Point", "Resource", "Field"),
    ("Volttron Point Name", "IEEE2030_5 Resource Name", "IEEE2030_5 Field Name"),
    ("Volttron Point Name", "SEP2 Resource Name", "SEP2 Field Name"),
)


def _cells(row: Mapping[str, object]) -> dict[str, str]:
    cells = {}
    for name, value in row.items():
        if not isinstance(name, str) or not (value is None or isinstance(value, str | bool | int | float)):
            raise LocalError("has more cells than there are columns")
        cells[name.strip()] = "" if value is None else str(value).strip()
    long = next((name for name, text in cells.items() if len(text) > MAX_CELL), None)
    if long is not None:
        raise LocalError(f"{long!r} has more than {MAX_CELL} characters")
    return cells


def _read_row(cells: Mapping[str, str], standard: Table, known: Table) -> Point:
    for name_column, resource_column, field_column in _COLUMNS:
        if resource_column in cells and name_column in cells:
            point = _point_at(
                cells[name_column], cells[resource_column], cells.get(field_column, ""), standard
            )
            break
    else:
        if "Volttron Point Name" not in cells or "Point Name" not in cells:
            raise LocalError(
                "unknown columns: use Point, Resource, Field, Units, Type, Writable, Notes, or VOLTTRON's"
            )
        named = known.get(cells["Point Name"])
        if named is None:
            raise LocalError(
                f"{cells['Point Name']!r} is no point of the table{_near(cells['Point Name'], known)}"
            )
        point = replace(named, name=_checked_name(cells["Volttron Point Name"]))
    units = cells.get("Units", "")
    return replace(
        point,
        units=point.units if units.upper() in ("", "NA") else units,
        notes=cells.get("Notes") or point.notes,
        type=_type_of(cells.get("Type", ""), point.type),
        writable=_writable(cells.get("Writable", ""), point),
    )


def _point_at(name: str, resource: str, field: str, standard: Table) -> Point:
    path, kind, natural = resolve(resource, field)
    point = Point(
        name=_checked_name(name),
        resource=resource,
        field=field,
        units="",
        type=natural,
        writable=False,
        notes="",
        path=path,
        kind=kind,
    )
    return next(
        (
            replace(known, name=point.name, field=field)
            for known in standard.values()
            if (known.path, known.kind) == (path, kind) and (known.resource == resource or kind is Kind.SFDI)
        ),
        point,
    )


def _checked_name(name: str) -> str:
    if not _NAME(name):
        raise LocalError(
            f"{name[:80]!r} is no name for a point: letters, digits, _ . - and at most 64 of them"
        )
    return name


_TYPES = {"integer": "int", "boolean": "bool"}


def _type_of(text: str, natural: PointType) -> PointType:
    if not text:
        return natural
    try:
        wanted = PointType(_TYPES.get(text.lower(), text.lower()))
    except ValueError:
        raise LocalError(f"Type {text!r}: choose one of string, int, float, bool") from None
    if natural is PointType.STRING and wanted is not natural:
        raise LocalError(f"Type {text!r}: the values are texts, so it is string")
    return wanted


def _writable(text: str, point: Point) -> bool:
    wanted = text.upper() in ("TRUE", "1", "YES")
    if wanted and point.path != CHARGE_LIMIT:
        raise LocalError(
            f"{point.name} cannot be writable: only {CONTROL} {'.'.join(CHARGE_LIMIT)} can be set"
        )
    return wanted


CHARGE_LIMIT = ("DERControlBase", "opModFixedW")
"""The path of the one value that can be set."""


def resolve(resource: str, field: str) -> tuple[tuple[str, ...], Kind, PointType]:
    """Return the path of a field in the model, how its value is read and its natural type.

    ``field`` is dotted; each part is the name of the 2018 edition or that of VOLTTRON's. Raises LocalError.
    """
    if resource == METERED:
        if not field:
            raise LocalError("a metered point needs the description of its reading as field")
        return (field,), Kind.METERED, PointType.FLOAT
    if (resource, field) == ("DERAvailability", "SOC"):
        return ("availabilityDuration",), Kind.ENERGY, PointType.FLOAT
    if field == "sFDI":
        return ("sFDI",), Kind.SFDI, PointType.STRING
    if resource != CONTROL and resource not in places():
        names = sorted({*places(), METERED, CONTROL})
        raise LocalError(f"{resource[:80]!r} is no resource of a device{_near(resource, names)}")
    model = sep.DERControl if resource == CONTROL else _resource_model(resource)
    return _walk(model, field)


def _resource_model(name: str) -> type[sep.Sep]:
    return resources.by_name(name).model


def _walk(model: type[sep.Sep], field: str) -> tuple[tuple[str, ...], Kind, PointType]:
    path: list[str] = []
    kind: schema.ValueType | type[sep.Sep] = model
    for part in field.split("."):
        if isinstance(kind, schema.ValueType):
            raise LocalError(f"{field!r}: there is nothing below {'.'.join(path)}")
        found = _field_named(kind, part)
        path.append(found.name)
        kind = found.type
    if not isinstance(kind, schema.ValueType):
        inner = {one.name: one.type for one in schema.fields(kind)}
        value = inner.get("value")
        if not isinstance(value, schema.ValueType):
            raise LocalError(f"{field!r} has no value of its own: go on to one of {', '.join(inner)}")
        if "multiplier" in inner:
            return tuple(path), Kind.SCALED, PointType.FLOAT
        path.append("value")
        kind = value
    return tuple(path), *_leaf(kind)


def _leaf(kind: schema.ValueType) -> tuple[Kind, PointType]:
    base = kind.primitive.base
    if kind.name in ("PerCent", "SignedPerCent"):
        return Kind.PERCENT, PointType.FLOAT
    if kind.is_integer:
        return Kind.PLAIN, PointType.INT
    if base == "hexBinary":
        long = (kind.primitive.max_length or 0) > 8  # an identifier, not bits
        return (Kind.HEX, PointType.STRING) if long else (Kind.BITS, PointType.INT)
    return Kind.PLAIN, PointType.BOOL if base == "boolean" else PointType.STRING


def _field_named(model: type[sep.Sep], name: str) -> schema.Field:
    wires = {wire.name: wire.field for wire in VOLTTRON.fields(model)}
    fields = {**wires, **{one.name: one for one in schema.fields(model)}}
    found = fields.get(name)
    if found is None:
        raise LocalError(f"{model.__name__} has no field {name[:80]!r}{_near(name, fields)}")
    if found.many:
        raise LocalError(f"{name} of {model.__name__} is a list; a point is one value")
    return found


def _near(name: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(names), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _mended(table: Table) -> Table:
    charge, state = table.get("b802_SoC"), table.get("b802_State")
    if charge is None or state is None or "inverterStatus" not in charge.path:
        return table
    return {**table, **{name: standard_table()[name] for name in ("b802_SoC", "b802_State")}}
