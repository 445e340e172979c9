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
    """The price of a block of consumption."""

    consumptionBlock: ConsumptionBlockType
    EnvironmentalCost: tuple[sep.EnvironmentalCost, ...] = ()
    # per unit of the rate component's ReadingType, x 10^pricePowerOfTenMultiplier; may be negative
    price: Int32 | None = None
    startValue: UInt48  # consumption above this is in the block, in the units of the ReadingType


class ConsumptionTariffIntervalList(List):
    """The blocks of an interval, lowest startValue first."""

    ConsumptionTariffInterval: tuple[sep.ConsumptionTariffInterval, ...] = ()


class EnvironmentalCost(Sep):
    """What a unit of the commodity costs the environment."""

    amount: UInt32  # in the unit of costKind, per unit of the commodity
    costKind: CostKindType
    costLevel: UInt8  # how dear, of numCostLevels: 0 is cheapest
    numCostLevels: UInt8


class RateComponent(IdentifiedObject):
    """One part of a tariff: consumption, feed-in, demand."""

    ActiveTimeTariffIntervalListLink: sep.ActiveTimeTariffIntervalListLink | None = None
    flowRateEndLimit: sep.UnitValueType | None = None  # upper end of the flow rates it is for; both or none
    flowRateStartLimit: sep.UnitValueType | None = None  # lower end of the flow rates it is for
    ReadingTypeLink: sep.ReadingTypeLink
    roleFlags: RoleFlagsType  # bits of enums.RoleFlag of the usage points it is for
    TimeTariffIntervalListLink: sep.TimeTariffIntervalListLink


class RateComponentList(List):
    """The parts of a tariff."""

    RateComponent: tuple[sep.RateComponent, ...] = ()
    subscribable: Annotated[SubscribableType | None, Attribute("0"), CSIP_AUS_13] = None


class TariffProfile(IdentifiedObject):
    """A tariff: the prices of a service, in parts."""

    currency: CurrencyCode | None = None  # ISO 4217 number
    pricePowerOfTenMultiplier: PowerOfTenMultiplierType | None = None  # of all its prices; absent is 0
    primacy: PrimacyType  # lower wins where tariffs disagree
    rateCode: String20 | None = None
    RateComponentListLink: sep.RateComponentListLink | None = None
    serviceCategoryKind: ServiceKind
    CombinedTimeTariffIntervalListLink: Annotated[
        sep.CombinedTimeTariffIntervalListLink | None, CSIP_AUS_13
    ] = None


class TariffProfileList(SubscribableList):
    """The tariffs that the reader may see."""

    TariffProfile: tuple[sep.TariffProfile, ...] = ()
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None  # seconds, for the intervals below it too


class TimeTariffInterval(RandomizableEvent):
    """An event that says which tier of a rate component holds.

    Of several that are active the latest created counts. With none active the price is unknown, not 0.
    """

    ConsumptionTariffIntervalListLink: sep.ConsumptionTariffIntervalListLink | None = None
    touTier: TOUType
    # the blocks, sent along
    ConsumptionTariffIntervalListSummary: Annotated[sep.ConsumptionTariffIntervalList | None, CSIP_AUS_13] = (
        None
    )
    RateComponentLink: Annotated[sep.RateComponentLink | None, CSIP_AUS_13] = None


class TimeTariffIntervalList(SubscribableList):
    """The intervals of a rate component, earliest start first."""

    TimeTariffInterval: tuple[sep.TimeTariffInterval, ...] = ()
    pollRate: Annotated[UInt32 | None, Attribute("900"), CSIP_AUS_13] = None
