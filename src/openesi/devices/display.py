"""An in-home display: the price now, messages for the people, and who asked what. It uses next to nothing."""

from __future__ import annotations

from openesi.client.device import Price
from openesi.devices.solar import device_information
from openesi.sep2 import model as sep
from openesi.sep2.enums import DeviceCategory, FunctionsImplemented

MAX_TEXT = 200  # characters of a message that are shown


class Display:
    """A display. ``lines`` is what it shows."""

    category = DeviceCategory.SMART_ENERGY_MODULE

    def __init__(self) -> None:
        self.price: Price | None = None
        self.messages: tuple[sep.TextMessage, ...] = ()

    def advance(self, now: float) -> None:
        """Nothing happens to a display by itself."""

    def see_price(self, price: Price | None) -> None:
        """Show this price."""
        self.price = price

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
            *(f"{one.originator or 'Message'}: {one.textMessage[:MAX_TEXT]}" for one in self.messages),
        ]

    def information(self, lfdi: bytes) -> sep.DeviceInformation:
        """Return maker, model and versions."""
        functions = FunctionsImplemented.PRICING | FunctionsImplemented.MESSAGING
        return device_information(lfdi, model="In-home display", functions=functions)
