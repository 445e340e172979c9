"""The function sets: one module each, saying only what is special to it."""

from __future__ import annotations

from openesi.server.functions import (
    billing,
    configuration,
    der,
    device,
    device_information,
    drlc,
    end_device,
    file,
    flow_reservation,
    messaging,
    metering,
    metering_mirror,
    prepayment,
    pricing,
    response,
    subscription,
    time,
)
from openesi.server.functions.base import Behaviour
from openesi.server.functions.events import Turn
from openesi.server.view import Special

BEHAVIOURS: dict[str, Behaviour] = {
    name: behaviour
    for module in (
        billing,
        configuration,
        der,
        device,
        device_information,
        drlc,
        end_device,
        file,
        metering,
        flow_reservation,
        messaging,
        metering_mirror,
        prepayment,
        pricing,
        response,
        subscription,
        time,
    )
    for name, behaviour in module.BEHAVIOURS.items()
}

# What happens, by type, to what is no event when its time comes.
TURNS: dict[str, Turn] = {**billing.TURNS, **metering_mirror.TURNS, **prepayment.TURNS}

SPECIAL = Special(
    generated={name: one.generate for name, one in BEHAVIOURS.items() if one.generate is not None},
    linked={name: one.linked for name, one in BEHAVIOURS.items() if one.linked is not None},
    gathered={name: one.gathering for name, one in BEHAVIOURS.items() if one.gathering is not None},
)

NOTHING_SPECIAL = Behaviour()


def behaviour_of(name: str) -> Behaviour:
    """Return what is special to the resource called ``name``."""
    return BEHAVIOURS.get(name, NOTHING_SPECIAL)
