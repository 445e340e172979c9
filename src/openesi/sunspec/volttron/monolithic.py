"""The driver for monolithic VOLTTRON (7 to 9).

It looks for drivers in its own package, so a file of one line there leads here::

    from openesi.sunspec.volttron.monolithic import Interface
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from platform_driver.interfaces import BaseInterface, BaseRegister

from openesi.sunspec.table import Point
from openesi.sunspec.volttron.device import PYTHON_TYPES, PointDevice, ReadOnly


class Register(BaseRegister):
    """One point of a device."""

    def __init__(self, point: Point) -> None:
        super().__init__("byte", not point.writable, point.name, point.units, point.notes)
        self.python_type = PYTHON_TYPES[point.type]


class Interface(BaseInterface):
    """A DER device behind an OpenESI server."""

    device: PointDevice

    def configure(
        self, config_dict: Mapping[str, Any], registry_config_str: Sequence[Mapping[str, Any]] | None
    ) -> None:
        """Take ``driver_config`` (see ``PointDevice``) and the registry file. Raises ValueError."""
        self.device = PointDevice(config_dict)
        for point in self.device.take_registry(registry_config_str or []).values():
            self.insert_register(Register(point))

    def get_point(self, point_name: str, **kwargs: Any) -> Any:
        """Ask the server for one point; None if the device has not told."""
        del kwargs
        self.get_register_by_name(point_name)
        return self.device.get(point_name)

    def set_point(self, point_name: str, value: Any, **kwargs: Any) -> Any:
        """Set a point, for ``duration_s`` if given; return what it is then. Raises OSError, ValueError."""
        if self.get_register_by_name(point_name).read_only:
            raise ReadOnly(point_name)
        return self.device.set(point_name, value, duration_s=kwargs.get("duration_s"))

    def scrape_all(self) -> dict[str, Any]:
        """Ask the server for all points in one call."""
        return self.device.get_all()

    def revert_point(self, point_name: str, **kwargs: Any) -> None:
        """Take back what was set."""
        del kwargs
        if self.get_register_by_name(point_name).read_only:
            raise ReadOnly(point_name)
        self.device.revert(point_name)

    def revert_all(self, **kwargs: Any) -> None:
        """Take back everything that was set."""
        del kwargs
        self.device.revert_all()
