"""A house as its meter sees it: power as a function of time. Deterministic, so that a day can be run twice.

Made of what people recognize on a graph: a base load, a refrigerator's cycles, a water heater, breakfast and
dinner, a car that charges in the evening, sun on the roof.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi, sin
from zlib import crc32

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class House:
    """``solar_peak_w`` 0 is a house that never exports; ``seed`` makes houses of the same kind differ.

    Its day begins ``utc_offset_s`` after UTC's: the default is California in winter.
    """

    solar_peak_w: int = 3500
    car_w: int = 7200
    base_w: int = 180
    scale: float = 1.0
    seed: int = 0
    utc_offset_s: int = -8 * 3600

    def power_w(self, time_s: float) -> int:
        """Net power at the meter at Unix second ``time_s`` (UTC), import positive."""
        day, second = divmod(int(time_s) + self.utc_offset_s, DAY_S)
        load = self.base_w + self._refrigerator_w(time_s) + self._water_heater_w(day, second)
        load += self._meals_w(day, second) + self._car_w(day, second) + self._noise_w(time_s)
        return round(self.scale * load - self._solar_w(day, second))

    def _refrigerator_w(self, time_s: float) -> int:
        return 130 if (time_s + 37 * self.seed) % 2700 < 900 else 0

    def _water_heater_w(self, day: int, second: int) -> int:
        starts = (6 * 3600 + self._chance("shower", day, 2400), 20 * 3600 + self._chance("bath", day, 3600))
        return 4500 if any(start <= second < start + 1500 for start in starts) else 0

    def _meals_w(self, day: int, second: int) -> int:
        total = 0
        for name, hour, watts, length_s in (
            ("kettle", 7, 2200, 240),
            ("lunch", 12, 1100, 900),
            ("oven", 18, 2600, 2700),
        ):
            start = hour * 3600 + self._chance(name, day, 2700)
            if start <= second < start + length_s:
                # A thermostat: on two thirds of the time.
                total += watts if (second - start) % 180 < 120 or length_s < 600 else 0
        return total

    def _car_w(self, day: int, second: int) -> int:
        if self._chance("car", day, 3) == 0:
            return 0
        start = 21 * 3600 + self._chance("plug", day, 3000)
        return self.car_w if start <= second < start + 2 * 3600 else 0

    def _solar_w(self, day: int, second: int) -> float:
        sunrise, sunset = 6.5 * 3600, 18.5 * 3600
        if not sunrise < second < sunset or not self.solar_peak_w:
            return 0.0
        height: float = sin(pi * (second - sunrise) / (sunset - sunrise))
        cloud = 1 - 0.6 * self._chance("cloud", day * 144 + second // 600, 100) / 100
        return float(self.solar_peak_w * height**1.5 * cloud)

    def _noise_w(self, time_s: float) -> int:
        return self._chance("noise", int(time_s) // 8, 25)

    def _chance(self, name: str, number: int, below: int) -> int:
        return crc32(f"{name} {self.seed} {number}".encode()) % below
