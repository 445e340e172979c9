"""The function sets: one module each, saying only what is special to it."""

from __future__ import annotations

from openesi.server.functions import der, device, end_device, metering_mirror, response, subscription, time
from openesi.server.functions.base import Behaviour

BEHAVIOURS: dict[str, Behaviour] = {
    name: behaviour
    for module in (der, device, end_device, metering_mirror, response, subscription, time)
    for name, behaviour in module.BEHAVIOURS.items()
}

GENERATED = {name: one.generate for name, one in BEHAVIOURS.items() if one.generate is not None}

NOTHING_SPECIAL = Behaviour()


def behaviour_of(name: str) -> Behaviour:
    """Return what is special to the resource called ``name``."""
    return BEHAVIOURS.get(name, NOTHING_SPECIAL)
