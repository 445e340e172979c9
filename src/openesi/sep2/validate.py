"""What the text of the standard forbids beyond its schema: bounds of named types, and fields that must agree.

The codecs hold documents to the schema. A value that passes them may still make no sense: a share of 300 %,
an SFDI whose check digit is wrong, an event of no duration. ``problems`` finds that, by two tables: rules for
single values by the name of their type, and rules for a type's fields together.

Sources: IEEE 2030.5-2018, annotations of the types named, unless a rule says otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from enum import IntEnum
from functools import cache
from typing import Any, NamedTuple

from openesi.sep2 import enums, events, identity, schema
from openesi.sep2 import model as sep
from openesi.sep2.enums import DERCurveType, DERType
from openesi.sep2.errors import DecodeError, ReasonCode
from openesi.sep2.model._declare import Sep
from openesi.sep2.schema import ValueType

URI_OCTETS = 255  # longest URI of IEEE 2030.5-2018, 4.5
LATEST = 253_402_300_799  # s since 1970, the end of the year 9999; sums of times stay in 64 bits
HIGHEST_TIER = 15  # TOUType: 0 without tiers, 1 to 15 are the tiers A to O
HIGHEST_BLOCK = 16  # ConsumptionBlockType: 0 without blocks


class Problem(NamedTuple):
    """What is wrong, and the path to it: ``DERControlList/DERControl[2]/interval/duration``."""

    path: str
    problem: str

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}"


def problems(value: Sep) -> list[Problem]:
    """Return what the standard's text forbids in ``value`` and all it holds; an empty list: nothing."""
    return list(_walk(value, type(value).__name__))


def reserved(value: Sep) -> list[Problem]:
    """Return the numbers in ``value`` and all it holds that the standard reserves.

    A peer may send one, for later editions give them a meaning; whoever writes a document here does not.
    """
    return list(_walk(value, type(value).__name__, _enumerated, _no_rules))


def check(value: Sep) -> None:
    """Refuse a value that a peer sent and the standard's text forbids: DecodeError, reason VALUES."""
    for found in _walk(value, type(value).__name__):
        raise DecodeError(found.problem, reason=ReasonCode.VALUES, path=found.path)


class _Field(NamedTuple):
    attr: str
    type: ValueType | type[Sep]
    many: bool
    rule: Callable[[Any], str | None] | None  # of simple values


@cache
def _fields(cls: type[Sep]) -> tuple[_Field, ...]:
    """Return the fields of ``cls`` in which anything could be wrong."""
    found = []
    for field in schema.fields(cls):
        if isinstance(field.type, ValueType):
            rule = _rule_of(field.type)
            if rule is not None:
                found.append(_Field(field.name, field.type, field.many, rule))
        elif _can_be_wrong(field.type):
            found.append(_Field(field.name, field.type, field.many, None))
    return tuple(found)


@cache
def _can_be_wrong(cls: type[Sep]) -> bool:
    return bool(schema.derived_types(cls) or _fields(cls) or _rules_of(cls))


@cache
def _rules_of(cls: type[Sep]) -> tuple[Callable[[Any], Iterator[tuple[str, str]]], ...]:
    return tuple(rule for kind, rule in _TOGETHER if issubclass(cls, kind))


@cache
def _enumerated(cls: type[Sep]) -> tuple[_Field, ...]:
    """Return the fields of ``cls`` in which a number could be reserved."""
    found = []
    for field in schema.fields(cls):
        if not isinstance(field.type, ValueType):
            if schema.derived_types(field.type) or _enumerated(field.type):
                found.append(_Field(field.name, field.type, field.many, None))
            continue
        values = enums.values_of(field)
        if values is not None and issubclass(values, IntEnum) and values not in _OPEN:
            found.append(_Field(field.name, field.type, field.many, _one_of(values)))
    return tuple(found)


# Of these others than the named numbers mean something, or are refused with a better reason.
_OPEN = (enums.ConsumptionBlock, enums.EventState, enums.FileType, enums.Primacy, enums.Tou, enums.Uom)


def _one_of(values: type[IntEnum]) -> Callable[[Any], str | None]:
    known = frozenset(values)
    named = ", ".join(f"{int(one)} {_words(one.name)}" for one in values)

    def rule(value: int) -> str | None:
        return None if value in known else f"{value} is reserved; there are {named}"

    return rule


def _words(name: str) -> str:
    """Return the name of a number in words; that of a field (``opModVoltVar``) is its own word."""
    return name.lower().replace("_", " ") if name.isupper() else name


_Together = tuple[Callable[[Any], Iterator[tuple[str, str]]], ...]


def _no_rules(cls: type[Sep]) -> _Together:
    del cls
    return ()


def _walk(
    value: Sep,
    path: str,
    fields_of: Callable[[type[Sep]], tuple[_Field, ...]] = _fields,
    rules_of: Callable[[type[Sep]], _Together] = _rules_of,
) -> Iterator[Problem]:
    cls = type(value)
    for field in fields_of(cls):
        held = getattr(value, field.attr)
        if held is None:
            continue
        below = f"{path}/{field.attr}"
        if field.rule is not None:
            problem = field.rule(held)
            if problem is not None:
                yield Problem(below, problem)
        elif field.many:
            for number, one in enumerate(held, 1):
                yield from _walk(one, f"{below}[{number}]", fields_of, rules_of)
        else:
            yield from _walk(held, below, fields_of, rules_of)
    for rule in rules_of(cls):
        for name, problem in rule(value):
            yield Problem(f"{path}/{name}", problem)


# --- single values, by the name of their type ---------------------------------------------------------------


def _rule_of(value_type: ValueType) -> Callable[[Any], str | None] | None:
    if value_type.name in _SINGLE:
        return _SINGLE[value_type.name]
    low, high = value_type.meant_minimum, value_type.meant_maximum
    if low is None and high is None:
        return None
    least = value_type.primitive.minimum if low is None else low
    most = value_type.primitive.maximum if high is None else high
    assert least is not None
    assert most is not None

    def rule(value: int) -> str | None:
        if least <= value <= most:
            return None
        return f"{value} is not between {least} and {most}, as {value_type.name} is"

    return rule


def _uri(value: str) -> str | None:
    if len(value.encode()) > URI_OCTETS:
        return f"a URI of {len(value.encode())} octets; {URI_OCTETS} are allowed"
    if " " in value or not value.isprintable():
        return "a URI with white space or control characters in it"
    return None


def _sfdi(value: int) -> str | None:
    return None if identity.sfdi_is_valid(value) else f"{value} is no SFDI: 12 digits whose sum ends in 0"


def _pin(value: int) -> str | None:
    return None if identity.pin_is_valid(value) else f"{value} is no PIN: 6 digits whose sum ends in 0"


def _locale(value: str) -> str | None:
    return None if _LOCALE.fullmatch(value) else f"{value!r} is no language tag, as en-US is"


# RFC 4646, 2.1: language, script, region, variants, extensions, private use; or private use alone.
_LOCALE = re.compile(
    r"(?:[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4,8})(?:-[a-z]{4})?(?:-(?:[a-z]{2}|[0-9]{3}))?"
    r"(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*(?:-[a-wy-z0-9](?:-[a-z0-9]{2,8})+)*(?:-x(?:-[a-z0-9]{1,8})+)?"
    r"|x(?:-[a-z0-9]{1,8})+",
    re.IGNORECASE | re.ASCII,
)

_SINGLE: dict[str, Callable[[Any], str | None]] = {
    "anyURI": _uri,
    "LocaleType": _locale,
    "PINType": _pin,
    "SFDIType": _sfdi,
}


# --- fields that must agree ---------------------------------------------------------------------------------
# A rule yields the name of the field to blame, and what is wrong with it.

_Found = Iterator[tuple[str, str]]


def _needs(name: str, *needed: str) -> Callable[[Sep], _Found]:
    """Return the rule that a field does not come without others."""

    def rule(value: Sep) -> _Found:
        if getattr(value, name) is not None:
            for other in needed:
                if getattr(value, other) is None:
                    yield name, f"comes with {other} only"

    return rule


def _sign(names: str, *, negative: bool = False) -> Callable[[Sep], _Found]:
    """Return the rule that the named quantities are not on the wrong side of zero."""

    def rule(value: Sep) -> _Found:
        for name in names.split():
            quantity = getattr(value, name)
            if quantity is not None and (quantity.value > 0 if negative else quantity.value < 0):
                yield name, f"is {'positive' if negative else 'negative'}"

    return rule


def _has_duration(name: str) -> Callable[[Sep], _Found]:
    def rule(value: Sep) -> _Found:
        if getattr(value, name).duration == 0:
            yield f"{name}/duration", "is 0"

    return rule


def _at_least_one(names: str) -> Callable[[Sep], _Found]:
    """Return the rule that one of the named fields is there."""

    def rule(value: Sep) -> _Found:
        given = names.split()
        if all(getattr(value, name) is None for name in given):
            yield given[0], f"or one of {', '.join(given[1:])} is wanted; there is none"

    return rule


def _at_most(name: str, most: int) -> Callable[[Sep], _Found]:
    """Return the rule that a number is not greater than the standard has a meaning for."""

    def rule(value: Sep) -> _Found:
        if getattr(value, name) > most:
            yield name, f"{getattr(value, name)} is more than {most}"

    return rule


def _event(event: sep.Event) -> _Found:
    kind, duration = events.kind_of(type(event)), event.interval.duration
    if duration == 0 and not kind.denies:
        yield "interval/duration", "is 0"
    if duration > kind.longest_s:
        yield "interval/duration", f"is {duration} s; {kind.longest_s} s are allowed"
    if abs(event.creationTime) > LATEST:
        yield "creationTime", f"{event.creationTime} is after the year 9999"
    if event.responseRequired and any(event.responseRequired) and event.replyTo is None:
        yield "responseRequired", "asks for answers, but there is no replyTo that they could go to"


def _date_time_interval(interval: sep.DateTimeInterval) -> _Found:
    if abs(interval.start) > LATEST:
        yield "start", f"{interval.start} is after the year 9999"


def _end_device_control(control: sep.EndDeviceControl) -> _Found:
    if not any(control.deviceCategory):
        yield "deviceCategory", "is 0, so the control is for no device"


def _flow_rates(component: sep.RateComponent) -> _Found:
    start, end = component.flowRateStartLimit, component.flowRateEndLimit
    if start is None or end is None:
        return
    if start.unit != end.unit:
        yield "flowRateEndLimit", f"is in unit {end.unit}, flowRateStartLimit in {start.unit}"
    elif Decimal(start.value).scaleb(start.multiplier) >= Decimal(end.value).scaleb(end.multiplier):
        yield "flowRateEndLimit", "is not above flowRateStartLimit"


def _set_point(point: sep.SetPoint) -> _Found:
    cooling, heating = point.coolingSetpoint, point.heatingSetpoint
    if cooling is not None and heating is not None and cooling < heating:
        yield "coolingSetpoint", f"{cooling} is below heatingSetpoint {heating}: both would run at once"


def _reservation(request: sep.FlowReservationRequest) -> _Found:
    if request.intervalRequested.duration == 0:
        yield "intervalRequested/duration", "is 0"
    if request.energyRequested.value * request.powerRequested.value < 0:
        yield "powerRequested", "and energyRequested differ in sign: charge or discharge?"


def _identity(device: sep.AbstractDevice) -> _Found:
    if device.lFDI is not None:
        lfdi = device.lFDI.rjust(20, b"\0")
        if identity.sfdi_from_lfdi(lfdi) != device.sFDI:
            yield "sFDI", f"{device.sFDI} is not the one of the lFDI, {identity.sfdi_from_lfdi(lfdi)}"


def _power_factor(factor: sep.PowerFactor | sep.PowerFactorWithExcitation) -> _Found:
    if (factor.multiplier > 0 and factor.displacement) or factor.displacement > 10 ** max(
        -factor.multiplier, 0
    ):
        yield "displacement", f"{factor.displacement} x 10^{factor.multiplier} is more than 1"


def _storage_rating(capability: sep.DERCapability) -> _Found:
    if capability.type == DERType.PHOTOVOLTAIC_WITH_STORAGE and capability.rtgMaxDischargeRateW is None:
        yield "rtgMaxDischargeRateW", f"is required of type {capability.type}"


def _curve(curve: sep.DERCurve) -> _Found:
    is_watt_pf = curve.curveType == DERCurveType.opModWattPF
    for number, point in enumerate(curve.CurveData, 1):
        if (point.excitation is not None) != is_watt_pf:
            yield (
                f"CurveData[{number}]/excitation",
                "belongs to each point of a watt-PF curve, and to no other",
            )
        elif is_watt_pf and point.yvalue < 0:
            yield f"CurveData[{number}]/yvalue", "is negative; excitation tells the direction"
    if curve.curveType != DERCurveType.opModVoltVar:
        for name in ("autonomousVRefEnable", "autonomousVRefTimeConstant", "vRef"):
            if getattr(curve, name) is not None:
                yield name, "belongs to volt-var curves only"
    if curve.autonomousVRefEnable and curve.autonomousVRefTimeConstant is None:
        yield "autonomousVRefEnable", "comes with autonomousVRefTimeConstant only"


def _page(page: sep.List | sep.SubscribableList) -> _Found:
    if page.results > page.all:
        yield "@results", f"{page.results} of {page.all} in all"
    item = schema.list_item(type(page))
    if item is not None and len(getattr(page, item.name)) != page.results:
        yield "@results", f"{page.results}, but there are {len(getattr(page, item.name))} {item.name}"


def _thresholds(condition: sep.Condition) -> _Found:
    if condition.lowerThreshold > condition.upperThreshold:
        yield "lowerThreshold", f"{condition.lowerThreshold} is above upperThreshold"


def _duty(cycle: sep.DutyCycle) -> _Found:
    if cycle.normalValue > 100:
        yield "normalValue", f"{cycle.normalValue} % is more than all"


def _cost_level(cost: sep.EnvironmentalCost) -> _Found:
    if cost.costLevel >= cost.numCostLevels:
        yield "costLevel", f"{cost.costLevel} is none of {cost.numCostLevels} levels, which start at 0"


def _place(place: sep.GPSLocationType) -> _Found:
    for name, most in (("lat", 90), ("lon", 180)):
        try:
            inside = abs(float(getattr(place, name))) <= most
        except ValueError:
            inside = False
        if not inside:
            yield name, f"is no number of degrees from -{most} to {most}"


def _zone(zone: sep.TimeConfiguration) -> _Found:
    if not -MOST_WEST_S <= zone.tzOffset <= MOST_EAST_S:
        yield "tzOffset", f"{zone.tzOffset} s is the time of no place"
    if abs(zone.dstOffset) > MOST_SAVING_S:
        yield "dstOffset", f"{zone.dstOffset} s is more than {MOST_SAVING_S}"


MOST_WEST_S, MOST_EAST_S = 12 * 3_600, 14 * 3_600
MOST_SAVING_S = 2 * 3_600  # British double summer time

_TOGETHER: tuple[tuple[type[Sep], Callable[[Any], _Found]], ...] = (
    (sep.AbstractDevice, _identity),
    (sep.Condition, _thresholds),
    (sep.DERCapability, _needs("rtgOverExcitedW", "rtgOverExcitedPF")),
    (sep.DERCapability, _needs("rtgUnderExcitedW", "rtgUnderExcitedPF")),
    (sep.DERCapability, _sign("rtgMaxW rtgMaxChargeRateW rtgMaxDischargeRateW rtgMaxVar")),
    (sep.DERCapability, _sign("rtgMaxVarNeg", negative=True)),
    (sep.DERCapability, _storage_rating),
    (sep.DERControlBase, _sign("opModImpLimW opModExpLimW opModGenLimW opModLoadLimW")),  # CSIP-AUS
    (sep.DERCurve, _curve),
    (sep.DERSettings, _sign("setMaxW setMaxChargeRateW setMaxDischargeRateW setMaxVar")),
    (sep.ConsumptionTariffInterval, _at_most("consumptionBlock", HIGHEST_BLOCK)),
    (sep.DERSettings, _sign("setMaxVarNeg", negative=True)),
    (sep.DemandResponseProgram, _sign("availabilityUpdatePowerChangeThreshold")),
    (sep.DateTimeInterval, _date_time_interval),
    (sep.DutyCycle, _duty),
    (sep.EnvironmentalCost, _cost_level),
    (sep.BillingPeriod, _has_duration("interval")),
    (sep.EndDeviceControl, _end_device_control),
    (sep.Event, _event),
    (sep.FlowReservationRequest, _reservation),
    (sep.GPSLocationType, _place),
    (sep.List, _page),
    (sep.LoadShedAvailability, _sign("sheddablePower")),
    (sep.Offset, _at_least_one("coolingOffset heatingOffset loadAdjustmentPercentageOffset")),
    (sep.PowerFactor, _power_factor),
    (sep.PowerFactorWithExcitation, _power_factor),
    (sep.RateComponent, _needs("flowRateEndLimit", "flowRateStartLimit")),
    (sep.RateComponent, _needs("flowRateStartLimit", "flowRateEndLimit")),
    (sep.RateComponent, _flow_rates),
    (sep.SetPoint, _at_least_one("coolingSetpoint heatingSetpoint")),
    (sep.SetPoint, _set_point),
    (sep.SubscribableList, _page),
    (sep.TimeConfiguration, _zone),
    (sep.SupplyInterruptionOverride, _has_duration("interval")),
    (sep.TimeTariffInterval, _at_most("touTier", HIGHEST_TIER)),
)
