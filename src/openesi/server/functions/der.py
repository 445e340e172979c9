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


# A setting may not go beyond the rating (IEEE 2030.5-2018, 10.10.4.4; conformance test CORE-014).
_LIMITS = (
    ("setMaxW", "rtgMaxW"),
    ("setMaxVA", "rtgMaxVA"),
    ("setMaxVar", "rtgMaxVar"),
    ("setMaxA", "rtgMaxA"),
    ("setMaxWh", "rtgMaxWh"),
    ("setMaxAh", "rtgMaxAh"),
    ("setMaxChargeRateW", "rtgMaxChargeRateW"),
    ("setMaxDischargeRateW", "rtgMaxDischargeRateW"),
    ("setMaxChargeRateVA", "rtgMaxChargeRateVA"),
    ("setMaxDischargeRateVA", "rtgMaxDischargeRateVA"),
)


def _check_settings(change: Change, settings: sep.DERSettings) -> sep.DERSettings:
    """Refuse settings beyond the nameplate, where the device has told it."""
    row = change.tx.get(change.path.removesuffix("/derg") + "/dercap")
    if row is None:
        return settings
    capability = read_document(row, sep.DERCapability)
    for setting, rating in _LIMITS:
        set_to, rated = getattr(settings, setting), getattr(capability, rating)
        if set_to is not None and rated is not None and scaled(set_to) > scaled(rated):
            raise Refusal(400, f"{setting} {scaled(set_to)} is above {rating} {scaled(rated)}")
    return settings


def scaled(quantity: _Scaled) -> Decimal:
    """Return a quantity in its unit: value times ten to the power of its multiplier."""
    return Decimal(quantity.value).scaleb(quantity.multiplier)


BEHAVIOURS = {"DERSettings": Behaviour(check=_check_settings)}
