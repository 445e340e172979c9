"""Configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from openesi.sep2.model._declare import Attribute, Sep
from openesi.sep2.model.identification import List, Resource, SubscribableResource
from openesi.sep2.model.primitives import Int32, String32, UInt32
from openesi.sep2.model.simple import DstRuleType, LocaleType, TimeOffsetType, TimeType

if TYPE_CHECKING:
    from openesi.sep2 import model as sep


class Configuration(SubscribableResource):
    """What a user or an operator may set on a device."""

    currentLocale: LocaleType
    PowerConfiguration: sep.PowerConfiguration | None = None
    PriceResponseCfgListLink: sep.PriceResponseCfgListLink | None = None
    TimeConfiguration: sep.TimeConfiguration | None = None
    userDeviceName: String32  # the name that its user gave it
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None


class PowerConfiguration(Sep):
    """Settings for a device on battery."""

    batteryInstallTime: TimeType | None = None
    lowChargeThreshold: UInt32 | None = None  # seconds of battery left below which it counts as low


class PriceResponseCfg(Resource):
    """At which prices a device changes its use.

    Void where consumeThreshold is not below maxReductionThreshold.
    """

    consumeThreshold: Int32  # below this price it uses what it likes, in the units of the rate component
    maxReductionThreshold: Int32  # above this price it uses as little as it can
    RateComponentLink: sep.RateComponentLink


class PriceResponseCfgList(List):
    """The price settings of a device, one for each rate component."""

    PriceResponseCfg: tuple[sep.PriceResponseCfg, ...] = ()


class TimeConfiguration(Sep):
    """The time zone of a device and its daylight saving as rules."""

    dstEndRule: DstRuleType
    dstOffset: TimeOffsetType  # seconds added to local time while daylight saving is in force
    dstStartRule: DstRuleType
    tzOffset: TimeOffsetType  # seconds east of UTC without daylight saving
