"""The driver for modular VOLTTRON (volttron-core 2), found as ``volttron.driver.interfaces.ieee2030_5``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from pydantic import AliasChoices, Field
from volttron.driver.base.config import PointConfig, RemoteConfig
from volttron.driver.base.interfaces import BaseInterface, BaseRegister

from openesi.errors import OpenESIError
from openesi.sunspec.table import PointType
from openesi.sunspec.volttron.device import PYTHON_TYPES, PointDevice, ReadOnly


class IEEE2030_5Config(RemoteConfig):
    """``driver_config`` of one device; see ``PointDevice``."""

    sfdi: str | int
    api: str | None = None
    token: str | None = None
    token_file: str | None = None
    semantics: str | None = None
    duration_s: int | None = None


class IEEE2030_5Point(PointConfig):
    """One row of a registry file."""

    type: str = Field(default=PointType.FLOAT.value, validation_alias=AliasChoices("Type", "type"))


class IEEE2030_5Register(BaseRegister):
    """One point of a device."""

    def __init__(self, point: IEEE2030_5Point) -> None:
        super().__init__("byte", not point.writable, point.volttron_point_name, point.units, point.notes)
        self.python_type = PYTHON_TYPES[PointType(point.type)]


class IEEE2030_5(BaseInterface):
    """A DER device behind an OpenESI server. Topics are whole, as ``devices/campus/charger/b802_SoC``."""

    REGISTER_CONFIG_CLASS: ClassVar[type] = IEEE2030_5Point
    INTERFACE_CONFIG_CLASS: ClassVar[type] = IEEE2030_5Config

    def __init__(self, config: RemoteConfig, *args: Any, **kwargs: Any) -> None:
        super().__init__(config, *args, **kwargs)
        self.device = PointDevice(self.config.model_dump())

    @classmethod
    def unique_remote_id(cls, config_name: str, config: RemoteConfig) -> tuple[Any, ...]:
        """Let one greenlet read a device, however many topics show it."""
        sfdi = getattr(config, "sfdi", None)
        return (config_name,) if sfdi is None else (getattr(config, "api", None), str(sfdi))

    def prepare_registry_config(
        self, registry_config: list[dict[str, Any]], remote_config: RemoteConfig | None = None
    ) -> list[dict[str, Any]]:
        """Read a registry file of any generation; without one, the packaged points."""
        del remote_config
        table = self.device.take_registry(registry_config)
        given = registry_config or [{} for _ in table]
        return [
            {
                **row,
                "Volttron Point Name": point.name,
                "Units": point.units,
                "Type": point.type.value,
                "Writable": point.writable,
                "Notes": point.notes,
            }
            for row, point in zip(given, table.values(), strict=True)
        ]

    def create_register(self, register_definition: IEEE2030_5Point) -> IEEE2030_5Register:
        """Return the register of one row."""
        return IEEE2030_5Register(register_definition)

    def get_point(self, topic: str, **kwargs: Any) -> Any:
        """Ask the server for one point; None if the device has not told."""
        del kwargs
        return self.device.get(self.get_register_by_name(topic).point_name)

    def set_point(self, topic: str, value: Any, **kwargs: Any) -> Any:
        """Set a point, for ``duration_s`` if given; return what it is then. Raises OSError, ValueError."""
        register = self.get_register_by_name(topic)
        if register.read_only:
            raise ReadOnly(register.point_name)
        return self.device.set(register.point_name, value, duration_s=kwargs.get("duration_s"))

    def get_multiple_points(
        self, topics: Iterable[str], **kwargs: Any
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """Ask the server for all points in one call; return those of ``topics``, and what went wrong."""
        del kwargs
        wanted = list(topics)
        try:
            values = self.device.get_all()
        except OpenESIError as error:
            return {}, {topic: str(error) for topic in wanted}
        results: dict[str, Any] = {}
        errors: dict[str, str] = {}
        for topic in wanted:
            register = self.point_map.get(topic)
            if register is None:
                errors[topic] = f"Point not configured on device: {topic}"
            else:
                results[topic] = values[register.point_name]
        return results, errors

    def revert_point(self, topic: str, **kwargs: Any) -> None:
        """Take back what was set."""
        del kwargs
        register = self.get_register_by_name(topic)
        if register.read_only:
            raise ReadOnly(register.point_name)
        self.device.revert(register.point_name)

    def revert_all(self, **kwargs: Any) -> None:
        """Take back everything that was set."""
        del kwargs
        self.device.revert_all()
