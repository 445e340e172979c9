"""Numbers with a power of ten, to and from plain numbers in W, var, VA, V, A, Wh."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

from openesi.sep2 import model as sep

Q = TypeVar("Q", bound=sep.Sep)

_INT16 = 32_767


class Scaled(Protocol):
    """Any quantity of the standard that is value x 10^multiplier."""

    @property
    def value(self) -> int:
        """The digits."""
        ...

    @property
    def multiplier(self) -> int:
        """The power of ten."""
        ...


def to_number(quantity: Scaled) -> float:
    """Return a quantity in its unit."""
    return float(quantity.value * 10.0**quantity.multiplier)


def scaled(kind: type[Q], number: float, *, digits: int = 0) -> Q:
    """Return ``number`` as a quantity, with so many decimals; fewer where 16 bits do not hold them."""
    multiplier = -digits
    while abs(round(number / 10.0**multiplier)) > _INT16:
        multiplier += 1
    make: Any = kind
    made: Q = make(multiplier=multiplier, value=round(number / 10.0**multiplier))
    return made


def percent(share: float) -> int:
    """Return a share (1.0 is all) in hundredths of a percent, within its bounds."""
    return max(-10_000, min(10_000, round(share * 10_000)))


def power_factor(value: sep.PowerFactor | sep.PowerFactorWithExcitation) -> float:
    """Return a power factor, 0 to 1."""
    return min(1.0, value.displacement * 10.0**value.multiplier)
