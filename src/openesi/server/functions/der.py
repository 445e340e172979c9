"""DER: what a device may claim of itself, and what programs and controls an operator may make.

Settings do not exceed the nameplate. A control sets at least one mode; a mode that follows a curve links to
one of its kind in the same program, and such a curve stays as long as something links to it (IEEE
2030.5-2018, 10.10). What becomes of overlapping controls stands in ``sep2.events``.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

from openesi.errors import LocalError
from openesi.sep2 import events, schema
from openesi.sep2 import model as sep
from openesi.sep2.enums import DERCurveType
from openesi.sep2.lists import Window
from openesi.server.caller import MAX_ASSIGNMENTS
from openesi.server.documents import read_document
from openesi.server.errors import Refusal
from openesi.server.functions.base import Behaviour, Change, Offer
from openesi.server.functions.events import ALIVE, MAX_LIVE
from openesi.server.view import Gathering, View
from openesi.store import ALIAS, PUBLIC, Row, Transaction, list_tag

MAX_GATHERED = 500  # DERPrograms of one assignment that are looked at


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


def _complete_control(offer: Offer, control: sep.DERControl) -> sep.DERControl:
    if not events.controls_of(control.DERControlBase):
        raise LocalError("DERControl/DERControlBase sets no mode: nothing would change")
    _check_curves(offer, control.DERControlBase)
    return control


def _complete_default(offer: Offer, default: sep.DefaultDERControl) -> sep.DefaultDERControl:
    _check_curves(offer, default.DERControlBase)
    return default


def _check_curves(offer: Offer, base: sep.DERControlBase) -> None:
    """Refuse links to what is no curve of the mode, or belongs to another program."""
    program = "/".join(offer.path.split("/")[:3])
    for mode in _CURVE_MODES:
        link = getattr(base, mode)
        if link is None:
            continue
        row = offer.tx.get(link.href)
        if row is None or row.listing != f"{program}/dc":
            raise LocalError(f"DERControlBase/{mode}: {program}/dc has no curve {link.href}")
        kind = read_document(row, sep.DERCurve).curveType
        if kind != DERCurveType[mode]:
            raise LocalError(
                f"DERControlBase/{mode}: {link.href} is a curve of type {kind}, not {int(DERCurveType[mode])}"
            )


def _keep_linked_curve(tx: Transaction, row: Row) -> None:
    """Refuse to remove a curve that something follows, or will."""
    program = row.path.partition("/dc/")[0]
    default = tx.get(f"{program}/dderc")
    users = [*([default] if default else []), *tx.in_states(f"{program}/derc", ALIVE, MAX_LIVE)]
    named = f'"{row.path}"'.encode()
    for user in users:
        if named in user.body:
            raise LocalError(f"{user.path} follows {row.path}: cancel or change that first")


_CURVE_MODES = tuple(
    field.name for field in schema.fields(sep.DERControlBase) if field.type is sep.DERCurveLink
)

# --- the programs of a DER ----------------------------------------------------------------------------------


def _programs(view: View, path: str) -> list[Row]:
    """Return the DERPrograms of all FunctionSetAssignments of the device that a DER belongs to."""
    device = path.partition("/der/")[0]
    view.depends.add(f"{device}/fsa")
    found: dict[str, Row] = {}
    for assignment in view.reader.page(f"{device}/fsa", limit=MAX_ASSIGNMENTS):
        group = assignment.key.decode() if assignment.type == ALIAS and assignment.key else None
        listing, scope = (f"{group}/derp", None) if group else ("/derp", PUBLIC)
        view.depends.add(list_tag(listing, scope))
        for row in view.reader.page(listing, scope=scope, limit=MAX_GATHERED):
            program = view.behind(row) if row.type == ALIAS else row
            found[program.path] = program
    return sorted(found.values(), key=lambda row: row.sort)


def _page_of_programs(view: View, path: str, window: Window) -> tuple[list[Row], int]:
    found = _programs(view, path)
    return found[window.start : window.start + window.limit], len(found)


def _count_of_programs(view: View, path: str) -> int:
    return len(_programs(view, path))


BEHAVIOURS = {
    "AssociatedDERProgramList": Behaviour(gathering=Gathering(_page_of_programs, _count_of_programs)),
    "DERSettings": Behaviour(check=_check_settings),
    "DERControl": Behaviour(complete=_complete_control),
    "DefaultDERControl": Behaviour(complete=_complete_default),
    "DERCurve": Behaviour(removed=_keep_linked_curve),
}
