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
    """DOC"""

    currentLocale: LocaleType
    PowerConfiguration: sep.PowerConfiguration | None = None
    PriceResponseCfgListLink: sep.PriceResponseCfgListLink | None = None
    TimeConfiguration: sep.TimeConfiguration | None = None
    userDeviceName: String32
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None


class PowerConfiguration(Sep):
    """DOC"""

    batteryInstallTime: TimeType | None = None
    lowChargeThreshold: UInt32 | None = None


class PriceResponseCfg(Resource):
    """DOC"""

    consumeThreshold: Int32
    maxReductionThreshold: Int32
    RateComponentLink: sep.RateComponentLink


class PriceResponseCfgList(List):
    """DOC"""

    PriceResponseCfg: tuple[sep.PriceResponseCfg, ...] = ()


class TimeConfiguration(Sep):
    """DOC"""

    dstEndRule: DstRuleType
    dstOffset: TimeOffsetType
    dstStartRule: DstRuleType
    tzOffset: TimeOffsetType
