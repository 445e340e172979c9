"""One device as a VOLTTRON driver sees it, whichever generation of VOLTTRON that is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from openesi.errors import LocalError, OpenESIError, PeerError
from openesi.sep2 import identity
from openesi.sunspec.table import Point, PointType, Table, parse_rows, rows_of, standard_table
from openesi.sunspec.values import Semantics
from openesi.sunspec.volttron.api import PointServer

PYTHON_TYPES: Final[dict[PointType, type]] = {
    PointType.STRING: str,
    PointType.INT: int,
    PointType.FLOAT: float,
    PointType.BOOL: bool,
}


class ReadOnly(OSError):
    """A point that cannot be set. The class and the words are those that VOLTTRON's drivers have."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Trying to write to a point configured read only: {name}")


class PointDevice:
    """A device behind an OpenESI server.

    ``config`` is the ``driver_config`` of VOLTTRON: ``sfdi``, and if needed ``api`` (the server's URL),
    ``token`` or ``token_file``, ``semantics`` and ``duration_s`` (how long a value that is set holds).
    Raises ValueError for what it cannot be.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.sfdi = _sfdi(config.get("sfdi"))
        self._semantics = semantics_of(config.get("semantics"))
        self.server = PointServer(
            config.get("api"), token=config.get("token"), token_file=config.get("token_file")
        )
        self._duration_s = config.get("duration_s")
        self._table: dict[str, Point] = {}
        self._names: dict[str, str] = {}
        self._untold = self._semantics is not None

    def take_registry(self, rows: Sequence[Mapping[str, Any]]) -> Table:
        """Return the points of a registry file of any of its generations; without rows those of the server.

        A file that names resources becomes the device's table there, before the first point is asked for.
        Where the server does not answer now, it is taken to have the packaged table. Raises ValueError for a
        file that cannot be one.
        """
        plain = [{key: value for key, value in row.items() if isinstance(value, _SCALAR)} for row in rows]
        by_resource = any("Resource" in name for row in plain for name in row)
        if not by_resource:
            plain = [{"Point Name": row.get("Volttron Point Name"), **row} for row in plain]
        known = standard_table() if by_resource else self._table_there()
        mend = self._semantics is not Semantics.RAW
        try:
            table = parse_rows(plain, mend=mend, known=known) if rows else known
        except LocalError as error:
            raise ValueError(str(error)) from error
        self._table.update(table if by_resource else known)
        self._untold = self._untold or by_resource
        there = [str(row.get("Point Name")) for row in plain] if rows and not by_resource else list(table)
        self._names.update(zip(table, there, strict=True))
        return table

    def _table_there(self) -> Table:
        try:
            return self.server.get_table(self.sfdi)
        except OpenESIError:
            return standard_table()

    def get(self, name: str) -> Any:
        """Return one point; None if the device has not told."""
        self._tell_table()
        return self.server.get_point(self.sfdi, self._names.get(name, name))

    def get_all(self) -> dict[str, Any]:
        """Return all points of the registry, in one call."""
        self._tell_table()
        values = self.server.get_points(self.sfdi)
        return {name: values.get(there) for name, there in self._names.items()}

    def set(self, name: str, value: Any, *, duration_s: int | None = None) -> Any:
        """Set a point; return what it is then. Raises ValueError for what is no number; 0 is one."""
        self._tell_table()
        there = self._names.get(name, name)
        return self.server.set_point(
            self.sfdi, there, number(name, value), duration_s=duration_s or self._duration_s
        )

    def revert(self, name: str) -> None:
        """Take back what was set."""
        self._tell_table()
        self.server.revert_point(self.sfdi, self._names.get(name, name))

    def revert_all(self) -> None:
        """Take back everything that was set."""
        self.server.revert_all(self.sfdi)

    def _tell_table(self) -> None:
        """Give the server the table, once; a server that was not up is told with the next call."""
        if self._untold:
            rows = rows_of(self._table) if self._table else None
            self.server.config_points(self.sfdi, rows, semantics=self._semantics)
            self._untold = False


_SCALAR = (str, bool, int, float, type(None))


def number(name: str, value: Any) -> float:
    """Return a value that is to be set. Raises ValueError for what is no number."""
    try:
        found = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        found = math.nan
    if not math.isfinite(found):
        raise ValueError(f"{value!r} is no number that {name} can be set to")
    return found


def _sfdi(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = f"{value:012d}"
    try:
        return f"{identity.parse_sfdi(value):012d}"
    except (LocalError, PeerError, TypeError, AttributeError) as error:
        raise ValueError(
            f"driver_config needs the device's sfdi, as '097935300833', not {value!r}: {error}"
        ) from None


def rows_of_map(point_map: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the point map of the old agent's ``config_points`` as rows of a table."""
    return [{"Volttron Point Name": name, **columns} for name, columns in point_map.items()]


def semantics_of(value: Any) -> Semantics | None:
    """Return whose numbers a configuration wants; None: it does not say. Raises ValueError."""
    try:
        return None if value is None else Semantics(value)
    except ValueError:
        known = ", ".join(one.value for one in Semantics)
        raise ValueError(f"semantics is one of {known}, not {value!r}") from None
