"""What the procedures of CSIP-AUS share: limits in W, and a site that has told its ratings."""

from __future__ import annotations

from typing import Any

from conformance.lab import Lab, Site
from conformance.plant import Plant
from conformance.wire import child, link, scaled, text

MAX_W = 5_000


def watts(power_w: float) -> dict[str, int]:
    multiplier = 0
    while abs(power_w) / 10**multiplier > 32_767:
        multiplier += 1
    return {"multiplier": multiplier, "value": round(power_w / 10**multiplier)}


def base_of(modes: dict[str, Any]) -> dict[str, Any]:
    limits = ("opModImpLimW", "opModExpLimW", "opModGenLimW", "opModLoadLimW")
    return {name: watts(value) if name in limits else value for name, value in modes.items()}


def put_ratings(plant: Plant, max_w: int, doe: str = "0F", **more: Any) -> None:
    place = link(plant.der(), "DERCapabilityLink")
    fields = {"modesSupported": "00000003", "rtgMaxW": watts(max_w), "type": 4, "aus:doeModesSupported": doe}
    plant.wire.put(place, "DERCapability", fields)
    assert text(plant.wire.get(place), "doeModesSupported") == doe
    assert scaled(child(plant.wire.get(place), "rtgMaxW")) == max_w
    place = link(plant.der(), "DERSettingsLink")
    fields = {
        "modesEnabled": "00000003",
        "setGradW": 1_000,
        "setMaxW": watts(max_w),
        "updatedTime": plant.now(),
        "aus:doeModesEnabled": doe,
        **more,
    }
    plant.wire.put(place, "DERSettings", fields)
    assert text(plant.wire.get(place), "doeModesEnabled") == doe
    assert scaled(child(plant.wire.get(place), "setMaxW")) == max_w


def ready(lab: Lab, **primacies: int) -> Site:
    """Return a site that has told its ratings."""
    site = lab.site(**(primacies or {"P": 10}))
    put_ratings(site.plant, MAX_W)
    return site
