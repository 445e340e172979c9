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
    """Maker, model, versions and powers of a device."""

    connectionPointID: Annotated[String32 | None, IEEE_2023] = None
    DRLCCapabilities: sep.DRLCCapabilities | None = None
    # bits of enums.FunctionsImplemented that it uses as a client
    functionsImplemented: HexBinary64 | None = None
    gpsLocation: sep.GPSLocationType | None = None
    lFDI: HexBinary160  # left 160 bits of the SHA-256 of its certificate
    mfDate: TimeType  # when it was made
    mfHwVer: String32  # hardware version, the maker's way
    mfID: PENType  # PEN of the maker
    mfInfo: String32 | None = None  # whatever else the maker says
    mfModel: String32  # model number, the maker's way
    mfSerNum: String32  # serial number, the maker's way
    primaryPower: PowerSourceType
    secondaryPower: PowerSourceType
    SupportedLocaleListLink: sep.SupportedLocaleListLink | None = None
    swActTime: TimeType  # when the running software was activated
    swVer: String32
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None


class DRLCCapabilities(Sep):
    """How much load a device can shed, and which options of demand response it knows."""

    averageEnergy: sep.RealEnergy  # used per hour in normal operation
    maxDemand: sep.ActivePower  # rated maximum
    optionsImplemented: HexBinary32  # bits of enums.DrlcOption


class SupportedLocale(Resource):
    """One language that a device can show."""

    locale: LocaleType


class SupportedLocaleList(List):
    """The languages that a device can show."""

    SupportedLocale: tuple[sep.SupportedLocale, ...] = ()
