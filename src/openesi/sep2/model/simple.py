"""Simple values that the standard names: what a number or a run of octets means."""

from __future__ import annotations

from typing import Annotated

from openesi.sep2.model._declare import Named
from openesi.sep2.model.primitives import (
    HexBinary16,
    HexBinary32,
    HexBinary128,
    Int8,
    Int16,
    Int32,
    Int64,
    String42,
    UInt8,
    UInt16,
    UInt32,
    UInt40,
)

PowerSourceType = Annotated[UInt8, Named("PowerSourceType")]
CostKindType = Annotated[UInt8, Named("CostKindType")]
PriorityType = Annotated[UInt8, Named("PriorityType")]
ChargeKind = Annotated[UInt8, Named("ChargeKind")]
PrepayModeType = Annotated[UInt8, Named("PrepayModeType")]
CreditStatusType = Annotated[UInt8, Named("CreditStatusType")]
CreditTypeType = Annotated[UInt8, Named("CreditTypeType")]
ServiceStatusType = Annotated[UInt8, Named("ServiceStatusType")]
DERType = Annotated[UInt8, Named("DERType")]
DERControlType = Annotated[HexBinary32, Named("DERControlType")]
DERCurveType = Annotated[UInt8, Named("DERCurveType")]
DERUnitRefType = Annotated[UInt8, Named("DERUnitRefType")]
AccumulationBehaviourType = Annotated[UInt8, Named("AccumulationBehaviourType")]
ApplianceLoadReductionType = Annotated[UInt8, Named("ApplianceLoadReductionType")]
CommodityType = Annotated[UInt8, Named("CommodityType")]
ConsumptionBlockType = Annotated[UInt8, Named("ConsumptionBlockType")]
CurrencyCode = Annotated[UInt16, Named("CurrencyCode")]
DataQualifierType = Annotated[UInt8, Named("DataQualifierType")]
DeviceCategoryType = Annotated[HexBinary32, Named("DeviceCategoryType")]
DstRuleType = Annotated[HexBinary32, Named("DstRuleType")]
FlowDirectionType = Annotated[UInt8, Named("FlowDirectionType")]
KindType = Annotated[UInt8, Named("KindType")]
LocaleType = Annotated[String42, Named("LocaleType")]
mRIDType = Annotated[HexBinary128, Named("mRIDType")]
OneHourRangeType = Annotated[Int16, Named("OneHourRangeType")]
PENType = Annotated[UInt32, Named("PENType")]
PerCent = Annotated[UInt16, Named("PerCent")]
PhaseCode = Annotated[UInt8, Named("PhaseCode")]
PINType = Annotated[UInt32, Named("PINType")]
PowerOfTenMultiplierType = Annotated[Int8, Named("PowerOfTenMultiplierType")]
PrimacyType = Annotated[UInt8, Named("PrimacyType")]
RoleFlagsType = Annotated[HexBinary16, Named("RoleFlagsType")]
ServiceKind = Annotated[UInt8, Named("ServiceKind")]
SFDIType = Annotated[UInt40, Named("SFDIType")]
SignedPerCent = Annotated[Int16, Named("SignedPerCent")]
TimeOffsetType = Annotated[Int32, Named("TimeOffsetType")]
TimeType = Annotated[Int64, Named("TimeType")]
TOUType = Annotated[UInt8, Named("TOUType")]
UnitType = Annotated[UInt8, Named("UnitType")]
UomType = Annotated[UInt8, Named("UomType")]
VersionType = Annotated[UInt16, Named("VersionType")]
