"""Distributed energy resources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from openesi.sep2.model._declare import CSIP_AUS_12, CSIP_AUS_13, IEEE_2023, Attribute, Occurs, Sep
from openesi.sep2.model.event import RandomizableEvent
from openesi.sep2.model.identification import (
    IdentifiedObject,
    Link,
    List,
    Resource,
    SubscribableIdentifiedObject,
    SubscribableList,
    SubscribableResource,
)
from openesi.sep2.model.primitives import (
    Boolean,
    HexBinary8,
    HexBinary32,
    Int16,
    Int32,
    String6,
    UInt8,
    UInt16,
    UInt32,
)
from openesi.sep2.model.simple import (
    DERControlType,
    DERCurveType,
    DERType,
    DERUnitRefType,
    DeviceCategoryType,
    PerCent,
    PowerOfTenMultiplierType,
    PrimacyType,
    SignedPerCent,
    TimeType,
)

if TYPE_CHECKING:
    from openesi.sep2 import model as sep


class DefaultDERControl(SubscribableIdentifiedObject):
    """DOC"""

    DERControlBase: sep.DERControlBase
    setESDelay: UInt32 | None = None
    setESHighFreq: UInt16 | None = None
    setESHighVolt: Int16 | None = None
    setESLowFreq: UInt16 | None = None
    setESLowVolt: Int16 | None = None
    setESRampTms: UInt32 | None = None
    setESRandomDelay: UInt32 | None = None
    setGradW: UInt16 | None = None
    setSoftGradW: UInt16 | None = None
    updatedTime: Annotated[TimeType | None, IEEE_2023] = None


class FreqDroopType(Sep):
    """DOC"""

    dBOF: UInt32
    dBUF: UInt32
    kOF: UInt16
    kUF: UInt16
    openLoopTms: UInt16


class DER(SubscribableResource):
    """DOC"""

    AssociatedDERProgramListLink: sep.AssociatedDERProgramListLink | None = None
    AssociatedUsagePointLink: sep.AssociatedUsagePointLink | None = None
    CurrentDERProgramLink: sep.CurrentDERProgramLink | None = None
    DERAvailabilityLink: sep.DERAvailabilityLink | None = None
    DERCapabilityLink: sep.DERCapabilityLink | None = None
    DERSettingsLink: sep.DERSettingsLink | None = None
    DERStatusLink: sep.DERStatusLink | None = None


class DERList(List):
    """DOC"""

    DER: tuple[sep.DER, ...] = ()
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None


class DERSettings(SubscribableResource):
    """DOC"""

    modesEnabled: DERControlType | None = None
    modesEnabled2: Annotated[HexBinary32 | None, IEEE_2023] = None
    setESDelay: UInt32 | None = None
    setESHighFreq: UInt16 | None = None
    setESHighVolt: Int16 | None = None
    setESLowFreq: UInt16 | None = None
    setESLowVolt: Int16 | None = None
    setESRampTms: UInt32 | None = None
    setESRandomDelay: UInt32 | None = None
    setGradW: UInt16
    setMaxA: sep.CurrentRMS | None = None
    setMaxAh: sep.AmpereHour | None = None
    setMaxChargeRateVA: sep.ApparentPower | None = None
    setMaxChargeRateW: sep.ActivePower | None = None
    setMaxDischargeRateVA: sep.ApparentPower | None = None
    setMaxDischargeRateW: sep.ActivePower | None = None
    setMaxV: sep.VoltageRMS | None = None
    setMaxVA: sep.ApparentPower | None = None
    setMaxVar: sep.ReactivePower | None = None
    setMaxVarNeg: sep.ReactivePower | None = None
    setMaxW: sep.ActivePower
    setMaxWh: sep.WattHour | None = None
    setMinPFOverExcited: sep.PowerFactor | None = None
    setMinPFUnderExcited: sep.PowerFactor | None = None
    setMinV: sep.VoltageRMS | None = None
    setSoftGradW: UInt16 | None = None
    setVNom: sep.VoltageRMS | None = None
    setVRef: sep.VoltageRMS | None = None
    setVRefOfs: sep.VoltageRMS | None = None
    updatedTime: TimeType
    doeModesEnabled: Annotated[HexBinary8 | None, CSIP_AUS_12] = None
    vppModesEnabled: Annotated[HexBinary8 | None, CSIP_AUS_13] = None
    setMinWh: Annotated[sep.WattHour | None, CSIP_AUS_13] = None


class DERAvailability(SubscribableResource):
    """DOC"""

    availabilityDuration: UInt32 | None = None
    maxChargeDuration: UInt32 | None = None
    readingTime: TimeType
    reserveChargePercent: PerCent | None = None
    reservePercent: PerCent | None = None
    statVarAbsorbAvail: Annotated[sep.UnsignedReactivePower | None, IEEE_2023] = None
    statVarAvail: sep.ReactivePower | None = None
    statWAbsorbAvail: Annotated[sep.UnsignedActivePower | None, IEEE_2023] = None
    statWAvail: sep.ActivePower | None = None


class DERCapability(Resource):
    """DOC"""

    modesSupported: DERControlType
    modesSupported2: Annotated[HexBinary32 | None, IEEE_2023] = None
    rtgAbnormalCategory: UInt8 | None = None
    rtgMaxA: sep.CurrentRMS | None = None
    rtgMaxAh: sep.AmpereHour | None = None
    rtgMaxChargeRateVA: sep.ApparentPower | None = None
    rtgMaxChargeRateW: sep.ActivePower | None = None
    rtgMaxDischargeRateVA: sep.ApparentPower | None = None
    rtgMaxDischargeRateW: sep.ActivePower | None = None
    rtgMaxV: sep.VoltageRMS | None = None
    rtgMaxVA: sep.ApparentPower | None = None
    rtgMaxVar: sep.ReactivePower | None = None
    rtgMaxVarNeg: sep.ReactivePower | None = None
    rtgMaxW: sep.ActivePower
    rtgMaxWh: sep.WattHour | None = None
    rtgMinPFOverExcited: sep.PowerFactor | None = None
    rtgMinPFUnderExcited: sep.PowerFactor | None = None
    rtgMinV: sep.VoltageRMS | None = None
    rtgNormalCategory: UInt8 | None = None
    rtgOverExcitedPF: sep.PowerFactor | None = None
    rtgOverExcitedW: sep.ActivePower | None = None
    rtgReactiveSusceptance: sep.ReactiveSusceptance | None = None
    rtgUnderExcitedPF: sep.PowerFactor | None = None
    rtgUnderExcitedW: sep.ActivePower | None = None
    rtgVNom: sep.VoltageRMS | None = None
    type: DERType
    doeModesSupported: Annotated[HexBinary8 | None, CSIP_AUS_12] = None
    vppModesSupported: Annotated[HexBinary8 | None, CSIP_AUS_13] = None


class DERControlBase(Sep):
    """DOC"""

    opModConnect: Boolean | None = None
    opModEnergize: Boolean | None = None
    opModFixedPFAbsorbW: sep.PowerFactorWithExcitation | None = None
    opModFixedPFInjectW: sep.PowerFactorWithExcitation | None = None
    opModFixedVar: sep.FixedVar | None = None
    opModFixedW: SignedPerCent | None = None
    opModFreqDroop: sep.FreqDroopType | None = None
    opModFreqWatt: sep.DERCurveLink | None = None
    opModGridConnectPermit: Annotated[Boolean | None, IEEE_2023] = None
    opModHFRTMayTrip: sep.DERCurveLink | None = None
    opModHFRTMustTrip: sep.DERCurveLink | None = None
    opModHVRTMayTrip: sep.DERCurveLink | None = None
    opModHVRTMomentaryCessation: sep.DERCurveLink | None = None
    opModHVRTMustTrip: sep.DERCurveLink | None = None
    opModIslandPermit: Annotated[Boolean | None, IEEE_2023] = None
    opModLFRTMayTrip: sep.DERCurveLink | None = None
    opModLFRTMustTrip: sep.DERCurveLink | None = None
    opModLVRTMayTrip: sep.DERCurveLink | None = None
    opModLVRTMomentaryCessation: sep.DERCurveLink | None = None
    opModLVRTMustTrip: sep.DERCurveLink | None = None
    opModMaxLimW: PerCent | None = None
    opModTargetVar: sep.ReactivePower | None = None
    opModTargetW: sep.ActivePower | None = None
    opModVoltVar: sep.DERCurveLink | None = None
    opModVoltWatt: sep.DERCurveLink | None = None
    opModWattPF: sep.DERCurveLink | None = None
    opModWattVar: sep.DERCurveLink | None = None
    rampTms: UInt16 | None = None
    opModImpLimW: Annotated[sep.ActivePower | None, CSIP_AUS_12] = None
    opModExpLimW: Annotated[sep.ActivePower | None, CSIP_AUS_12] = None
    opModGenLimW: Annotated[sep.ActivePower | None, CSIP_AUS_12] = None
    opModLoadLimW: Annotated[sep.ActivePower | None, CSIP_AUS_12] = None
    opModStorageTargetW: Annotated[sep.ActivePower | None, CSIP_AUS_13] = None


class DERControl(RandomizableEvent):
    """DOC"""

    DERControlBase: sep.DERControlBase
    deviceCategory: DeviceCategoryType | None = None


class DERControlList(SubscribableList):
    """DOC"""

    DERControl: tuple[sep.DERControl, ...] = ()


class DERCurve(IdentifiedObject):
    """DOC"""

    autonomousVRefEnable: Boolean | None = None
    autonomousVRefTimeConstant: UInt32 | None = None
    creationTime: TimeType
    CurveData: Annotated[tuple[sep.CurveData, ...], Occurs(1, 10)]
    curveType: DERCurveType
    openLoopTms: UInt16 | None = None
    rampDecTms: UInt16 | None = None
    rampIncTms: UInt16 | None = None
    rampPT1Tms: UInt16 | None = None
    vRef: PerCent | None = None
    xMultiplier: PowerOfTenMultiplierType
    yMultiplier: PowerOfTenMultiplierType
    yRefType: DERUnitRefType


class CurrentDERProgramLink(Link):
    """DOC"""


class DERCurveList(List):
    """DOC"""

    DERCurve: tuple[sep.DERCurve, ...] = ()


class CurveData(Sep):
    """DOC"""

    excitation: Boolean | None = None
    xvalue: Int32
    yvalue: Int32


class DERProgram(SubscribableIdentifiedObject):
    """DOC"""

    ActiveDERControlListLink: sep.ActiveDERControlListLink | None = None
    DefaultDERControlLink: sep.DefaultDERControlLink | None = None
    DERControlListLink: sep.DERControlListLink | None = None
    DERCurveListLink: sep.DERCurveListLink | None = None
    primacy: PrimacyType


class DERProgramList(SubscribableList):
    """DOC"""

    DERProgram: tuple[sep.DERProgram, ...] = ()
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None


class DERStatus(SubscribableResource):
    """DOC"""

    alarmStatus: HexBinary32 | None = None
    connectStatus: Annotated[sep.ConnectStatusType2 | None, IEEE_2023] = None
    genConnectStatus: sep.ConnectStatusType | None = None
    inverterStatus: sep.InverterStatusType | None = None
    localControlModeStatus: sep.LocalControlModeStatusType | None = None
    manufacturerStatus: sep.ManufacturerStatusType | None = None
    operationalModeStatus: sep.OperationalModeStatusType | None = None
    readingTime: TimeType
    stateOfChargeStatus: sep.StateOfChargeStatusType | None = None
    storageModeStatus: sep.StorageModeStatusType | None = None
    storConnectStatus: sep.ConnectStatusType | None = None


class CurrentRMS(Sep):
    """DOC"""

    multiplier: PowerOfTenMultiplierType
    value: UInt16


class FixedPointType(Sep):
    """DOC"""

    multiplier: PowerOfTenMultiplierType
    value: Int16


class UnsignedFixedPointType(Sep):
    """DOC"""

    multiplier: PowerOfTenMultiplierType
    value: UInt16


class ActivePower(Sep):
    """DOC"""

    multiplier: PowerOfTenMultiplierType
    value: Int16


class AmpereHour(Sep):
    """DOC"""

    multiplier: PowerOfTenMultiplierType
    value: UInt16


class ApparentPower(Sep):
    """DOC"""

    multiplier: PowerOfTenMultiplierType
    value: UInt16


class ReactivePower(Sep):
    """DOC"""

    multiplier: PowerOfTenMultiplierType
    value: Int16


class ReactiveSusceptance(Sep):
    """DOC"""

    multiplier: PowerOfTenMultiplierType
    value: UInt16


class PowerFactor(Sep):
    """DOC"""

    displacement: UInt16
    multiplier: PowerOfTenMultiplierType


class PowerFactorWithExcitation(Sep):
    """DOC"""

    displacement: UInt16
    excitation: Boolean
    multiplier: PowerOfTenMultiplierType


class FixedVar(Sep):
    """DOC"""

    refType: DERUnitRefType
    value: SignedPerCent


class WattHour(Sep):
    """DOC"""

    multiplier: PowerOfTenMultiplierType
    value: UInt16


class VoltageRMS(Sep):
    """DOC"""

    multiplier: PowerOfTenMultiplierType
    value: UInt16


class ConnectStatusType(Sep):
    """DOC"""

    dateTime: TimeType
    value: HexBinary8


class InverterStatusType(Sep):
    """DOC"""

    dateTime: TimeType
    value: UInt8


class LocalControlModeStatusType(Sep):
    """DOC"""

    dateTime: TimeType
    value: UInt8


class ManufacturerStatusType(Sep):
    """DOC"""

    dateTime: TimeType
    value: String6


class OperationalModeStatusType(Sep):
    """DOC"""

    dateTime: TimeType
    value: UInt8


class StateOfChargeStatusType(Sep):
    """DOC"""

    dateTime: TimeType
    value: PerCent


class StorageModeStatusType(Sep):
    """DOC"""

    dateTime: TimeType
    value: UInt8
