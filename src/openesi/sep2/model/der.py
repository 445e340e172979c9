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
    """What DERs of a program do whenever no DERControl rules a mode, and their enter-service settings.

    A change takes effect at once and lasts; the device takes the settings over and reports them in
    DERSettings.
    """

    DERControlBase: sep.DERControlBase
    setESDelay: UInt32 | None = None  # hundredths of a second from good grid to entering service
    setESHighFreq: UInt16 | None = None  # hundredths of Hz, highest at which to enter service
    # hundredths of a percent of effective voltage, highest at which to enter service
    setESHighVolt: Int16 | None = None
    setESLowFreq: UInt16 | None = None  # hundredths of Hz, lowest at which to enter service
    # hundredths of a percent of effective voltage, lowest at which to enter service
    setESLowVolt: Int16 | None = None
    setESRampTms: UInt32 | None = None  # hundredths of a second over which to ramp up on entering service
    setESRandomDelay: UInt32 | None = None  # hundredths of a second, upper bound of a random extra delay
    # hundredths of a percent of setMaxW per second, the ramp by default; 0 is no limit
    setGradW: UInt16 | None = None
    # hundredths of a percent of setMaxW per second, the ramp of a soft start; 0 is no limit
    setSoftGradW: UInt16 | None = None
    updatedTime: Annotated[TimeType | None, IEEE_2023] = None


class FreqDroopType(Sep):
    """How active power gives way to frequency outside a dead band."""

    dBOF: UInt32  # mHz above nominal at which over-frequency droop begins
    dBUF: UInt32  # mHz below nominal at which under-frequency droop begins
    kOF: UInt16  # thousandths, per-unit frequency change for 1 per-unit change of power
    kUF: UInt16  # thousandths, per-unit frequency change for 1 per-unit change of power
    openLoopTms: UInt16  # hundredths of a second to reach 90 % of the new power


class DER(SubscribableResource):
    """One distributed energy resource of a device: nothing but links to what is known of it."""

    AssociatedDERProgramListLink: sep.AssociatedDERProgramListLink | None = None
    AssociatedUsagePointLink: sep.AssociatedUsagePointLink | None = None
    # deprecated in 2023, and not to be relied on before
    CurrentDERProgramLink: sep.CurrentDERProgramLink | None = None
    DERAvailabilityLink: sep.DERAvailabilityLink | None = None
    DERCapabilityLink: sep.DERCapabilityLink | None = None
    DERSettingsLink: sep.DERSettingsLink | None = None
    DERStatusLink: sep.DERStatusLink | None = None


class DERList(List):
    """The DERs of an EndDevice; one at most in 2023."""

    DER: tuple[sep.DER, ...] = ()
    # seconds; also how often DERStatus is to be put
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None


class DERSettings(SubscribableResource):
    """How a DER is set up: the nameplate as narrowed by its owner. An absent setting equals its rating.

    The device reports it; the sign of power is the generator's, positive delivered to the grid.
    """

    modesEnabled: DERControlType | None = None  # bits of enums.DERControlMode
    modesEnabled2: Annotated[HexBinary32 | None, IEEE_2023] = None  # bits of enums.DERControlMode2
    setESDelay: UInt32 | None = None  # setES*, setGradW, setSoftGradW: as in DefaultDERControl
    setESHighFreq: UInt16 | None = None
    setESHighVolt: Int16 | None = None
    setESLowFreq: UInt16 | None = None
    setESLowVolt: Int16 | None = None
    setESRampTms: UInt32 | None = None
    setESRandomDelay: UInt32 | None = None
    setGradW: UInt16
    setMaxA: sep.CurrentRMS | None = None  # A
    setMaxAh: sep.AmpereHour | None = None  # Ah that can be used
    setMaxChargeRateVA: sep.ApparentPower | None = None  # VA
    setMaxChargeRateW: sep.ActivePower | None = None  # W, positive
    setMaxDischargeRateVA: sep.ApparentPower | None = None  # VA
    setMaxDischargeRateW: sep.ActivePower | None = None  # W
    setMaxV: sep.VoltageRMS | None = None  # V
    setMaxVA: sep.ApparentPower | None = None  # VA
    setMaxVar: sep.ReactivePower | None = None  # var delivered, positive
    setMaxVarNeg: sep.ReactivePower | None = None  # var received, negative; absent is -setMaxVar
    setMaxW: sep.ActivePower  # W
    setMaxWh: sep.WattHour | None = None  # Wh that can be used
    setMinPFOverExcited: sep.PowerFactor | None = None  # least power factor while injecting var
    setMinPFUnderExcited: sep.PowerFactor | None = None  # least power factor while absorbing var
    setMinV: sep.VoltageRMS | None = None  # V
    setSoftGradW: UInt16 | None = None
    setVNom: sep.VoltageRMS | None = None  # V, nominal
    # V at the point of common coupling; effective voltage is 100 % x (V - setVRefOfs) / setVRef
    setVRef: sep.VoltageRMS | None = None
    setVRefOfs: sep.VoltageRMS | None = None  # V between the point of common coupling and the DER
    updatedTime: TimeType  # when the settings last changed
    doeModesEnabled: Annotated[HexBinary8 | None, CSIP_AUS_12] = None  # bits of enums.DoeMode
    vppModesEnabled: Annotated[HexBinary8 | None, CSIP_AUS_13] = None  # bits of enums.VppMode
    # Wh below which storage is not to be discharged
    setMinWh: Annotated[sep.WattHour | None, CSIP_AUS_13] = None


class DERAvailability(SubscribableResource):
    """What a DER holds in reserve."""

    availabilityDuration: UInt32 | None = None  # seconds for which it can deliver statWAvail
    maxChargeDuration: UInt32 | None = None  # seconds until it is fully charged at full rate
    readingTime: TimeType  # when the values were taken
    reserveChargePercent: PerCent | None = None  # of setMaxChargeRateW
    reservePercent: PerCent | None = None  # of setMaxW
    statVarAbsorbAvail: Annotated[sep.UnsignedReactivePower | None, IEEE_2023] = None  # var
    statVarAvail: sep.ReactivePower | None = None  # var
    statWAbsorbAvail: Annotated[sep.UnsignedActivePower | None, IEEE_2023] = None  # W
    statWAvail: sep.ActivePower | None = None  # W


class DERCapability(Resource):
    """The nameplate of a DER: what it can do, unchanged in the field."""

    modesSupported: DERControlType  # bits of enums.DERControlMode
    modesSupported2: Annotated[HexBinary32 | None, IEEE_2023] = None  # bits of enums.DERControlMode2
    rtgAbnormalCategory: UInt8 | None = None  # IEEE 1547-2018: 0 none, 1 to 3 category I to III
    rtgMaxA: sep.CurrentRMS | None = None  # A
    rtgMaxAh: sep.AmpereHour | None = None  # Ah that can be used
    rtgMaxChargeRateVA: sep.ApparentPower | None = None  # VA
    rtgMaxChargeRateW: sep.ActivePower | None = None  # W, positive
    rtgMaxDischargeRateVA: sep.ApparentPower | None = None  # VA
    rtgMaxDischargeRateW: sep.ActivePower | None = None  # W; required of photovoltaics with storage
    rtgMaxV: sep.VoltageRMS | None = None  # V
    rtgMaxVA: sep.ApparentPower | None = None  # VA
    rtgMaxVar: sep.ReactivePower | None = None  # var delivered, positive
    rtgMaxVarNeg: sep.ReactivePower | None = None  # var received, negative; absent is -rtgMaxVar
    rtgMaxW: sep.ActivePower  # W, of generation and storage together
    rtgMaxWh: sep.WattHour | None = None  # Wh that can be used
    rtgMinPFOverExcited: sep.PowerFactor | None = None  # least power factor while injecting var; absent is 1
    rtgMinPFUnderExcited: sep.PowerFactor | None = None  # while absorbing var; absent is the over-excited one
    rtgMinV: sep.VoltageRMS | None = None  # V
    rtgNormalCategory: UInt8 | None = None  # IEEE 1547-2018: 0 none, 1 category A, 2 category B
    rtgOverExcitedPF: sep.PowerFactor | None = None  # the power factor at which rtgOverExcitedW holds
    rtgOverExcitedW: sep.ActivePower | None = None  # W at rtgOverExcitedPF
    # S, stays connected when the DER has tripped
    rtgReactiveSusceptance: sep.ReactiveSusceptance | None = None
    rtgUnderExcitedPF: sep.PowerFactor | None = None  # the power factor at which rtgUnderExcitedW holds
    rtgUnderExcitedW: sep.ActivePower | None = None  # W at rtgUnderExcitedPF
    rtgVNom: sep.VoltageRMS | None = None  # V, nominal
    type: DERType
    doeModesSupported: Annotated[HexBinary8 | None, CSIP_AUS_12] = None  # bits of enums.DoeMode
    vppModesSupported: Annotated[HexBinary8 | None, CSIP_AUS_13] = None  # bits of enums.VppMode


class DERControlBase(Sep):
    """The modes that a control sets; those it names apply together, the others it leaves alone.

    Power has the generator's sign: positive is delivered to the grid, negative absorbed from it.
    """

    opModConnect: Boolean | None = None  # False: open the connection to the grid
    opModEnergize: Boolean | None = None  # False: stop delivering, stay connected
    opModFixedPFAbsorbW: sep.PowerFactorWithExcitation | None = None  # while the DER absorbs active power
    opModFixedPFInjectW: sep.PowerFactorWithExcitation | None = None  # while the DER delivers active power
    opModFixedVar: sep.FixedVar | None = None
    # hundredths of a percent: above 0 of setMaxW or setMaxDischargeRateW, below 0 of setMaxChargeRateW
    opModFixedW: SignedPerCent | None = None
    opModFreqDroop: sep.FreqDroopType | None = None
    opModFreqWatt: sep.DERCurveLink | None = None  # x Hz, y % of setMaxW
    opModGridConnectPermit: Annotated[Boolean | None, IEEE_2023] = None
    # x seconds, y Hz, as the other frequency ride-through curves
    opModHFRTMayTrip: sep.DERCurveLink | None = None
    opModHFRTMustTrip: sep.DERCurveLink | None = None
    # x seconds, y % of effective voltage, as the other voltage ride-through curves
    opModHVRTMayTrip: sep.DERCurveLink | None = None
    opModHVRTMomentaryCessation: sep.DERCurveLink | None = None
    opModHVRTMustTrip: sep.DERCurveLink | None = None
    opModIslandPermit: Annotated[Boolean | None, IEEE_2023] = None
    opModLFRTMayTrip: sep.DERCurveLink | None = None
    opModLFRTMustTrip: sep.DERCurveLink | None = None
    opModLVRTMayTrip: sep.DERCurveLink | None = None
    opModLVRTMomentaryCessation: sep.DERCurveLink | None = None
    opModLVRTMustTrip: sep.DERCurveLink | None = None
    # hundredths of a percent of setMaxW: a ceiling at the point of common coupling, not a set point
    opModMaxLimW: PerCent | None = None
    opModTargetVar: sep.ReactivePower | None = None  # var, positive injected
    opModTargetW: sep.ActivePower | None = None  # W
    opModVoltVar: sep.DERCurveLink | None = None  # x % of effective voltage, y % by the curve's yRefType
    opModVoltWatt: sep.DERCurveLink | None = None  # x % of effective voltage, y % by the curve's yRefType
    opModWattPF: sep.DERCurveLink | None = None  # x % of setMaxW, y power factor and excitation
    opModWattVar: sep.DERCurveLink | None = None  # x % of setMaxW, y % by the curve's yRefType
    # hundredths of a second to get to the new values; absent: the ramp of setGradW
    rampTms: UInt16 | None = None
    # W drawn from the grid at the connection point, at most
    opModImpLimW: Annotated[sep.ActivePower | None, CSIP_AUS_12] = None
    # W fed to the grid at the connection point, at most
    opModExpLimW: Annotated[sep.ActivePower | None, CSIP_AUS_12] = None
    # W generated by the DER or its group, at most
    opModGenLimW: Annotated[sep.ActivePower | None, CSIP_AUS_12] = None
    # W used by the DER or its group, at most
    opModLoadLimW: Annotated[sep.ActivePower | None, CSIP_AUS_12] = None
    opModStorageTargetW: Annotated[sep.ActivePower | None, CSIP_AUS_13] = None  # W, positive discharges


class DERControl(RandomizableEvent):
    """An event that sets modes of DERs. Each mode counts by itself when events overlap."""

    DERControlBase: sep.DERControlBase
    deviceCategory: DeviceCategoryType | None = None  # bits of enums.DeviceCategory; absent is every DER


class DERControlList(SubscribableList):
    """The DER controls of a program, earliest start first."""

    DERControl: tuple[sep.DERControl, ...] = ()


class DERCurve(IdentifiedObject):
    """Up to ten points that tie one quantity to another, for the modes that follow a curve.

    A point is (xvalue x 10^xMultiplier, yvalue x 10^yMultiplier).
    """

    autonomousVRefEnable: Boolean | None = None  # let vRef follow the measured voltage; volt-var only
    autonomousVRefTimeConstant: UInt32 | None = None  # hundredths of a second; volt-var only
    creationTime: TimeType
    CurveData: Annotated[tuple[sep.CurveData, ...], Occurs(1, 10)]
    curveType: DERCurveType
    openLoopTms: UInt16 | None = None  # hundredths of a second to reach 90 % of the new target; 0 is no limit
    # hundredths of a percent per second while falling; 0 is no limit, absent is setGradW
    rampDecTms: UInt16 | None = None
    # hundredths of a percent per second while rising; 0 is no limit, absent is rampDecTms
    rampIncTms: UInt16 | None = None
    rampPT1Tms: UInt16 | None = None  # hundredths of a second of a first order low-pass to reach 95 %
    vRef: PerCent | None = None  # hundredths of a percent by which x is scaled; volt-var only
    xMultiplier: PowerOfTenMultiplierType
    yMultiplier: PowerOfTenMultiplierType
    yRefType: DERUnitRefType  # what y is a percentage of


class CurrentDERProgramLink(Link):
    """Link to the DERProgram that a DER follows now; deprecated in 2023."""


class DERCurveList(List):
    """The curves of a program, newest first."""

    DERCurve: tuple[sep.DERCurve, ...] = ()


class CurveData(Sep):
    """One point of a curve, before the curve's multipliers."""

    excitation: Boolean | None = None  # watt-PF curves only: True absorbs var, False injects
    xvalue: Int32
    yvalue: Int32


class DERProgram(SubscribableIdentifiedObject):
    """A group of DERs and what it is told: a default, scheduled controls, curves."""

    ActiveDERControlListLink: sep.ActiveDERControlListLink | None = None
    DefaultDERControlLink: sep.DefaultDERControlLink | None = None
    DERControlListLink: sep.DERControlListLink | None = None
    DERCurveListLink: sep.DERCurveListLink | None = None
    primacy: PrimacyType  # lower wins where programs disagree


class DERProgramList(SubscribableList):
    """DER programs, lowest primacy first."""

    DERProgram: tuple[sep.DERProgram, ...] = ()
    # seconds, for the controls and defaults below it too
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None


class DERStatus(SubscribableResource):
    """What a DER is doing now. Each part tells when it was taken."""

    alarmStatus: HexBinary32 | None = None  # bits of enums.AlarmStatus
    # in place of genConnectStatus and storConnectStatus
    connectStatus: Annotated[sep.ConnectStatusType2 | None, IEEE_2023] = None
    genConnectStatus: sep.ConnectStatusType | None = None  # of the generation
    inverterStatus: sep.InverterStatusType | None = None
    localControlModeStatus: sep.LocalControlModeStatusType | None = None
    manufacturerStatus: sep.ManufacturerStatusType | None = None
    operationalModeStatus: sep.OperationalModeStatusType | None = None
    readingTime: TimeType  # when the status was put together
    stateOfChargeStatus: sep.StateOfChargeStatusType | None = None
    storageModeStatus: sep.StorageModeStatusType | None = None
    storConnectStatus: sep.ConnectStatusType | None = None  # of the storage


class CurrentRMS(Sep):
    """Effective current in A: value x 10^multiplier."""

    multiplier: PowerOfTenMultiplierType
    value: UInt16


class FixedPointType(Sep):
    """A signed decimal: value x 10^multiplier."""

    multiplier: PowerOfTenMultiplierType
    value: Int16


class UnsignedFixedPointType(Sep):
    """A decimal that is never negative: value x 10^multiplier."""

    multiplier: PowerOfTenMultiplierType
    value: UInt16


class ActivePower(Sep):
    """Active power in W: value x 10^multiplier.

    The value has 16 bits: 40 kW is 4000 x 10^1. The sign is the generator's in DER resources, positive
    delivered to the grid; demand response and electric vehicles count what they draw as positive.
    """

    multiplier: PowerOfTenMultiplierType
    value: Int16


class AmpereHour(Sep):
    """Charge in Ah: value x 10^multiplier."""

    multiplier: PowerOfTenMultiplierType
    value: UInt16


class ApparentPower(Sep):
    """Apparent power in VA: value x 10^multiplier."""

    multiplier: PowerOfTenMultiplierType
    value: UInt16


class ReactivePower(Sep):
    """Reactive power in var: value x 10^multiplier, positive injected into the grid."""

    multiplier: PowerOfTenMultiplierType
    value: Int16


class ReactiveSusceptance(Sep):
    """Reactive susceptance in S: value x 10^multiplier."""

    multiplier: PowerOfTenMultiplierType
    value: UInt16


class PowerFactor(Sep):
    """A power factor without a direction: displacement x 10^multiplier."""

    displacement: UInt16  # 0 to 1 after scaling
    multiplier: PowerOfTenMultiplierType


class PowerFactorWithExcitation(Sep):
    """A power factor and its direction: displacement x 10^multiplier."""

    displacement: UInt16  # 0 to 1 after scaling
    excitation: Boolean  # True absorbs var (under-excited), False injects (over-excited)
    multiplier: PowerOfTenMultiplierType


class FixedVar(Sep):
    """A reactive power as a signed share of what refType names; positive is injected."""

    refType: DERUnitRefType
    value: SignedPerCent


class WattHour(Sep):
    """Energy in Wh: value x 10^multiplier."""

    multiplier: PowerOfTenMultiplierType
    value: UInt16


class VoltageRMS(Sep):
    """Effective voltage in V: value x 10^multiplier."""

    multiplier: PowerOfTenMultiplierType
    value: UInt16


class ConnectStatusType(Sep):
    """Whether and how a DER is connected, and since when that is known."""

    dateTime: TimeType
    value: HexBinary8  # bits of enums.ConnectStatus


class InverterStatusType(Sep):
    """What the inverter is doing."""

    dateTime: TimeType
    value: UInt8  # enums.InverterStatus


class LocalControlModeStatusType(Sep):
    """Whether the DER is controlled on the spot or from afar."""

    dateTime: TimeType
    value: UInt8  # enums.LocalControlModeStatus


class ManufacturerStatusType(Sep):
    """A status code of the maker's own."""

    dateTime: TimeType
    value: String6


class OperationalModeStatusType(Sep):
    """Whether the DER is off, in operation or under test."""

    dateTime: TimeType
    value: UInt8  # enums.OperationalModeStatus


class StateOfChargeStatusType(Sep):
    """State of charge of the storage as a percentage of what can be used."""

    dateTime: TimeType
    value: PerCent


class StorageModeStatusType(Sep):
    """Whether the storage charges, discharges or holds."""

    dateTime: TimeType
    value: UInt8  # enums.StorageModeStatus
