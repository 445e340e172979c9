"""Pricing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from openesi.sep2.model._declare import CSIP_AUS_13, Attribute, Sep
from openesi.sep2.model.event import RandomizableEvent
from openesi.sep2.model.identification import IdentifiedObject, List, Resource, SubscribableList
from openesi.sep2.model.primitives import Int32, String20, SubscribableType, UInt8, UInt32, UInt48
from openesi.sep2.model.simple import (
    ConsumptionBlockType,
    CostKindType,
    CurrencyCode,
    PowerOfTenMultiplierType,
    PrimacyType,
    RoleFlagsType,
    ServiceKind,
    TOUType,
)

if TYPE_CHECKING:
    from openesi.sep2 import model as sep


class ConsumptionTariffInterval(Resource):
    """DOC"""

    consumptionBlock: ConsumptionBlockType
    EnvironmentalCost: tuple[sep.EnvironmentalCost, ...] = ()
    price: Int32 | None = None
    startValue: UInt48


class ConsumptionTariffIntervalList(List):
    """DOC"""

    ConsumptionTariffInterval: tuple[sep.ConsumptionTariffInterval, ...] = ()


class EnvironmentalCost(Sep):
    """DOC"""

    amount: UInt32
    costKind: CostKindType
    costLevel: UInt8
    numCostLevels: UInt8


class RateComponent(IdentifiedObject):
    """DOC"""

    ActiveTimeTariffIntervalListLink: sep.ActiveTimeTariffIntervalListLink | None = None
    flowRateEndLimit: sep.UnitValueType | None = None
    flowRateStartLimit: sep.UnitValueType | None = None
    ReadingTypeLink: sep.ReadingTypeLink
    roleFlags: RoleFlagsType
    TimeTariffIntervalListLink: sep.TimeTariffIntervalListLink


class RateComponentList(List):
    """DOC"""

    RateComponent: tuple[sep.RateComponent, ...] = ()
    subscribable: Annotated[SubscribableType | None, Attribute("0"), CSIP_AUS_13] = None


class TariffProfile(IdentifiedObject):
    """DOC"""

    currency: CurrencyCode | None = None
    pricePowerOfTenMultiplier: PowerOfTenMultiplierType | None = None
    primacy: PrimacyType
    rateCode: String20 | None = None
    RateComponentListLink: sep.RateComponentListLink | None = None
    serviceCategoryKind: ServiceKind
    CombinedTimeTariffIntervalListLink: Annotated[
        sep.CombinedTimeTariffIntervalListLink | None, CSIP_AUS_13
    ] = None


class TariffProfileList(SubscribableList):
    """DOC"""

    TariffProfile: tuple[sep.TariffProfile, ...] = ()
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None


class TimeTariffInterval(RandomizableEvent):
    """DOC"""

    ConsumptionTariffIntervalListLink: sep.ConsumptionTariffIntervalListLink | None = None
    touTier: TOUType
    ConsumptionTariffIntervalListSummary: Annotated[sep.ConsumptionTariffIntervalList | None, CSIP_AUS_13] = (
        None
    )
    RateComponentLink: Annotated[sep.RateComponentLink | None, CSIP_AUS_13] = None


class TimeTariffIntervalList(SubscribableList):
    """DOC"""

    TimeTariffInterval: tuple[sep.TimeTariffInterval, ...] = ()
    pollRate: Annotated[UInt32 | None, Attribute("900"), CSIP_AUS_13] = None
