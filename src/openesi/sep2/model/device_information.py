"""DeviceInformation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from openesi.sep2.model._declare import IEEE_2023, Attribute, Sep
from openesi.sep2.model.identification import List, Resource
from openesi.sep2.model.primitives import HexBinary32, HexBinary64, HexBinary160, String32, UInt32
from openesi.sep2.model.simple import LocaleType, PENType, PowerSourceType, TimeType

if TYPE_CHECKING:
    from openesi.sep2 import model as sep


class DeviceInformation(Resource):
    """DOC"""

    connectionPointID: Annotated[String32 | None, IEEE_2023] = None
    DRLCCapabilities: sep.DRLCCapabilities | None = None
    functionsImplemented: HexBinary64 | None = None
    gpsLocation: sep.GPSLocationType | None = None
    lFDI: HexBinary160
    mfDate: TimeType
    mfHwVer: String32
    mfID: PENType
    mfInfo: String32 | None = None
    mfModel: String32
    mfSerNum: String32
    primaryPower: PowerSourceType
    secondaryPower: PowerSourceType
    SupportedLocaleListLink: sep.SupportedLocaleListLink | None = None
    swActTime: TimeType
    swVer: String32
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None


class DRLCCapabilities(Sep):
    """DOC"""

    averageEnergy: sep.RealEnergy
    maxDemand: sep.ActivePower
    optionsImplemented: HexBinary32


class SupportedLocale(Resource):
    """DOC"""

    locale: LocaleType


class SupportedLocaleList(List):
    """DOC"""

    SupportedLocale: tuple[sep.SupportedLocale, ...] = ()
