"""Something of everything, written into a server by its operator."""

from __future__ import annotations

from typing import Any

from conformance.lab import Lab
from conformance.plant import Plant
from conformance.wire import text

WATTS = {"multiplier": 0, "value": 5_000}
TYPE = {"commodity": 1, "flowDirection": 1, "kind": 12, "uom": 72, "powerOfTenMultiplier": 3}


def fill(lab: Lab) -> Plant:
    """Return a device to which all of it is shown. Everything is written over the operator's API."""
    plant = lab.plant()
    utility = lab.utility
    own = {"device": plant.lfdi}
    me = plant.me().get("href")
    now = lab.now

    def period(start: int = -60, duration: int = 7_200) -> dict[str, int]:
        return {"start": now + start, "duration": duration}

    program = utility.add("/derp", {"primacy": 10, "description": "DER"})
    utility.do(
        "PUT", f"/resources{program}/dderc", {"DERControlBase": {"opModConnect": True}, "setGradW": 100}
    )
    curve = {
        "curveType": 11,
        "CurveData": [{"xvalue": 9_000, "yvalue": 100}, {"xvalue": 11_000, "yvalue": -100}],
        "xMultiplier": -2,
        "yMultiplier": -2,
        "yRefType": 2,
    }
    curve_path = utility.add(f"{program}/dc", curve)
    base = {"opModVoltVar": {"href": curve_path}, "opModMaxLimW": 5_000, "opModExpLimW": WATTS}
    control = utility.add(f"{program}/derc", {"interval": period(), "DERControlBase": base})
    utility.add(f"{program}/derc", {"interval": period(9_000), "DERControlBase": base, "randomizeStart": 30})

    dr = utility.add(
        "/dr", {"primacy": 10, "description": "DR", "availabilityUpdatePowerChangeThreshold": WATTS}
    )
    shed = {
        "interval": period(),
        "deviceCategory": "00000001",
        "drProgramMandatory": False,
        "loadShiftForward": False,
        "Offset": {"coolingOffset": 20},
    }
    edc = utility.add(f"{dr}/edc", shed)
    tariff = {
        "description": "Time of use",
        "currency": 840,
        "pricePowerOfTenMultiplier": -6,
        "primacy": 10,
        "rateCode": "TOU",
        "serviceCategoryKind": 0,
        "RateComponent": [
            {
                "roleFlags": "00",
                "ReadingType": TYPE,
                "TimeTariffInterval": [
                    {
                        "interval": period(),
                        "touTier": 1,
                        "ConsumptionTariffInterval": [
                            {"consumptionBlock": 0, "startValue": 0, "price": 113_000},
                            {
                                "consumptionBlock": 1,
                                "startValue": 500,
                                "price": 150_000,
                                "EnvironmentalCost": [
                                    {"amount": 5, "costKind": 0, "costLevel": 1, "numCostLevels": 3}
                                ],
                            },
                        ],
                    }
                ],
            }
        ],
    }
    tp = utility.add("/tp", tariff)
    component = utility.do("GET", f"/resources{tp}/rc")["RateComponent"][0]["href"]
    interval = utility.do("GET", f"/resources{component}/tti")["TimeTariffInterval"][0]
    messages = utility.add("/msg", {"locale": "en-US", "primacy": 10, "description": "News"})
    message = utility.add(
        f"{messages}/txt",
        {"interval": period(), "priority": 1, "textMessage": "Hello", "originator": "utility"},
    )

    point = {
        "description": "Meter",
        "roleFlags": "0002",
        "serviceCategoryKind": 0,
        "status": 1,
        "MeterReading": [
            {
                "description": "Energy",
                "ReadingType": TYPE,
                "ReadingSet": [
                    {
                        "timePeriod": period(-3_600, 3_600),
                        "Reading": [{"value": 5, "localID": "01", "timePeriod": period(-3_600, 3_600)}],
                    }
                ],
            }
        ],
    }
    upt = utility.add("/upt", point, **own)
    meter = utility.do("GET", f"/resources{upt}/mr")["MeterReading"][0]["href"]

    read = {
        "description": "Read",
        "ReadingType": TYPE,
    }
    sets = {
        "timePeriod": period(-3_600, 3_600),
        "BillingReading": [{"value": 7, "Charge": [{"kind": 0, "value": 100, "description": "Energy"}]}],
    }
    account = {
        "currency": 840,
        "customerAccount": "A-1",
        "customerName": "Smith",
        "pricePowerOfTenMultiplier": -2,
        "ServiceSupplier": {"email": "a@example.com", "providerID": 7},
        "CustomerAgreement": [
            {
                "serviceAccount": "S-1",
                "serviceLocation": "Home",
                "BillingPeriod": [{"interval": period(-86_400, 2 * 86_400), "billToDate": 12}],
                "HistoricalReading": [{**read, "BillingReadingSet": [sets]}],
                "ProjectionReading": [{**read, "BillingReadingSet": [sets]}],
                "TargetReading": [{**read, "BillingReadingSet": [sets]}],
            }
        ],
    }
    bill = utility.add("/bill", account, **own)
    prepayment = {
        "description": "Prepaid",
        "prepayMode": 1,
        "AccountBalance": {
            "availableCredit": {"monetaryUnit": 840, "value": 100, "multiplier": -2},
            "emergencyCredit": {"monetaryUnit": 840, "value": 10, "multiplier": -2},
        },
        "PrepayOperationStatus": {"serviceStatus": 0},
        "SupplyInterruptionOverride": [{"interval": period(), "description": "Holiday"}],
        "CreditRegister": [
            {
                "creditAmount": {"monetaryUnit": 840, "value": 5, "multiplier": 0},
                "effectiveTime": now,
                "token": "t",
            }
        ],
    }
    ppy = utility.add("/ppy", prepayment, **own)
    file = {
        "fileURI": f"{plant.wire.server}/file/1/content",
        "mfID": 40_732,
        "mfModel": "Sunny",
        "mfVer": "2",
        "size": 1_000,
        "type": "0000",
        "activateTime": now,
    }
    file_path = utility.add("/file", file)

    utility.group(
        "All", plant.lfdi, assigned=(program, dr, tp, messages, file_path, bill, ppy, upt, "/rsps/1")
    )
    for place, body in device(plant, now, period, component, dr, file_path).items():
        utility.do("PUT" if isinstance(body, dict) else "POST", f"/resources{me}{place}", body)
    wish = utility.do("GET", f"/resources{me}/frq")["FlowReservationRequest"][0]
    amounts = {"energyAvailable": wish["energyRequested"], "powerAvailable": wish["powerRequested"]}
    reservation = utility.add(
        f"{me}/frp", {"interval": period(600, 3_600), "subject": wish["mRID"], **amounts}
    )
    interface = utility.do("GET", f"/resources{me}/ns")["IPInterface"][0]["href"]
    utility.add(f"{interface}/addr", {"address": "00000000000000000000FFFFC0000201"})
    address = utility.do("GET", f"/resources{interface}/addr")["IPAddr"][0]["href"]
    rpl = {"DODAGid": 1, "DODAGroot": True, "flags": 0, "groundedFlag": True, "MOP": 0, "PRF": 0, "rank": 1}
    rpl |= {"RPLInstanceID": 1, "versionNumber": 1}
    instance = utility.add(f"{address}/rpl", rpl)
    utility.add(f"{instance}/srt", {"DestAddress": "01", "SourceRoute": "02"})
    layer = {
        "CRCerrors": 0,
        "EUI64": "0011223344556677",
        "linkLayerType": 3,
        "IEEE_802_15_4": {"capabilityInfo": "01", "shortAddress": 1},
    }
    link_layer = utility.add(f"{interface}/ll", layer)
    utility.add(f"{link_layer}/nbh", {"isChild": True, "linkQuality": 200, "shortAddress": 2})

    events = {
        "DERControlResponse": control,
        "DrResponse": edc,
        "PriceResponse": interval["href"],
        "TextResponse": message,
        "FlowReservationResponseResponse": reservation,
    }
    for kind, href in events.items():
        event = plant.wire.get(href)
        answer = {
            "createdDateTime": now,
            "endDeviceLFDI": plant.lfdi,
            "status": 1,
            "subject": text(event, "mRID"),
        }
        plant.wire.post(event.get("replyTo"), kind, answer)
    lab.utility.do("PUT", f"/resources{meter}/r", {"value": 42, "qualityFlags": "0001"})
    lab.subscribe(plant, "/edev")
    mirror = {
        "mRID": f"{plant.lfdi[:24]}00000001",
        "roleFlags": "0009",
        "serviceCategoryKind": 0,
        "status": 1,
        "deviceLFDI": plant.lfdi,
        "MirrorMeterReading": {
            "mRID": f"{plant.lfdi[:24]}00000002",
            "Reading": {"value": 5},
            "ReadingType": {"kind": 37, "uom": 38},
        },
    }
    plant.wire.post("/mup", "MirrorUsagePoint", mirror)
    return plant


def device(plant: Plant, now: int, period: Any, component: str, dr: str, file: str) -> dict[str, Any]:
    """Return what stands below an EndDevice, by place; a list is posted."""
    state = {"dateTime": now, "value": 1}
    return {
        "/cfg": {
            "currentLocale": "en-US",
            "userDeviceName": "Heater",
            "PowerConfiguration": {"batteryInstallTime": now, "lowChargeThreshold": 600},
            "TimeConfiguration": {
                "dstEndRule": "B40E2000",
                "dstOffset": 3_600,
                "dstStartRule": "360E2000",
                "tzOffset": -28_800,
            },
        },
        "/cfg/prcfg": [
            {"consumeThreshold": 5, "maxReductionThreshold": 50, "RateComponentLink": {"href": component}}
        ],
        "/di": {
            "lFDI": plant.lfdi,
            "mfDate": now,
            "mfHwVer": "1",
            "mfID": 40_732,
            "mfModel": "Sunny",
            "mfSerNum": "1",
            "primaryPower": 1,
            "secondaryPower": 0,
            "swActTime": now,
            "swVer": "1",
        },
        "/di/loc": [{"locale": "en-US"}],
        "/dstat": {"opState": 2, "Temperature": [{"multiplier": 0, "subject": 0, "value": 25}]},
        "/ps": {"batteryStatus": 1, "currentPowerSource": 1},
        "/ns": [{"ifDescr": "eth0", "ifIndex": 1, "ifMtu": 1_500}],
        "/lel": [
            {
                "functionSet": 0,
                "logEventCode": 1,
                "logEventID": 1,
                "logEventPEN": 40_732,
                "profileID": 2,
            }
        ],
        "/fs": {
            "activateTime": now,
            "FileLink": {"href": file},
            "loadPercent": 100,
            "nextRequestAttempt": now,
            "request503Count": 0,
            "requestFailCount": 0,
            "status": 3,
        },
        "/lsl": [
            {
                "availabilityDuration": 3_600,
                "DemandResponseProgramLink": {"href": dr},
                "sheddablePercent": 5_000,
                "sheddablePower": WATTS,
            }
        ],
        "/frq": [
            {
                "energyRequested": {"multiplier": 0, "value": 20_000},
                "intervalRequested": period(600, 7_200),
                "powerRequested": {"multiplier": 0, "value": 7_000},
                "RequestStatus": {"dateTime": now, "requestStatus": 0},
            }
        ],
        "/cp": {"connectionPointId": "1234567890"},
        "/der/1/dercap": {
            "modesSupported": "01900028",
            "rtgMaxW": WATTS,
            "type": 4,
            "doeModesSupported": "0F",
        },
        "/der/1/derg": {"setGradW": 100, "setMaxW": WATTS, "doeModesEnabled": "0F"},
        "/der/1/ders": {
            "genConnectStatus": {"dateTime": now, "value": "07"},
            "inverterStatus": state,
            "manufacturerStatus": {"dateTime": now, "value": "ok"},
            "alarmStatus": "00000000",
        },
        "/der/1/dera": {"availabilityDuration": 600, "statWAvail": WATTS},
    }
