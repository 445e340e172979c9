"""What the text of the standard forbids beyond its schema."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

import strategies
from openesi.sep2 import model as sep
from openesi.sep2 import validate
from openesi.sep2.editions import IEEE_2023
from openesi.sep2.errors import DecodeError, ReasonCode

LFDI = bytes.fromhex("3E4F45AB31EDFE5B67E343E5E4562E31984E23E5")
SFDI = 167261211391


def watts(value: int) -> sep.ActivePower:
    return sep.ActivePower(multiplier=0, value=value)


def capability(**fields: object) -> sep.DERCapability:
    return sep.DERCapability(**{"modesSupported": b"\0", "rtgMaxW": watts(1), "type": 4} | fields)


def curve(kind: int, *points: sep.CurveData, **fields: object) -> sep.DERCurve:
    base = {"mRID": b"\1", "creationTime": 0, "xMultiplier": 0, "yMultiplier": 0, "yRefType": 2}
    return sep.DERCurve(**base | {"CurveData": points, "curveType": kind} | fields)


def event(duration: int, **fields: object) -> sep.DERControl:
    return sep.DERControl(
        **{
            "mRID": b"\1",
            "creationTime": 0,
            "EventStatus": sep.EventStatus(currentStatus=0, dateTime=0, potentiallySuperseded=False),
            "interval": sep.DateTimeInterval(duration=duration, start=0),
            "DERControlBase": sep.DERControlBase(),
        }
        | fields
    )


def load_control(duration: int = 1, **fields: object) -> sep.EndDeviceControl:
    base = {"deviceCategory": b"\1", "drProgramMandatory": False, "loadShiftForward": False}
    common = {
        name: getattr(event(duration), name) for name in ("mRID", "creationTime", "EventStatus", "interval")
    }
    return sep.EndDeviceControl(**common | base | fields)


def denial(duration: int = 0) -> sep.FlowReservationResponse:
    common = {
        name: getattr(event(duration), name) for name in ("mRID", "creationTime", "EventStatus", "interval")
    }
    nothing = sep.SignedRealEnergy(multiplier=0, value=0)
    return sep.FlowReservationResponse(
        **common, energyAvailable=nothing, powerAvailable=watts(0), subject=b"\1"
    )


def reservation(
    *, energy: int = 1, power: int = 1, span: int = 60, **fields: object
) -> sep.FlowReservationRequest:
    base: dict[str, object] = {
        "mRID": b"\1",
        "creationTime": 0,
        "energyRequested": sep.SignedRealEnergy(multiplier=0, value=energy),
        "intervalRequested": sep.DateTimeInterval(duration=span, start=0),
        "powerRequested": watts(power),
        "RequestStatus": sep.RequestStatus(dateTime=0, requestStatus=0),
    }
    return sep.FlowReservationRequest(**base | fields)


def tier(number: int) -> sep.TimeTariffInterval:
    common = {name: getattr(event(1), name) for name in ("mRID", "creationTime", "EventStatus", "interval")}
    return sep.TimeTariffInterval(**common, touTier=number)


POINT = sep.CurveData(xvalue=1, yvalue=1)
PF_POINT = sep.CurveData(xvalue=1, yvalue=1, excitation=False)
FULL = sep.DERControlBase(opModMaxLimW=60_000)
EVENTS = sep.DERControlList(all=2, results=2, DERControl=(event(1), event(0)))
COST = sep.EnvironmentalCost(amount=1, costKind=0, costLevel=3, numCostLevels=3)
POWER = sep.ActivePower(multiplier=0, value=1)
FACTOR = sep.PowerFactor(displacement=950, multiplier=-3)

RIGHT = [
    sep.EndDevice(sFDI=SFDI, lFDI=LFDI, changedTime=0),
    sep.EndDevice(sFDI=SFDI, changedTime=0),
    sep.Registration(dateTimeRegistered=0, pIN=111115),
    sep.DERControlBase(opModMaxLimW=10_000, opModFixedW=-10_000, opModExpLimW=watts(0)),
    event(1, randomizeStart=-3600, randomizeDuration=3600),
    capability(rtgOverExcitedW=POWER, rtgOverExcitedPF=FACTOR),
    capability(type=83, rtgMaxDischargeRateW=watts(5)),
    curve(13, PF_POINT),
    curve(11, POINT, vRef=1, autonomousVRefEnable=True, autonomousVRefTimeConstant=5),
    sep.DERList(all=5, results=1, DER=(sep.DER(),)),
    sep.PowerFactor(displacement=1, multiplier=0),
    sep.PowerFactor(displacement=1000, multiplier=-3),
    sep.PowerFactor(displacement=0, multiplier=5),
    sep.GPSLocationType(lat="-90", lon="179.99"),
    sep.Resource(href="/" + "x" * 254),
    load_control(86_400, Offset=sep.Offset(heatingOffset=20), responseRequired=b"\0"),
    load_control(SetPoint=sep.SetPoint(coolingSetpoint=2_500, heatingSetpoint=2_000)),
    event(86_401, responseRequired=b"\3", replyTo="/rsps/1/rsp"),
    denial(),
    denial(60),
    reservation(durationRequested=60),
    reservation(energy=-5, power=-1),
    reservation(energy=0, power=-1),
    tier(15),
    sep.ConsumptionTariffInterval(consumptionBlock=16, startValue=0),
    sep.SupportedLocale(locale="zh-Hant-TW"),
]
WRONG = [
    (sep.EndDevice(sFDI=SFDI + 1, changedTime=0), "EndDevice/sFDI"),
    (sep.EndDevice(sFDI=2**47, changedTime=0), "EndDevice/sFDI"),
    (sep.EndDevice(sFDI=SFDI, lFDI=b"\1" + LFDI[1:], changedTime=0), "EndDevice/sFDI"),
    (sep.Registration(dateTimeRegistered=0, pIN=111116), "Registration/pIN"),
    (sep.DERControlBase(opModMaxLimW=10_001), "DERControlBase/opModMaxLimW"),
    (sep.DERControlBase(opModFixedW=-10_001), "DERControlBase/opModFixedW"),
    (sep.DERControlBase(opModExpLimW=watts(-1)), "DERControlBase/opModExpLimW"),
    (event(0), "DERControl/interval/duration"),
    (event(1, randomizeStart=3601), "DERControl/randomizeStart"),
    (event(1, replyTo="/ rsp"), "DERControl/replyTo"),
    (event(1, DERControlBase=FULL), "DERControl/DERControlBase/opModMaxLimW"),
    (EVENTS, "DERControlList/DERControl[2]/interval/duration"),
    (capability(rtgOverExcitedW=POWER), "DERCapability/rtgOverExcitedW"),
    (capability(rtgUnderExcitedW=POWER), "DERCapability/rtgUnderExcitedW"),
    (capability(type=83), "DERCapability/rtgMaxDischargeRateW"),
    (capability(rtgMaxW=watts(-1)), "DERCapability/rtgMaxW"),
    (capability(rtgMaxVarNeg=sep.ReactivePower(multiplier=0, value=1)), "DERCapability/rtgMaxVarNeg"),
    (curve(13, POINT), "DERCurve/CurveData[1]/excitation"),
    (curve(11, POINT, PF_POINT), "DERCurve/CurveData[2]/excitation"),
    (curve(13, sep.CurveData(xvalue=1, yvalue=-1, excitation=True)), "DERCurve/CurveData[1]/yvalue"),
    (curve(12, POINT, vRef=1), "DERCurve/vRef"),
    (curve(11, POINT, autonomousVRefEnable=True), "DERCurve/autonomousVRefEnable"),
    (sep.DERList(all=1, results=2, DER=(sep.DER(), sep.DER())), "DERList/@results"),
    (sep.DERList(all=1, results=1), "DERList/@results"),
    (sep.PowerFactor(displacement=1001, multiplier=-3), "PowerFactor/displacement"),
    (sep.PowerFactor(displacement=1, multiplier=1), "PowerFactor/displacement"),
    (sep.GPSLocationType(lat="91", lon="0"), "GPSLocationType/lat"),
    (sep.GPSLocationType(lat="0", lon="east"), "GPSLocationType/lon"),
    (sep.Resource(href="/" + "x" * 255), "Resource/href"),
    (sep.Resource(href="/" + "é" * 128), "Resource/href"),
    (sep.Resource(href="/\t"), "Resource/href"),
    (sep.DutyCycle(normalValue=101), "DutyCycle/normalValue"),
    (COST, "EnvironmentalCost/costLevel"),
    (sep.Condition(attributeIdentifier=0, lowerThreshold=2, upperThreshold=1), "Condition/lowerThreshold"),
    (load_control(86_401), "EndDeviceControl/interval/duration"),
    (load_control(0), "EndDeviceControl/interval/duration"),
    (load_control(deviceCategory=b"\0\0"), "EndDeviceControl/deviceCategory"),
    (load_control(Offset=sep.Offset()), "EndDeviceControl/Offset/coolingOffset"),
    (load_control(SetPoint=sep.SetPoint()), "EndDeviceControl/SetPoint/coolingSetpoint"),
    (sep.SetPoint(coolingSetpoint=1, heatingSetpoint=2), "SetPoint/coolingSetpoint"),
    (event(1, responseRequired=b"\4"), "DERControl/responseRequired"),
    (sep.DemandResponseProgram(mRID=b"\1", primacy=1, availabilityUpdatePowerChangeThreshold=watts(-1)),
     "DemandResponseProgram/availabilityUpdatePowerChangeThreshold"),
    (sep.DemandResponseProgram(mRID=b"\1", primacy=1, availabilityUpdatePercentChangeThreshold=10_001),
     "DemandResponseProgram/availabilityUpdatePercentChangeThreshold"),
    (sep.LoadShedAvailability(sheddablePower=watts(-1)), "LoadShedAvailability/sheddablePower"),
    (reservation(span=0), "FlowReservationRequest/intervalRequested/duration"),
    (reservation(energy=-1), "FlowReservationRequest/powerRequested"),
    (tier(16), "TimeTariffInterval/touTier"),
    (sep.ConsumptionTariffInterval(consumptionBlock=17, startValue=0),
     "ConsumptionTariffInterval/consumptionBlock"),
    (sep.SupportedLocale(locale="en US"), "SupportedLocale/locale"),
]  # fmt: skip


@pytest.mark.parametrize("value", RIGHT, ids=lambda value: type(value).__name__)
def test_finds_nothing_wrong_with_what_is_right(value: sep.Sep) -> None:
    assert validate.problems(value) == []
    validate.check(value)


@pytest.mark.parametrize(("value", "path"), WRONG, ids=[path for _, path in WRONG])
def test_finds_what_is_wrong_and_where(value: sep.Sep, path: str) -> None:
    assert [found.path for found in validate.problems(value)] == [path]
    with pytest.raises(DecodeError) as caught:
        validate.check(value)
    assert caught.value.path == path
    assert caught.value.reason is ReasonCode.VALUES
    assert caught.value.status == 400


def test_looks_into_what_a_notification_carries() -> None:
    value = sep.Notification(
        subscribedResource="/x", Resource=sep.DERList(all=0, results=1), status=0, subscriptionURI="/s"
    )
    assert {str(found).split(": ")[0] for found in validate.problems(value)} == {
        "Notification/Resource/@results"
    }


@settings(max_examples=100, deadline=None)
@given(value=strategies.documents(IEEE_2023))
def test_has_a_verdict_on_every_value(value: sep.Sep) -> None:
    for found in validate.problems(value):
        assert found.path.startswith(type(value).__name__ + "/")
        assert found.problem


def test_reserved_numbers_are_told_wherever_they_stand_and_are_no_problem_of_a_peer() -> None:
    kind = sep.ReadingType(commodity=250, flowDirection=1, uom=200)
    point = sep.MirrorUsagePoint(
        mRID=bytes(16),
        roleFlags=b"\x00",
        serviceCategoryKind=200,
        status=1,
        deviceLFDI=bytes(20),
        MirrorMeterReading=(sep.MirrorMeterReading(mRID=bytes(16), ReadingType=kind),),
    )
    assert {one.path for one in validate.reserved(point)} == {
        "MirrorUsagePoint/MirrorMeterReading[1]/ReadingType/commodity",
        "MirrorUsagePoint/serviceCategoryKind",
    }
    assert validate.problems(point) == []
