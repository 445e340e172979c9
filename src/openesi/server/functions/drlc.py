"""Demand response and load control: controls of loads by category, and what loads say they could shed.

A control asks for something, for a day at most (10.3). A device tells for each program, once, what it could
shed: said again it takes the place of what it said before. It says so when that moved by more than the
program's thresholds, which is for the device to observe.
"""

from __future__ import annotations

from openesi.errors import LocalError
from openesi.sep2 import model as sep
from openesi.server.errors import Refusal
from openesi.server.functions.base import Behaviour, Change, Offer

ASKS = ("ApplianceLoadReduction", "DutyCycle", "Offset", "SetPoint", "TargetReduction")


def _complete_control(offer: Offer, control: sep.EndDeviceControl) -> sep.EndDeviceControl:
    del offer
    if all(getattr(control, name) is None for name in ASKS):
        raise LocalError(f"a control that asks for nothing does nothing: give one of {', '.join(ASKS)}")
    return control


def _check_availability(change: Change, offered: sep.LoadShedAvailability) -> sep.LoadShedAvailability:
    """Refuse what is said of a program that this client cannot see."""
    link = offered.DemandResponseProgramLink
    if link is not None and not change.view.may_follow(link.href, "DemandResponseProgram"):
        raise Refusal(400, f"DemandResponseProgramLink {link.href[:60]!r} leads to no program")
    return offered


BEHAVIOURS = {
    "EndDeviceControl": Behaviour(complete=_complete_control),
    "LoadShedAvailabilityList": Behaviour(check=_check_availability),
    "LoadShedAvailability": Behaviour(check=_check_availability),
}
