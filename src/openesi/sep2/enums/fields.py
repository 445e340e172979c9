"""Which field holds which enumeration or bitmap."""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import Final

from openesi.sep2.enums import demand, der, devices, events, metering, money
from openesi.sep2.errors import ReasonCode
from openesi.sep2.schema import Field

Values = type[IntEnum] | type[IntFlag]

BY_TYPE: Final[dict[str, Values]] = {
    "AccumulationBehaviourType": metering.AccumulationBehaviour,
    "ApplianceLoadReductionType": demand.ApplianceLoadReduction,
    "ChargeKind": money.ChargeKind,
    "CommodityType": metering.Commodity,
    "ConsumptionBlockType": metering.ConsumptionBlock,
    "CostKindType": money.CostKind,
    "CreditStatusType": money.CreditStatus,
    "CreditTypeType": money.CreditType,
    "DataQualifierType": metering.DataQualifier,
    "DERControlType": der.DERControlMode,
    "DERCurveType": der.DERCurveType,
    "DERType": der.DERType,
    "DERUnitRefType": der.DERUnitRef,
    "DeviceCategoryType": devices.DeviceCategory,
    "FlowDirectionType": metering.FlowDirection,
    "KindType": metering.Kind,
    "PhaseCode": metering.Phase,
    "PowerSourceType": devices.PowerSource,
    "PrepayModeType": money.PrepayMode,
    "PrimacyType": events.Primacy,
    "PriorityType": money.Priority,
    "RoleFlagsType": metering.RoleFlag,
    "ServiceKind": metering.ServiceKind,
    "ServiceStatusType": money.ServiceStatus,
    "SubscribableType": events.Subscribable,
    "TOUType": metering.Tou,
    "UnitType": demand.Unit,
    "UomType": metering.Uom,
}
"""By name of the simple type."""

BY_FIELD: Final[dict[str, Values]] = {
    "ConnectStatusType.value": der.ConnectStatus,
    "ConnectStatusType2.value": der.ConnectStatus2,
    "DERCapability.doeModesSupported": der.DoeMode,
    "DERCapability.modesSupported2": der.DERControlMode2,
    "DERCapability.vppModesSupported": der.VppMode,
    "DERControlResponse.modesResponded2": der.DERControlMode2,
    "DERSettings.doeModesEnabled": der.DoeMode,
    "DERSettings.modesEnabled2": der.DERControlMode2,
    "DERSettings.vppModesEnabled": der.VppMode,
    "DERStatus.alarmStatus": der.AlarmStatus,
    "DeviceInformation.functionsImplemented": devices.FunctionsImplemented,
    "DeviceStatus.opState": devices.OperatingState,
    "DRLCCapabilities.optionsImplemented": devices.DrlcOption,
    "Error.reasonCode": ReasonCode,
    "EventStatus.currentStatus": events.EventState,
    "File.type": devices.FileType,
    "FileStatus.status": devices.FileState,
    "InverterStatusType.value": der.InverterStatus,
    "LLInterface.linkLayerType": devices.LinkLayerType,
    "LocalControlModeStatusType.value": der.LocalControlModeStatus,
    "LogEvent.functionSet": devices.LogFunctionSet,
    "LogEvent.profileID": devices.LogProfile,
    "Notification.status": events.NotificationStatus,
    "OperationalModeStatusType.value": der.OperationalModeStatus,
    "PowerStatus.batteryStatus": devices.BatteryStatus,
    "ReadingBase.qualityFlags": metering.QualityFlag,
    "RequestStatus.requestStatus": demand.RequestState,
    "RespondableResource.responseRequired": events.ResponseRequired,
    "Response.status": events.ResponseStatus,
    "StorageModeStatusType.value": der.StorageModeStatus,
    "Subscription.encoding": events.SubscriptionEncoding,
    "Temperature.subject": devices.TemperatureSubject,
    "Time.quality": devices.TimeQuality,
}
"""By type and field, where the simple type is a plain integer or bitmap."""


def values_of(field: Field) -> Values | None:
    """Return the enumeration or bitmap that ``field`` holds, or None where it is a plain value."""
    return BY_FIELD.get(f"{field.owner}.{field.name}") or BY_TYPE.get(field.type_name)
