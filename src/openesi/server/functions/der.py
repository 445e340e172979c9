"""DER: what a device may claim of itself. Programs and controls are the operator's."""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

from openesi.sep2 import model as sep
from openesi.server.documents import read_document
from openesi.server.errors import Refusal
from openesi.server.functions.base import Behaviour, Change


class _Scaled(Protocol):
    @property
    def multiplier(self) -> int: ...
    @property
    def value(self) -> int: ...


# A setting may not go beyond the rating, nor a least value below it (IEEE 2030.5-2018, 10.10.4.4; conformance
# test CORE-014). Magnitudes count: what is received is negative, though not all senders write it so. A third
# name is the rating that counts where the second was not told.
_LIMITS = (
    ("setMaxW", "rtgMaxW"),
    ("setMaxVA", "rtgMaxVA"),
    ("setMaxVar", "rtgMaxVar"),
    ("setMaxVarNeg", "rtgMaxVarNeg", "rtgMaxVar"),
    ("setMaxA", "rtgMaxA"),
    ("setMaxV", "rtgMaxV"),
    ("setMaxWh", "rtgMaxWh"),
    ("setMaxAh", "rtgMaxAh"),
    ("setMaxChargeRateW", "rtgMaxChargeRateW"),
    ("setMaxDischargeRateW", "rtgMaxDischargeRateW"),
    ("setMaxChargeRateVA", "rtgMaxChargeRateVA"),
    ("setMaxDischargeRateVA", "rtgMaxDischargeRateVA"),
)
_FLOORS = (
    ("setMinV", "rtgMinV"),
    ("setMinPFOverExcited", "rtgMinPFOverExcited"),
    ("setMinPFUnderExcited", "rtgMinPFUnderExcited", "rtgMinPFOverExcited"),
)


def _check_settings(change: Change, settings: sep.DERSettings) -> sep.DERSettings:
    """Refuse settings beyond the nameplate, where the device has told it."""
    row = change.tx.get(change.path.removesuffix("/derg") + "/dercap")
    if row is None:
        return settings
    capability = read_document(row, sep.DERCapability)
    for names, is_floor in [(names, False) for names in _LIMITS] + [(names, True) for names in _FLOORS]:
        setting, *ratings = names
        set_to = _magnitude(getattr(settings, setting))
        rated = next(
            (one for name in ratings if (one := _magnitude(getattr(capability, name))) is not None), None
        )
        if set_to is None or rated is None:
            continue
        if set_to < rated if is_floor else set_to > rated:
            raise Refusal(
                400, f"{setting} {set_to} is {'below' if is_floor else 'above'} {ratings[0]} {rated}"
            )
    return settings


def _magnitude(quantity: _Scaled | sep.PowerFactor | None) -> Decimal | None:
    if isinstance(quantity, sep.PowerFactor):
        return Decimal(quantity.displacement).scaleb(quantity.multiplier)
    return None if quantity is None else abs(scaled(quantity))


def scaled(quantity: _Scaled) -> Decimal:
    """Return a quantity in its unit: value times ten to the power of its multiplier."""
    return Decimal(quantity.value).scaleb(quantity.multiplier)


BEHAVIOURS = {"DERSettings": Behaviour(check=_check_settings)}
