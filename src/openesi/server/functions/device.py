"""DeviceCapability, where every client starts, and SelfDevice, the server itself."""

from __future__ import annotations

import openesi
from openesi.sep2 import identity
from openesi.sep2 import model as sep
from openesi.sep2.enums import OperatingState, PowerSource
from openesi.sep2.resources import Match
from openesi.server.functions.base import Behaviour
from openesi.server.view import View


def device_capability(view: View, match: Match, path: str) -> sep.DeviceCapability:
    """Return the entry point; its links are what this client may follow (clause 8.3)."""
    del match, path
    return sep.DeviceCapability(pollRate=view.settings.poll_rate("DeviceCapability"))


def self_device(view: View, match: Match, path: str) -> sep.SelfDevice:
    """Return the server as a device, by its own certificate."""
    del match, path
    lfdi = view.settings.lfdi
    return sep.SelfDevice(
        lFDI=lfdi, sFDI=identity.sfdi_from_lfdi(lfdi), pollRate=view.settings.poll_rate("SelfDevice")
    )


def self_information(view: View, match: Match, path: str) -> sep.DeviceInformation:
    """Return what this program is."""
    del match, path
    return sep.DeviceInformation(
        lFDI=view.settings.lfdi,
        mfDate=0,
        mfHwVer="",
        mfID=view.settings.pen,
        mfModel="OpenESI",
        mfSerNum=identity.format_lfdi(view.settings.lfdi)[:32],
        primaryPower=PowerSource.MAINS,
        secondaryPower=PowerSource.NONE,
        swActTime=view.settings.started,
        swVer=openesi.__version__,
    )


def self_status(view: View, match: Match, path: str) -> sep.DeviceStatus:
    """Return since when this program runs."""
    del match, path
    return sep.DeviceStatus(
        changedTime=view.settings.started,
        opState=OperatingState.OPERATING,
        opTime=int(view.now) - view.settings.started,
    )


BEHAVIOURS = {
    "DeviceCapability": Behaviour(generate=device_capability),
    "SelfDevice": Behaviour(generate=self_device),
    "SelfDeviceInformation": Behaviour(generate=self_information),
    "SelfDeviceStatus": Behaviour(generate=self_status),
}
