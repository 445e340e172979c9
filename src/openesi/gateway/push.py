"""MQTT messages for home automation: what to publish, as values. The connection is ``mqtt``'s business.

Discovery follows Home Assistant's device-based form. A value that is not known is left out (null), never 0: a
zero in an energy register would add the whole register to somebody's statistics.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from openesi import __version__
from openesi.gateway.record import MeterRecord, SeriesName
from openesi.gateway.report import Clocks

EXPIRE_INTERVALS = 15  # a power value older than so many intervals is "unavailable" in the hub
MIN_EXPIRE_S = 60


@dataclass(frozen=True, slots=True)
class Publication:
    """One message to publish."""

    topic: str
    payload: str
    retain: bool


@dataclass(frozen=True, slots=True)
class Topics:
    """Where this gateway publishes. ``gateway_id`` tells several gateways on one broker apart."""

    gateway_id: str
    prefix: str = "openesi"
    discovery_prefix: str = "homeassistant"

    @property
    def availability(self) -> str:
        """``online`` or, also as the last will, ``offline``."""
        return f"{self.prefix}/{self.gateway_id}/availability"

    @property
    def state(self) -> str:
        """One JSON document with everything."""
        return f"{self.prefix}/{self.gateway_id}/state"

    @property
    def discovery(self) -> str:
        """Home Assistant's discovery message."""
        return f"{self.discovery_prefix}/device/{self.gateway_id}/config"

    @property
    def hub_status(self) -> str:
        """Where Home Assistant says ``online`` when it has started: discovery is sent again."""
        return f"{self.discovery_prefix}/status"


def to_gateway_id(text: str) -> str:
    """``text`` (a MAC id, a host name) as MQTT and Home Assistant take it.

    Letters, digits, ``_`` and ``-``.
    """
    return f"openesi_{re.sub('[^a-zA-Z0-9_-]+', '_', text).strip('_')[:48] or 'gateway'}"


def to_discovery(topics: Topics, record: MeterRecord, clocks: Clocks) -> Publication:
    """The retained message by which a hub sets up device and entities."""
    seen = record.snapshot(clocks.monotonic_s)
    device = {
        "identifiers": [topics.gateway_id],
        "name": "Smart meter",
        "manufacturer": "OpenESI",
        "model": "Meter gateway" if seen.device is None else f"Meter gateway with {seen.device.model_id}",
        "sw_version": __version__,
    }
    expire_s = max(MIN_EXPIRE_S, EXPIRE_INTERVALS * seen.interval_s)
    document = {
        "device": device,
        "origin": {"name": "OpenESI", "sw_version": __version__},
        "state_topic": topics.state,
        "availability_topic": topics.availability,
        "components": {key: _component(topics, key, options, expire_s) for key, options in _ENTITIES.items()},
    }
    return Publication(topics.discovery, json.dumps(document), retain=True)


def to_state(topics: Topics, record: MeterRecord, clocks: Clocks) -> Publication:
    """What is known now. Not retained: a broker must not hand out an old power as if it were current."""
    seen = record.snapshot(clocks.monotonic_s)
    power = record.current(SeriesName.POWER, clocks.monotonic_s)
    state: dict[str, object] = {
        "power_w": None if power is None else float(power.value),
        "time": None if power is None else power.time_s,
        "meter": "ON" if power is not None else "OFF",
        "link_strength_percent": None if seen.network is None else seen.network.link_strength_percent,
    }
    for name, key in ((SeriesName.ENERGY, "delivered_kwh"), (SeriesName.ENERGY_RECEIVED, "received_kwh")):
        point = record.current(name, clocks.monotonic_s)
        state[key] = None if point is None else float(point.value / 1000)
    return Publication(topics.state, json.dumps(state), retain=False)


def to_availability(topics: Topics, *, online: bool) -> Publication:
    """The retained word on whether this gateway is there."""
    return Publication(topics.availability, "online" if online else "offline", retain=True)


def _component(topics: Topics, key: str, options: dict[str, object], expire_s: int) -> dict[str, object]:
    component = {
        "platform": "sensor",
        "unique_id": f"{topics.gateway_id}_{key}",
        # A null is "unknown" to the hub.
        "value_template": f"{{{{ value_json.{_FIELDS[key]} }}}}",
        **options,
    }
    if key == "power":
        component["expire_after"] = expire_s
    return component


_FIELDS = {
    "power": "power_w",
    "delivered": "delivered_kwh",
    "received": "received_kwh",
    "link_strength": "link_strength_percent",
    "meter": "meter",
}
_ENERGY: dict[str, object] = {
    "device_class": "energy",
    "state_class": "total_increasing",
    "unit_of_measurement": "kWh",
}
_ENTITIES: dict[str, dict[str, object]] = {
    "power": {
        "name": "Power",
        "device_class": "power",
        "state_class": "measurement",
        "unit_of_measurement": "W",
    },
    "delivered": {"name": "Energy delivered", **_ENERGY},
    "received": {"name": "Energy received", **_ENERGY},
    "link_strength": {
        "name": "Link strength",
        "unit_of_measurement": "%",
        "state_class": "measurement",
        "entity_category": "diagnostic",
    },
    "meter": {
        "platform": "binary_sensor",
        "name": "Meter",
        "device_class": "connectivity",
        "entity_category": "diagnostic",
    },
}
