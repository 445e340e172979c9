"""Devices that hold a temperature: a thermostat with its house, a water heater with its tank.

Sources: one thermal mass behind one resistance, the simplest of the equivalent thermal parameter models
(Sonderegger, Princeton, 1978); a mixed tank with standing loss and draws as in ASHRAE Handbook, Service
Water Heating. Typical values of a detached house (150 W/K, 10 MJ/K) and of a 200 l tank (1.5 W/K).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from openesi.client.device import Applied
from openesi.devices.load import (
    DAY_S,
    Load,
    SetPointRange,
    power_share,
    set_point_c,
    temperatures_applied,
)
from openesi.sep2 import model as sep
from openesi.sep2.enums import DeviceCategory

WATER_J_PER_L_K = 4_186.0
COMFORT_K = 3.0  # a room may stray so far from its set point while it sheds
LUKEWARM_C = 45.0  # and water may cool so far


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A heated and cooled space: W/K through its shell, J/K in it, W (electric) of its heat pump."""

    loss_w_per_k: float = 150.0
    mass_j_per_k: float = 10e6
    heat_pump_w: float = 2_500.0
    performance: float = 3.0
    band_k: float = 0.5


def room_after(temperature_c: float, outside_c: float, heat_w: float, dt_s: float, *, room: Room) -> float:
    """Return the temperature ``dt_s`` later, exactly: it nears its balance exponentially."""
    balance_c = outside_c + heat_w / room.loss_w_per_k
    return balance_c + (temperature_c - balance_c) * math.exp(-dt_s * room.loss_w_per_k / room.mass_j_per_k)


def time_to_stray_s(temperature_c: float, limit_c: float, outside_c: float, *, room: Room) -> float:
    """Return after how long a room left alone reaches a limit on its way to outside; a day at most."""
    if (limit_c - temperature_c) * (outside_c - limit_c) <= 0:
        return DAY_S
    left = (limit_c - outside_c) / (temperature_c - outside_c)
    return min(DAY_S, -math.log(left) * room.mass_j_per_k / room.loss_w_per_k)


def mild_day_c(time: float) -> float:
    """Return the temperature outside on a summer's day, 20 to 34 degrees, warmest at 16 h."""
    return 27 + 7 * math.cos(2 * math.pi * (time / 3600 - 16) / 24)


class Thermostat(Load):
    """A programmable thermostat with a heat pump; it obeys set points, offsets and duty cycles."""

    category = DeviceCategory.PROGRAMMABLE_THERMOSTAT
    model = "Thermostat"

    def __init__(
        self,
        *,
        room: Room | None = None,
        outside_c: Callable[[float], float] = mild_day_c,
        temperature_c: float = 23.5,
    ) -> None:
        super().__init__()
        self.room = room or Room()
        self.temperature_c = temperature_c
        self.cool_above = SetPointRange(24.0, 16.0, 32.0, cooling=True)
        self.heat_below = SetPointRange(20.0, 10.0, 28.0)
        self._outside_c = outside_c
        self._mode = 0  # 1 heats, -1 cools

    def can_obey(self, control: sep.EndDeviceControl) -> bool:
        """Temperatures, besides what any switch can do."""
        return control.SetPoint is not None or control.Offset is not None or super().can_obey(control)

    def step(self, now: float, dt_s: float) -> None:
        """Switch by the temperature there is, then let it move."""
        cool_c, heat_c = (set_point_c(self.control, held) for held in (self.cool_above, self.heat_below))
        band = self.room.band_k
        if self._mode <= 0 and self.temperature_c > cool_c + band:
            self._mode = -1
        elif self._mode >= 0 and self.temperature_c < heat_c - band:
            self._mode = 1
        elif (self._mode < 0 and self.temperature_c < cool_c - band) or (
            self._mode > 0 and self.temperature_c > heat_c + band
        ):
            self._mode = 0
        share = power_share(self.control, self.controlled_s) if self.control is not None else None
        self.power_w = self.room.heat_pump_w * abs(self._mode) * (1.0 if share is None else min(1.0, share))
        heat_w = math.copysign(self.power_w * self.room.performance, self._mode) if self._mode else 0.0
        self.temperature_c = room_after(
            self.temperature_c, self._outside_c(now), heat_w, dt_s, room=self.room
        )

    def spare_s(self) -> float:
        """Return for how long the room stays bearable without the heat pump."""
        held = self.heat_below if self._mode > 0 else self.cool_above
        sign = 1 if held.cooling else -1
        limit_c = held.usual_c + sign * COMFORT_K
        if (self.temperature_c - limit_c) * sign >= 0:
            return 0.0
        outside_c = self._outside_c(self._lived or 0.0)
        return time_to_stray_s(self.temperature_c, limit_c, outside_c, room=self.room)

    def applied(self, control: sep.EndDeviceControl) -> Applied:
        """Return what it made of a control: temperatures, and what any switch can do."""
        return _with_temperatures(
            super().applied(control), temperatures_applied(control, self.cool_above, self.heat_below)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tank:
    """A water heater: litres, W of its element, W/K of standing loss."""

    volume_l: float = 200.0
    element_w: float = 3_000.0
    loss_w_per_k: float = 1.5
    air_c: float = 18.0
    cold_c: float = 12.0
    band_k: float = 3.0


def usual_draw_l_per_s(time: float) -> float:
    """Return hot water drawn: showers in the morning, dishes and baths in the evening; 120 l a day."""
    hour = time / 3600 % 24
    morning = 60 * math.exp(-(((hour - 7) / 0.7) ** 2)) / (0.7 * math.sqrt(math.pi))
    evening = 60 * math.exp(-(((hour - 19.5) / 1.2) ** 2)) / (1.2 * math.sqrt(math.pi))
    return (morning + evening) / 3600


class WaterHeater(Load):
    """A tank with an element; it obeys set points, offsets and duty cycles, and is never left to freeze."""

    category = DeviceCategory.WATER_HEATER
    model = "Water heater"

    def __init__(
        self,
        *,
        tank: Tank | None = None,
        draw_l_per_s: Callable[[float], float] = usual_draw_l_per_s,
        temperature_c: float = 58.0,
    ) -> None:
        super().__init__()
        self.tank = tank or Tank()
        self.temperature_c = temperature_c
        self.held = SetPointRange(60.0, 40.0, 75.0)
        self._draw = draw_l_per_s
        self._heats = False

    def can_obey(self, control: sep.EndDeviceControl) -> bool:
        """Temperatures, besides what any switch can do."""
        return control.SetPoint is not None or control.Offset is not None or super().can_obey(control)

    def step(self, now: float, dt_s: float) -> None:
        """Heat by the temperature there is; water drawn is replaced by cold."""
        tank = self.tank
        wanted_c = set_point_c(self.control, self.held)
        if self.temperature_c < wanted_c - tank.band_k:
            self._heats = True
        elif self.temperature_c >= wanted_c:
            self._heats = False
        self.power_w = tank.element_w * self._heats * min(1.0, self.share())
        mass_j_per_k = tank.volume_l * WATER_J_PER_L_K
        drawn_w = self._draw(now) * WATER_J_PER_L_K * (self.temperature_c - tank.cold_c)
        lost_w = tank.loss_w_per_k * (self.temperature_c - tank.air_c)
        self.temperature_c += (self.power_w - drawn_w - lost_w) * dt_s / mass_j_per_k

    def spare_s(self) -> float:
        """Return for how long the water stays warm enough, as it is drawn now."""
        tank = self.tank
        drawn_w = self._draw(self._lived or 0.0) * WATER_J_PER_L_K * (self.temperature_c - tank.cold_c)
        lost_w = tank.loss_w_per_k * (self.temperature_c - tank.air_c)
        stored_j = tank.volume_l * WATER_J_PER_L_K * (self.temperature_c - LUKEWARM_C)
        return max(0.0, stored_j / max(1.0, drawn_w + lost_w))

    def applied(self, control: sep.EndDeviceControl) -> Applied:
        """Return what it made of a control: a temperature, and what any switch can do."""
        return _with_temperatures(super().applied(control), temperatures_applied(control, self.held))


def _with_temperatures(switched: Applied, temperatures: Applied) -> Applied:
    return replace(switched, SetPoint=temperatures.SetPoint, Offset=temperatures.Offset or switched.Offset)
