"""Simple values that the standard names: what a number or a run of octets means.

The values of enumerations and the bits of bitmaps are in ``openesi.sep2.enums``. Bounds stated here are those
that the standard's text adds to its schema; enumerations have none, for readers keep values they do not know.
"""

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

# Numbers and times

# Hundredths of a percent: 10000 is all of it.
PerCent = Annotated[UInt16, Named("PerCent", meant_maximum=10_000)]
SignedPerCent = Annotated[Int16, Named("SignedPerCent", meant_minimum=-10_000, meant_maximum=10_000)]
# The exponent n of 10^n that a value is multiplied by; every device knows at least -9 to 9.
PowerOfTenMultiplierType = Annotated[Int8, Named("PowerOfTenMultiplierType")]
# Seconds since 1970-01-01 00:00:00 UTC without leap seconds.
TimeType = Annotated[Int64, Named("TimeType")]
# Seconds east of UTC, or seconds that daylight saving adds.
TimeOffsetType = Annotated[Int32, Named("TimeOffsetType")]
# Seconds: the bound that a client draws its randomization within, on the side of its sign.
OneHourRangeType = Annotated[Int16, Named("OneHourRangeType", meant_minimum=-3_600, meant_maximum=3_600)]
# When daylight saving begins or ends in any year, packed into 32 bits; FFFFFFFF is never.
DstRuleType = Annotated[HexBinary32, Named("DstRuleType")]

# Who and what: identifiers

# 128 bits, unique in the world: a number of the provider's own, then 32 bits of the provider's PEN.
mRIDType = Annotated[HexBinary128, Named("mRIDType")]
# Counts the changes of an object; same mRID and same version is same content.
VersionType = Annotated[UInt16, Named("VersionType")]
# 36 bits of the hash of a certificate in decimal, and one check digit.
SFDIType = Annotated[UInt40, Named("SFDIType", meant_maximum=687_194_767_359)]
# Six decimal digits, the last a check digit.
PINType = Annotated[UInt32, Named("PINType", meant_maximum=999_999)]
# Private Enterprise Number of an organization, from IANA.
PENType = Annotated[UInt32, Named("PENType")]
# ISO 4217 number of a currency: 840 USD, 36 AUD, 978 EUR; 0 is none.
CurrencyCode = Annotated[UInt16, Named("CurrencyCode")]
# Language tag by RFC 4646, "en-US".
LocaleType = Annotated[String42, Named("LocaleType")]
# Rank of a program: of two that disagree the one with the lower number is obeyed. See enums.Primacy.
PrimacyType = Annotated[UInt8, Named("PrimacyType")]

# Bitmaps: bit 0 is the least significant bit of the last octet

DERControlType = Annotated[HexBinary32, Named("DERControlType")]  # enums.DERControlMode
DeviceCategoryType = Annotated[HexBinary32, Named("DeviceCategoryType")]  # enums.DeviceCategory
RoleFlagsType = Annotated[HexBinary16, Named("RoleFlagsType")]  # enums.RoleFlag

# Enumerations of distributed energy resources

DERType = Annotated[UInt8, Named("DERType")]  # what kind of resource: enums.DERType
DERCurveType = Annotated[UInt8, Named("DERCurveType")]  # which mode a curve is for: enums.DERCurveType
DERUnitRefType = Annotated[UInt8, Named("DERUnitRefType")]  # what 100 % is: enums.DERUnitRef

# Enumerations of metering

AccumulationBehaviourType = Annotated[
    UInt8, Named("AccumulationBehaviourType")
]  # enums.AccumulationBehaviour
CommodityType = Annotated[UInt8, Named("CommodityType")]  # what is metered: enums.Commodity
ConsumptionBlockType = Annotated[UInt8, Named("ConsumptionBlockType")]  # 0 without blocks, 1 to 16
DataQualifierType = Annotated[UInt8, Named("DataQualifierType")]  # mean, maximum, ...: enums.DataQualifier
FlowDirectionType = Annotated[UInt8, Named("FlowDirectionType")]  # enums.FlowDirection
KindType = Annotated[UInt8, Named("KindType")]  # power, energy, ...: enums.Kind
PhaseCode = Annotated[UInt8, Named("PhaseCode")]  # enums.Phase
ServiceKind = Annotated[UInt8, Named("ServiceKind")]  # enums.ServiceKind
TOUType = Annotated[UInt8, Named("TOUType")]  # 0 without tiers, 1 to 15 are the tiers A to O
UomType = Annotated[UInt8, Named("UomType")]  # unit of measure: enums.Uom

# Enumerations of prices, bills and prepayment

ChargeKind = Annotated[UInt8, Named("ChargeKind")]  # enums.ChargeKind
CostKindType = Annotated[UInt8, Named("CostKindType")]  # enums.CostKind
CreditStatusType = Annotated[UInt8, Named("CreditStatusType")]  # enums.CreditStatus
CreditTypeType = Annotated[UInt8, Named("CreditTypeType")]  # enums.CreditType
PrepayModeType = Annotated[UInt8, Named("PrepayModeType")]  # who counts the credit: enums.PrepayMode
ServiceStatusType = Annotated[UInt8, Named("ServiceStatusType")]  # whether supply is on: enums.ServiceStatus

# Other enumerations

ApplianceLoadReductionType = Annotated[
    UInt8, Named("ApplianceLoadReductionType")
]  # enums.ApplianceLoadReduction
PowerSourceType = Annotated[UInt8, Named("PowerSourceType")]  # enums.PowerSource
PriorityType = Annotated[UInt8, Named("PriorityType")]  # of a text message: enums.Priority
UnitType = Annotated[UInt8, Named("UnitType")]  # of a reduction of load: enums.Unit
