"""Loads that are on or off: a switch, a pool pump, an appliance that waits for a good price.

Sources: a pool's single-speed pump has 1.5 hp as a rule (1.1 kW; the classes are those of 10 CFR 431, subpart
Y). A dishwasher fed with cold water takes about 1 kWh (0.971 kWh in a test that rpc.com.au reports), nearly
all of it to heat water (Hoak, Parker, Hermelink: How Energy Efficient are Modern Dishwashers?, ACEEE 2008);
told of a high price it delays its start, and does not stop once it runs (dret-ca.com, Dishwasher A).
"""

from __future__ import annotations

from openesi.client.device import Price
from openesi.devices.load import DAY_S, Load
from openesi.sep2.enums import DeviceCategory, FunctionsImplemented


class LoadSwitch(Load):
    """A load control switch in front of a load that is always on."""

    category = DeviceCategory.LOAD_CONTROL_SWITCH
    model = "Load control switch"
    is_continuous = True

    def __init__(self, *, load_w: float = 1_500.0) -> None:
        super().__init__()
        self.load_w = load_w

    def step(self, now: float, dt_s: float) -> None:
        """Pass on what the control leaves."""
        del now, dt_s
        self.power_w = self.left_w(self.load_w)


class PoolPump(Load):
    """A pump that runs some hours a day; what a control keeps it from, it makes up for that day."""

    category = DeviceCategory.POOL_PUMP
    model = "Pool pump"

    def __init__(self, *, pump_w: float = 1_100.0, hours_a_day: float = 6.0, starts_h: float = 10.0) -> None:
        super().__init__()
        self.pump_w = pump_w
        self.wanted_s = hours_a_day * 3600
        self.starts_s = starts_h * 3600
        self.ran_s = 0.0
        self._day = -1

    def step(self, now: float, dt_s: float) -> None:
        """Run from its hour on until it has run enough, unless a control says no."""
        day, second = divmod(now, DAY_S)
        if int(day) != self._day:
            self._day, self.ran_s = int(day), 0.0
        due = second >= self.starts_s and self.ran_s < self.wanted_s
        share = min(1.0, self.share())
        self.power_w = self.pump_w * due * share
        self.ran_s += dt_s * due * share

    def spare_s(self) -> float:
        """Return for how long it can wait and still run enough before midnight."""
        return DAY_S - (self._lived or 0.0) % DAY_S - (self.wanted_s - self.ran_s)


MOTOR_W, HEATER_W = 60.0, 2_000.0
_HEATS = ((0.11, 0.25), (0.72, 0.88))  # of the time of a program: washing, and the last rinse


def washing_w(elapsed_s: float, program_s: float) -> float:
    """Return the power of a dishwasher that has run for so long."""
    share = elapsed_s / program_s
    return MOTOR_W + HEATER_W * any(begin <= share < end for begin, end in _HEATS)


class PriceAppliance(Load):
    """A dishwasher that starts when energy is cheap, at the latest in time to be done.

    It waits while the price is above ``fair_per_kwh`` and the deadline allows it; a price that is not known
    is no reason to wait.
    """

    category = DeviceCategory.SMART_APPLIANCE
    model = "Dishwasher"
    functions = FunctionsImplemented.PRICING | FunctionsImplemented.DEMAND_RESPONSE

    def __init__(
        self,
        *,
        program_s: float = 5_400.0,
        fair_per_kwh: float = 0.20,
        filled_h: float = 19.0,
        done_h: float = 30.0,
    ) -> None:
        super().__init__()
        self.program_s = program_s
        self.fair_per_kwh = fair_per_kwh
        self.filled_s, self.patience_s = filled_h * 3600, (done_h - filled_h) * 3600
        self.price: Price | None = None
        self.left_s = 0.0
        self.deadline = 0.0
        self.runs = False

    def see_price(self, price: Price | None) -> None:
        """Take the price from now on."""
        self.price = price
        if isinstance(self.twin, PriceAppliance):
            self.twin.see_price(price)

    def spare_s(self) -> float:
        """Return for how long its program can wait; one that runs is not stopped."""
        return 0.0 if self.runs else self.deadline - self.left_s - (self._lived or 0.0)

    def step(self, now: float, dt_s: float) -> None:
        """Be filled once a day, start when it is worth it, and then run through."""
        into_day = (now - self.filled_s) % DAY_S
        if into_day < max(dt_s, 1.0) and self.left_s <= 0:
            self.left_s, self.deadline = self.program_s, now + self.patience_s
        is_due = now + self.left_s >= self.deadline
        is_fair = self.price is None or self.price.per_kwh is None or self.price.per_kwh <= self.fair_per_kwh
        allowed = self.share() > 0 or is_due
        if self.left_s > 0 and not self.runs:
            self.runs = (is_fair and allowed) or is_due
        self.power_w = washing_w(self.program_s - self.left_s, self.program_s) if self.runs else 0.0
        if self.runs:
            self.left_s -= dt_s
            self.runs = self.left_s > 0
