"""A value that is set, as the control that a device gets, and back.

SunSpec's WChaMax is in W. The standard's opModFixedW is in hundredths of a percent: of setMaxChargeRateW
where it is negative, which charges (IEEE 2030.5-2018, DERControlBase). What was set is kept in the
control's description, since hundredths of a percent would not give it back exactly.
"""

from __future__ import annotations

import math

from openesi.errors import LocalError
from openesi.sep2 import model as sep

DEFAULT_DURATION_S = 86_400
FULL = 10_000  # hundredths of a percent
_PREFIX = "b124_WChaMax="
_MAX_DESCRIPTION = 32  # octets, String32


def encode(value: float, limit_w: float | None, *, raw: bool = False) -> tuple[sep.DERControlBase, str]:
    """Return the control that charges with ``value`` W, and the description that keeps it.

    ``limit_w`` is what 100 % is, None where it is not known; with ``raw`` the value is opModFixedW itself.
    Raises LocalError for what is no number, out of range, or cannot be said without ``limit_w``.
    """
    if not math.isfinite(value):
        raise LocalError(f"{value} is no number that can be set")
    if raw:
        if not -FULL <= value <= FULL or value != int(value):
            raise LocalError(
                f"{value:g} is out of range: raw values are whole numbers from -{FULL} to {FULL}"
            )
        return sep.DERControlBase(opModFixedW=int(value)), _describe(value)
    if limit_w is None:
        raise LocalError(
            "neither setMaxChargeRateW nor rtgMaxChargeRateW of this device is known: "
            "W cannot be set before it has posted its DERSettings or DERCapability"
        )
    if not 0 <= value <= limit_w:
        raise LocalError(f"{value:.15g} W is out of range: this device charges with 0 to {limit_w:.15g} W")
    share = FULL * value / limit_w if limit_w else 0.0
    return sep.DERControlBase(opModFixedW=-round(share)), _describe(value)


def read_back(control: sep.DERControl | None, limit_w: float | None) -> float | None:
    """Return what a control sets: in W, or where ``limit_w`` is None as opModFixedW has it.

    None where there is no control. What was set comes back as it was as long as it still means the same.
    """
    fixed = None if control is None else control.DERControlBase.opModFixedW
    if control is None or fixed is None:
        return None
    if limit_w is None:
        return float(fixed)
    kept = _described(control.description)
    if kept is not None and 0 <= kept <= limit_w and encode(kept, limit_w)[0].opModFixedW == fixed:
        return kept
    return abs(-fixed * limit_w / FULL) if fixed == 0 else -fixed * limit_w / FULL


def is_setpoint(control: sep.DERControl) -> bool:
    """Tell whether a control was made of a value that was set."""
    return _described(control.description) is not None


def _describe(value: float) -> str:
    text = f"{_PREFIX}{value + 0.0!r}"
    return text if len(text) <= _MAX_DESCRIPTION else f"{_PREFIX}{value:.6g}"


def _described(description: str | None) -> float | None:
    if description is None or not description.startswith(_PREFIX):
        return None
    try:
        return float(description.removeprefix(_PREFIX))
    except ValueError:
        return None
