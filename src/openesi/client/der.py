"""DER programs as a device sees them: which controls it can carry out, what it is to do now. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from openesi.client.scheduler import Occurrence, Scheduler
from openesi.sep2 import model as sep
from openesi.sep2 import schema
from openesi.sep2.enums import DERCurveType, DeviceCategory, ResponseStatus, bits

MODES: Final = tuple(one.name for one in schema.fields(sep.DERControlBase) if one.name.startswith("opMod"))
"""What a DERControl can set, each ruled by one event at a time; rampTms goes with whichever rules."""

CURVE_MODES: Final = frozenset(curve.name for curve in DERCurveType)

# Values that the schema lets pass and the standard's text does not (hundredths of a percent).
_PERCENT = 10_000
_BOUNDS: Final[Mapping[str, tuple[int, int]]] = {
    "opModFixedW": (-_PERCENT, _PERCENT),
    "opModMaxLimW": (0, _PERCENT),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A DERProgram with everything below it; ``curves`` by href."""

    mrid: bytes
    primacy: int
    description: str | None = None
    default: sep.DefaultDERControl | None = None
    controls: tuple[sep.DERControl, ...] = ()
    curves: Mapping[str, sep.DERCurve] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What a DER is to do now: all modes together, from whichever event or default rules each.

    ``curves`` holds the curve of each curve mode in force. ``events`` are the mRIDs of the events in force,
    the modes they rule with them. ``default`` is that of the best program, for its settings (setGradW and
    such).
    """

    base: sep.DERControlBase = field(default_factory=sep.DERControlBase)
    curves: Mapping[str, sep.DERCurve] = field(default_factory=dict)
    events: Mapping[bytes, tuple[str, ...]] = field(default_factory=dict)
    default: sep.DefaultDERControl | None = None


def occurrences(
    programs: Iterable[Program], *, supported: frozenset[str], category: DeviceCategory
) -> list[Occurrence]:
    """Return the events of all programs that are for a device of this category.

    ``supported`` are the modes that the device has and has enabled. An event with none of them, or with
    values that cannot be used, comes with its ``problem``; one with some of them is carried out in these.
    """
    found = []
    for program in programs:
        for control in program.controls:
            if control.deviceCategory and not bits(control.deviceCategory) & category:
                continue
            wanted = modes_of(control.DERControlBase)
            problem = _problem(control.DERControlBase, wanted, program.curves)
            if problem is None and not wanted & supported:
                problem = ResponseStatus.REJECTED_NOT_APPLICABLE
            found.append(
                Occurrence(
                    mrid=control.mRID.rjust(16, b"\x00"),
                    program=program.mrid,
                    primacy=program.primacy,
                    modes=wanted & supported,
                    event=control,
                    problem=problem,
                )
            )
    return found


def modes_of(base: sep.DERControlBase) -> frozenset[str]:
    """Return the names of the modes that a control sets."""
    return frozenset(mode for mode in MODES if getattr(base, mode) is not None)


def orders(
    scheduler: Scheduler, programs: Iterable[Program], now: int, *, supported: frozenset[str]
) -> Orders:
    """Return what the device is to do at ``now``: each mode by its event, else by the best default."""
    ranked = sorted(programs, key=lambda one: (one.primacy, -int.from_bytes(one.mrid)))
    values: dict[str, Any] = {}
    curves: dict[str, sep.DERCurve] = {}
    events: dict[bytes, tuple[str, ...]] = {}
    by_mrid = {program.mrid: program for program in ranked}
    for mode, tracked in sorted(scheduler.active(now).items()):
        control = tracked.occurrence.event
        assert isinstance(control, sep.DERControl)
        program = by_mrid.get(tracked.occurrence.program)
        _take(control.DERControlBase, mode, values, curves, program.curves if program else {})
        events[tracked.occurrence.mrid] = (*events.get(tracked.occurrence.mrid, ()), mode)
    for program in ranked:
        if program.default is not None:
            for mode in modes_of(program.default.DERControlBase) & supported - values.keys():
                _take(program.default.DERControlBase, mode, values, curves, program.curves)
    default = next((program.default for program in ranked if program.default is not None), None)
    return Orders(base=sep.DERControlBase(**values), curves=curves, events=events, default=default)


def _take(
    base: sep.DERControlBase,
    mode: str,
    values: dict[str, Any],
    curves: dict[str, sep.DERCurve],
    known: Mapping[str, sep.DERCurve],
) -> None:
    value = getattr(base, mode)
    values[mode] = value
    if base.rampTms is not None:
        values.setdefault("rampTms", base.rampTms)
    if mode in CURVE_MODES and value.href in known:
        curves[mode] = known[value.href]


def _problem(
    base: sep.DERControlBase, wanted: frozenset[str], curves: Mapping[str, sep.DERCurve]
) -> ResponseStatus | None:
    """Return why a control cannot be used by anybody: it is empty, or a value or curve makes no sense."""
    if not wanted:
        return ResponseStatus.REJECTED_INVALID
    for mode, (low, high) in _BOUNDS.items():
        value = getattr(base, mode)
        if value is not None and not low <= value <= high:
            return ResponseStatus.REJECTED_INVALID
    for mode in wanted & CURVE_MODES:
        curve = curves.get(getattr(base, mode).href)
        if curve is None or curve.curveType != DERCurveType[mode]:
            return ResponseStatus.REJECTED_INVALID
    return None
