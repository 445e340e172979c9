"""Sunlight on a clear day, and what a photovoltaic array makes of it.

Sources: declination of the sun after Cooper (Solar Energy 12, 1969); clear-sky irradiance on the ground after
Haurwitz (Journal of Meteorology 2, 1945); cell temperature by NOCT as in IEC 61215; -0.4 % of power per
kelvin is typical of crystalline silicon (IEC 60891 gives the correction).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

DAY_S = 86_400
STANDARD_IRRADIANCE_W_PER_M2 = 1_000.0
STANDARD_CELL_C = 25.0
NOCT_C = 45.0
POWER_PER_KELVIN = -0.004


@dataclass(frozen=True, slots=True)
class Site:
    """Where a house stands, in degrees (north and east positive), and how warm it is."""

    latitude: float = 37.8
    longitude: float = 0.0
    air_c: float = 18.0


def irradiance_w_per_m2(time: float, site: Site) -> float:
    """Return global horizontal irradiance under a clear sky at ``time`` (s since 1970, UTC); 0 at night."""
    day_of_year = (time / DAY_S + 0.5) % 365.25
    declination = math.radians(23.45) * math.sin(2 * math.pi * (284 + day_of_year) / 365.25)
    solar_hour = (time % DAY_S) / 3600 + site.longitude / 15
    hour_angle = math.radians(15 * (solar_hour - 12))
    latitude = math.radians(site.latitude)
    cosine = math.sin(latitude) * math.sin(declination) + math.cos(latitude) * math.cos(
        declination
    ) * math.cos(hour_angle)
    return 1098.0 * cosine * math.exp(-0.057 / cosine) if cosine > 0.01 else 0.0


def array_power_w(irradiance: float, *, peak_w: float, air_c: float) -> float:
    """Return the power of an array of ``peak_w`` (under standard test conditions) in this light (W/m2)."""
    cell_c = air_c + (NOCT_C - 20.0) / 800.0 * irradiance
    derated = 1 + POWER_PER_KELVIN * (cell_c - STANDARD_CELL_C)
    return max(0.0, peak_w * irradiance / STANDARD_IRRADIANCE_W_PER_M2 * derated)
