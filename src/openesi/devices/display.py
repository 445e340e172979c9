"""An in-home display: the price now, what is used, messages for the people. It uses next to nothing."""

from __future__ import annotations

from openesi.client.device import Price, Usage
from openesi.devices.solar import device_information
from openesi.sep2 import model as sep
from openesi.sep2.enums import DeviceCategory, FunctionsImplemented, Uom

MAX_TEXT = 200  # characters of a message that are shown
MAX_LINES = 10  # of usage

# What people want to see of a meter, and how: in kW, kWh.
_UNITS: dict[int, str] = {Uom.WATTS: "{:.2f} kW", Uom.WATT_HOURS: "{:.1f} kWh"}


class Display:
    """A display. ``lines`` is what it shows."""

    category = DeviceCategory.SMART_ENERGY_MODULE

    def __init__(self) -> None:
        self.price: Price | None = None
        self.messages: tuple[sep.TextMessage, ...] = ()
        self.usage: tuple[Usage, ...] = ()

    def advance(self, now: float) -> None:
        """Nothing happens to a display by itself."""

    def see_price(self, price: Price | None) -> None:
        """Show this price."""
        self.price = price

    def see_usage(self, usage: tuple[Usage, ...]) -> None:
        """Show these, power before energy."""
        self.usage = tuple(sorted(usage, key=lambda one: (one.uom != Uom.WATTS, one.meter, one.is_reverse)))

    def show(self, messages: tuple[sep.TextMessage, ...]) -> None:
        """Show these messages."""
        self.messages = messages

    def lines(self) -> list[str]:
        """Return what is to be seen, the price first."""
        price = "price not known"
        if self.price is not None:
            cost = "" if self.price.per_kwh is None else f"{self.price.per_kwh:.4f} per kWh, "
            price = f"{cost}tier {self.price.tier}"
        return [
            price,
            *filter(None, (_usage_line(one) for one in self.usage[:MAX_LINES])),
            *(f"{one.originator or 'Message'}: {one.textMessage[:MAX_TEXT]}" for one in self.messages),
        ]

    def information(self, lfdi: bytes) -> sep.DeviceInformation:
        """Return maker, model and versions."""
        functions = (
            FunctionsImplemented.PRICING | FunctionsImplemented.MESSAGING | FunctionsImplemented.METERING
        )
        return device_information(lfdi, model="In-home display", functions=functions)


def _usage_line(usage: Usage) -> str | None:
    """Return one reading for people; None for what they do not read: volts, hertz."""
    unit = _UNITS.get(usage.uom)
    if unit is None:
        return None
    way = "to" if usage.is_reverse else "from"
    shown = unit.format(usage.value / 1000)
    return f"{shown} {way} the grid" if usage.uom == Uom.WATT_HOURS else f"{shown} now"
