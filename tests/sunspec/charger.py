"""What VOLTTRON's own test posted, as documents, and the points that come out of it."""

from __future__ import annotations

from openesi.sep2 import identity
from openesi.sep2 import model as sep
from openesi.sunspec.values import Metered, Posted

LFDI = bytes.fromhex("247bd68e3378fe57ba604e3c8bdf9e3f78a3d743")
SFDI = 97935300833
NOW = 1416270124

READINGS = {
    "InstantPackCurrent": (125, None),
    "LineVoltageAvg": (125, None),
    "PhasePowerAvg": (125, None),
    "PhasePFA": (126, None),
    "EnergyIMP": (127, None),
    "InstantPackTemp": (128, 3),
    "EnergyEXP": (128, None),
    "PhaseCurrentAvg": (24, 0),
}

DOCUMENTS: dict[str, sep.Sep] = {
    "DeviceInformation": sep.DeviceInformation(
        lFDI=bytes.fromhex("5509D69F8B353595206AD71B47E27906318EA367"),
        mfDate=1388566800,
        mfHwVer="MF-HW: 1.0.0",
        mfID=37250,
        mfInfo="Mf Information",
        mfModel="Mf Model",
        mfSerNum="1234567890",
        primaryPower=2,
        secondaryPower=0,
        swActTime=1416107035,
        swVer="9bc8e7b_modified",
        functionsImplemented=bytes.fromhex("0145"),
    ),
    "DERSettings": sep.DERSettings(
        setGradW=55000,
        setMaxChargeRateW=sep.ActivePower(multiplier=1, value=2),
        setMaxDischargeRateW=sep.ActivePower(multiplier=3, value=4),
        setMaxW=sep.ActivePower(multiplier=1, value=1),
        updatedTime=1416307137,
    ),
    "DERStatus": sep.DERStatus(
        readingTime=NOW,
        stateOfChargeStatus=sep.StateOfChargeStatusType(dateTime=NOW, value=777),
        inverterStatus=sep.InverterStatusType(dateTime=NOW, value=777),
        storConnectStatus=sep.ConnectStatusType(dateTime=NOW, value=(777).to_bytes(2)),
        localControlModeStatus=sep.LocalControlModeStatusType(dateTime=NOW, value=777),
    ),
    "DERAvailability": sep.DERAvailability(
        availabilityDuration=55036,
        maxChargeDuration=3,
        readingTime=NOW,
        reserveChargePercent=10000,
        reservePercent=10000,
        statWAvail=sep.ActivePower(multiplier=1, value=1),
    ),
    "DERCapability": sep.DERCapability(
        modesSupported=b"\x01",
        rtgMaxAh=sep.AmpereHour(multiplier=1, value=35),
        rtgMaxA=sep.CurrentRMS(multiplier=1, value=33),
        rtgMaxChargeRateW=sep.ActivePower(multiplier=1, value=22),
        rtgMaxDischargeRateW=sep.ActivePower(multiplier=1, value=1),
        rtgMinPFOverExcited=sep.PowerFactor(multiplier=1, displacement=1),
        rtgMaxW=sep.ActivePower(multiplier=1, value=1),
        rtgMaxWh=sep.WattHour(multiplier=1, value=123),
        type=85,
    ),
    "PowerStatus": sep.PowerStatus(
        batteryStatus=0,
        changedTime=NOW,
        currentPowerSource=3,
        PEVInfo=sep.PEVInfo(
            chargingPowerNow=sep.ActivePower(multiplier=0, value=3000),
            energyRequestNow=sep.RealEnergy(multiplier=0, value=6100),
            maxForwardPower=sep.ActivePower(multiplier=3, value=7),
            minimumChargingDuration=4337,
            targetStateOfCharge=1000,
            timeChargeIsNeeded=NOW,
            timeChargingStatusPEV=NOW,
        ),
        totalTimeOnBattery=2,
    ),
}

METERED = tuple(
    Metered(name, value, None if power is None else sep.ReadingType(powerOfTenMultiplier=power))
    for name, (value, power) in READINGS.items()
)

EXPECTED = {
    "b1_Md": "Mf Model",
    "b1_Opt": identity.format_lfdi(LFDI),
    "b1_SN": "097935300833",
    "b1_Vr": "MF-HW: 1.0.0",
    "b113_A": 24.0,
    "b113_DCA": 125.0,
    "b113_DCV": 125.0,
    "b113_DCW": 125.0,
    "b113_PF": 126.0,
    "b113_WH": 127.0,
    "b120_AhrRtg": 350.0,
    "b120_ARtg": 330.0,
    "b120_MaxChaRte": 220.0,
    "b120_MaxDisChaRte": 10.0,
    "b120_WHRtg": 1230.0,
    "b120_WRtg": 10.0,
    "b121_WMax": 20.0,
    "b122_ActWh": 128.0,
    "b122_StorConn": 777,
    "b124_WChaMax": None,
    "b403_Tmp": 128000.0,
    "b404_DCW": 3000.0,
    "b404_DCWh": 55036 / 3600 * 20,
    "b802_LocRemCtl": None,  # 777 is no mode of the standard, so it has no counterpart in SunSpec
    "b802_SoC": 7.77,
    "b802_State": None,
}
RAW = {
    "b1_Opt": "5509D69F8B353595206AD71B47E27906318EA367",
    "b802_LocRemCtl": 777,
    "b802_State": 777,
}


def charger(control: sep.DERControl | None = None) -> Posted:
    return Posted(lfdi=LFDI, sfdi=SFDI, documents=DOCUMENTS, metered=METERED, control=control)
