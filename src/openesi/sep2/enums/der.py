"""Distributed energy resources."""

from __future__ import annotations

from enum import IntEnum, IntFlag


class DERControlMode(IntFlag):
    """``DERControlType``: control modes. All but the first two are named as in ``DERControlBase``."""

    chargeMode = 1 << 0  # can charge; no element of its own
    dischargeMode = 1 << 1  # can discharge; no element of its own
    opModConnect = 1 << 2
    opModEnergize = 1 << 3
    opModFixedPFAbsorbW = 1 << 4
    opModFixedPFInjectW = 1 << 5
    opModFixedVar = 1 << 6
    opModFixedW = 1 << 7
    opModFreqDroop = 1 << 8
    opModFreqWatt = 1 << 9
    opModHFRTMayTrip = 1 << 10
    opModHFRTMustTrip = 1 << 11
    opModHVRTMayTrip = 1 << 12
    opModHVRTMomentaryCessation = 1 << 13
    opModHVRTMustTrip = 1 << 14
    opModLFRTMayTrip = 1 << 15
    opModLFRTMustTrip = 1 << 16
    opModLVRTMayTrip = 1 << 17
    opModLVRTMomentaryCessation = 1 << 18
    opModLVRTMustTrip = 1 << 19
    opModMaxLimW = 1 << 20
    opModTargetVar = 1 << 21
    opModTargetW = 1 << 22
    opModVoltVar = 1 << 23
    opModVoltWatt = 1 << 24
    opModWattPF = 1 << 25
    opModWattVar = 1 << 26
    opModDeltaVar = 1 << 27  # this and the next since 2023
    opModDeltaW = 1 << 28
    opModFixedV = 1 << 29
    opModGridConnectPermit = 1 << 30
    opModIslandPermit = 1 << 31


class DERControlMode2(IntFlag):
    """``DERControlType2`` (2023): the control modes for which ``DERControlType`` has no bits left."""

    opModMaxLimPctVAAbsorb = 1 << 0
    opModMaxLimPctVAInject = 1 << 1
    opModMaxLimPctVarAbsorb = 1 << 2
    opModMaxLimPctVarInject = 1 << 3
    opModMaxLimPctWAbsorb = 1 << 4
    opModMaxLimVarAbsorb = 1 << 5
    opModMaxLimVarInject = 1 << 6
    opModMaxLimWAbsorb = 1 << 7
    opModMaxLimWInject = 1 << 8
    opModTargetV = 1 << 9


class DefaultDERControlSetting(IntFlag):
    """``DefaultDERControlType`` (2023): the settings of a ``DefaultDERControl``, named as there."""

    setESDelay = 1 << 0
    setESHighFreq = 1 << 1
    setESHighVolt = 1 << 2
    setESLowFreq = 1 << 3
    setESLowVolt = 1 << 4
    setESRampTms = 1 << 5
    setESRandomDelay = 1 << 6
    setGradW = 1 << 7
    setSoftGradW = 1 << 8


class DoeMode(IntFlag):
    """``doeModesSupported`` and ``doeModesEnabled`` (CSIP-AUS): limits of a dynamic operating envelope."""

    opModExpLimW = 1 << 0
    opModImpLimW = 1 << 1
    opModGenLimW = 1 << 2
    opModLoadLimW = 1 << 3


class VppMode(IntFlag):
    """``vppModesSupported`` and ``vppModesEnabled`` (CSIP-AUS 1.3)."""

    opModStorageTargetW = 1 << 0


class DERCurveType(IntEnum):
    """``DERCurveType``: the mode that a curve is for, named as in ``DERControlBase``."""

    opModFreqWatt = 0
    opModHFRTMayTrip = 1
    opModHFRTMustTrip = 2
    opModHVRTMayTrip = 3
    opModHVRTMomentaryCessation = 4
    opModHVRTMustTrip = 5
    opModLFRTMayTrip = 6
    opModLFRTMustTrip = 7
    opModLVRTMayTrip = 8
    opModLVRTMomentaryCessation = 9
    opModLVRTMustTrip = 10
    opModVoltVar = 11
    opModVoltWatt = 12
    opModWattPF = 13
    opModWattVar = 14


class DERUnitRef(IntEnum):
    """``DERUnitRefType``: the setting or status that is 100 %."""

    NOT_APPLICABLE = 0
    setMaxW = 1
    setMaxVar = 2
    statVarAvail = 3
    setEffectiveV = 4  # effective voltage, from setVRef and setVRefOfs
    setMaxChargeRateW = 5
    setMaxDischargeRateW = 6
    statWAvail = 7
    setMaxVA = 8  # since 2023


class DERType(IntEnum):
    """``DERCapability.type``: what kind of resource it is."""

    NOT_APPLICABLE = 0
    VIRTUAL_OR_MIXED = 1
    RECIPROCATING_ENGINE = 2
    FUEL_CELL = 3
    PHOTOVOLTAIC = 4
    COMBINED_HEAT_AND_POWER = 5
    OTHER_GENERATION = 6
    OTHER_STORAGE = 80
    ELECTRIC_VEHICLE = 81
    EVSE = 82
    PHOTOVOLTAIC_WITH_STORAGE = 83


class AlarmStatus(IntFlag):
    """``DERStatus.alarmStatus``: alarms that persist."""

    OVER_CURRENT = 1 << 0
    OVER_VOLTAGE = 1 << 1
    UNDER_VOLTAGE = 1 << 2
    OVER_FREQUENCY = 1 << 3
    UNDER_FREQUENCY = 1 << 4
    VOLTAGE_IMBALANCE = 1 << 5
    CURRENT_IMBALANCE = 1 << 6
    EMERGENCY_LOCAL = 1 << 7
    EMERGENCY_REMOTE = 1 << 8
    LOW_POWER_INPUT = 1 << 9
    PHASE_ROTATION = 1 << 10


class ConnectStatus(IntFlag):
    """``ConnectStatusType.value``: generation or storage of a DER."""

    CONNECTED = 1 << 0
    AVAILABLE = 1 << 1
    OPERATING = 1 << 2
    TEST = 1 << 3
    FAULT = 1 << 4


class ConnectStatus2(IntFlag):
    """``ConnectStatusType2.value`` (2023): the DER as a whole."""

    CONNECTED = 1 << 0
    ENERGIZED = 1 << 1


class InverterStatus(IntEnum):
    """``InverterStatusType.value``."""

    NOT_APPLICABLE = 0
    OFF = 1
    SLEEPING = 2  # shut down by itself, or waiting for power from its source
    STARTING = 3  # or on, but producing nothing
    TRACKING_MPPT = 4
    FORCED_REDUCTION = 5
    SHUTTING_DOWN = 6
    FAULT = 7
    STANDBY = 8
    TEST = 9
    SEE_MANUFACTURER_STATUS = 10


class LocalControlModeStatus(IntEnum):
    """``LocalControlModeStatusType.value``: where the DER is controlled from."""

    LOCAL = 0
    REMOTE = 1


class OperationalModeStatus(IntEnum):
    """``OperationalModeStatusType.value``."""

    NOT_APPLICABLE = 0
    OFF = 1
    OPERATIONAL = 2
    TEST = 3


class StorageModeStatus(IntEnum):
    """``StorageModeStatusType.value``."""

    CHARGING = 0
    DISCHARGING = 1
    HOLDING = 2
