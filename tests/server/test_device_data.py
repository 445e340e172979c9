"""What devices write about themselves: what is kept, in which order, once, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from openesi.errors import LocalError
from openesi.sep2 import model as sep
from openesi.sep2 import xml
from openesi.sep2.editions import EDITIONS
from openesi.server import operator
from openesi.server.functions import log_event
from openesi.server.functions.base import MEMBERS, RINGS
from openesi.server.functions.time import ClockWatch
from openesi.server.settings import MAX_POST_RATE_S
from server.esi import START, Esi, lfdi_of, location
from server.hand import merge, put, write

OTHER = 2
AUSTRALIAN = EDITIONS["csip-aus-1.2"]


@pytest.fixture
def esi(tmp_path: Path) -> Iterator[Esi]:
    server = Esi(tmp_path)
    server.register(1)
    server.register(OTHER)
    yield server
    server.close()


def information(**fields: Any) -> sep.DeviceInformation:
    values = {
        "lFDI": lfdi_of(1), "mfDate": START, "mfHwVer": "1", "mfID": 37244, "mfModel": "Sunny",
        "mfSerNum": "17", "primaryPower": 1, "secondaryPower": 0, "swActTime": START, "swVer": "2.1",
    }  # fmt: skip
    return sep.DeviceInformation(**(values | fields))


def log(number: int = 1, **fields: Any) -> sep.LogEvent:
    values = {
        "createdDateTime": START, "functionSet": 11, "logEventCode": 2, "logEventID": number,
        "logEventPEN": 40732, "profileID": 2,
    }  # fmt: skip
    return sep.LogEvent(**(values | fields))


def configuration(**fields: Any) -> sep.Configuration:
    return sep.Configuration(**({"currentLocale": "en-US", "userDeviceName": "Roof"} | fields))


def instance(number: int) -> sep.RPLInstance:
    return sep.RPLInstance(
        DODAGid=number, DODAGroot=False, flags=0, groundedFlag=True, MOP=1, PRF=0, rank=256,
        RPLInstanceID=1, versionNumber=1,
    )  # fmt: skip


def link_layer(number: int, **fields: Any) -> sep.LLInterface:
    radio = sep.IEEE_802_15_4(capabilityInfo=b"\x00", shortAddress=number)
    values = {"CRCerrors": 0, "EUI64": bytes((number,)), "IEEE_802_15_4": radio, "linkLayerType": 3}
    return sep.LLInterface(**(values | fields))


def network(esi: Esi) -> dict[str, str]:
    """Post one of each of the network status; return where they stand."""
    interface = location(esi.post("/edev/1/ns", sep.IPInterface(ifIndex=1)))
    address = location(esi.post(f"{interface}/addr", sep.IPAddr(address=b"\xfe\x80" + bytes(14))))
    routing = location(esi.post(f"{address}/rpl", instance(1)))
    layer = location(esi.post(f"{interface}/ll", link_layer(1)))
    return {"ns": interface, "addr": address, "rpl": routing, "ll": layer}


PEV = sep.PEVInfo(
    chargingPowerNow=sep.ActivePower(multiplier=0, value=7_000),
    energyRequestNow=sep.RealEnergy(multiplier=3, value=20),
    maxForwardPower=sep.ActivePower(multiplier=0, value=11_000),
    minimumChargingDuration=7_200,
    targetStateOfCharge=8_000,
    timeChargeIsNeeded=START + 36_000,
    timeChargingStatusPEV=START,
)

# What a device puts, and what of it is refused; each field is out of its bounds or at odds with another.
SINGLE: dict[str, tuple[sep.Sep, list[dict[str, Any]]]] = {
    "/edev/1/di": (
        information(gpsLocation=sep.GPSLocationType(lat="48.1", lon="11.5")),
        [
            {"lFDI": lfdi_of(OTHER)},
            {"gpsLocation": sep.GPSLocationType(lat="91", lon="0")},
            {"gpsLocation": sep.GPSLocationType(lat="north", lon="0")},
        ],
    ),
    "/edev/1/dstat": (
        sep.DeviceStatus(
            changedTime=START,
            opState=2,
            Temperature=(sep.Temperature(multiplier=-1, subject=2, value=415),),
        ),
        [{"Temperature": (sep.Temperature(multiplier=0, subject=0, value=20),) * 33}],
    ),
    "/edev/1/ps": (
        sep.PowerStatus(
            batteryStatus=1, changedTime=START, currentPowerSource=1,
            estimatedChargeRemaining=9_000, PEVInfo=PEV,
        ),
        [
            {"estimatedChargeRemaining": 10_001},
            {"PEVInfo": sep.replace(PEV, targetStateOfCharge=10_001)},
        ],
    ),
    "/edev/1/cfg": (
        configuration(TimeConfiguration=sep.TimeConfiguration(
            dstEndRule=b"\xff" * 4, dstOffset=3_600, dstStartRule=b"\xff" * 4, tzOffset=-28_800
        )),
        [
            {"currentLocale": "english (US)"},
            {"currentLocale": ""},
            {
                "TimeConfiguration": sep.TimeConfiguration(
                    dstEndRule=b"\0", dstOffset=3_600, dstStartRule=b"\0", tzOffset=60_000
                )
            },
            {
                "TimeConfiguration": sep.TimeConfiguration(
                    dstEndRule=b"\0", dstOffset=10_000, dstStartRule=b"\0", tzOffset=0
                )
            },
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("path", SINGLE)
def test_single_resources_are_put_read_back_and_refused(esi: Esi, path: str) -> None:
    right, wrong = SINGLE[path]
    assert esi.put(path, right).status == 204
    shown = esi.get(path)
    servers = ("Link", "subscribable", "pollRate")
    kept = {name: getattr(shown, name) for name in right.__struct_fields__ if not name.endswith(servers)}
    assert kept == {name: path if name == "href" else getattr(right, name) for name in kept}

    body = xml.serialize(right)
    refused = [xml.serialize(sep.replace(right, **fields)) for fields in wrong]
    refused += [xml.serialize(sep.Error(reasonCode=0)), body[: len(body) // 2], body.replace(b">", b">x", 2)]
    for one in refused:
        assert esi.ask("PUT", path, one).status == 400, one
    for method in ("POST", "DELETE"):
        expected = (204,) if method == "DELETE" and path.endswith(("/di", "/dstat")) else (405,)
        if expected == (405,):
            assert esi.ask(method, path, body if method == "POST" else b"").status == 405
    assert esi.put(path, right, device=OTHER).status == 404
    assert esi.put(path, right, device=9).status == 404
    assert esi.get(path) == shown


POSTED = {
    "/edev/1/di/loc": lambda: sep.SupportedLocale(locale="de"),
    "/edev/1/lel": lambda: log(details="x", extendedData=1),
    "/edev/1/ns": lambda: sep.IPInterface(
        ifIndex=9, ifName="eth0", ifMtu=1_500, ifPromiscuousMode=False, lastResetTime=START
    ),
    "/edev/1/ns/1/addr": lambda: sep.IPAddr(address=b"\1"),
    "/edev/1/ns/1/addr/1/rpl": lambda: instance(9),
    "/edev/1/ns/1/addr/1/rpl/1/srt": lambda: sep.RPLSourceRoutes(DestAddress=b"\1", SourceRoute=b"\2"),
    "/edev/1/ns/1/ll": lambda: link_layer(9, LLFramesRx=1),
    "/edev/1/ns/1/ll/1/nbh": lambda: sep.Neighbor(isChild=False, linkQuality=1, shortAddress=9),
}


@pytest.mark.parametrize("path", [*SINGLE, *POSTED])
def test_every_element_is_held_to_its_bounds(esi: Esi, path: str) -> None:
    network(esi)
    method = "PUT" if path in SINGLE else "POST"
    right = xml.serialize(SINGLE[path][0] if path in SINGLE else POSTED[path]())
    before = esi.ask("GET", f"{path}?l=255").body
    elements = list(re.finditer(rb"<(\w+)>([^<]+)</\1>", right))
    assert elements
    for found in elements:
        for wrong in (b"9" * 199, b"<more/>", b"\xff"):  # beyond every number, text and run of octets
            text = b"<%b>%b</%b>" % (found[1], wrong, found[1])
            body = right[: found.start()] + text + right[found.end() :]
            assert esi.ask(method, path, body).status == 400, body
    assert esi.ask(method, path, right, device=OTHER).status == 404
    assert esi.ask(method, path, right, device=None).status == 403
    assert esi.ask("GET", f"{path}?l=255").body == before
    assert esi.ask(method, path, right).status in (201, 204)


# --- lists -------------------------------------------------------------------------------------------------

LISTS: dict[str, tuple[Callable[[int], sep.Sep], Callable[[Any], Any]]] = {
    "SupportedLocaleList": (
        lambda number: sep.SupportedLocale(locale=f"en-x-{number:03}"),
        lambda one: one.locale,
    ),
    "IPInterfaceList": (lambda number: sep.IPInterface(ifIndex=number), lambda one: one.ifIndex),
    "IPAddrList": (lambda number: sep.IPAddr(address=number.to_bytes(16, "big")), lambda one: one.address),
    "RPLInstanceList": (instance, lambda one: one.DODAGid),
    "RPLSourceRoutesList": (
        lambda number: sep.RPLSourceRoutes(DestAddress=b"\1" * 16, SourceRoute=number.to_bytes(16, "big")),
        lambda one: one.SourceRoute,
    ),
    "LLInterfaceList": (link_layer, lambda one: one.EUI64),
    "NeighborList": (
        lambda number: sep.Neighbor(isChild=False, linkQuality=9, shortAddress=number),
        lambda one: one.shortAddress,
    ),
}


def place_of(esi: Esi, name: str) -> str:
    places = network(esi)
    return {
        "SupportedLocaleList": "/edev/1/di/loc",
        "IPInterfaceList": "/edev/1/ns",
        "IPAddrList": f"{places['ns']}/addr",
        "RPLInstanceList": f"{places['addr']}/rpl",
        "RPLSourceRoutesList": f"{places['rpl']}/srt",
        "LLInterfaceList": f"{places['ns']}/ll",
        "NeighborList": f"{places['ll']}/nbh",
    }[name]


@pytest.mark.parametrize("name", LISTS)
def test_lists_of_a_device_are_ordered_bounded_and_hold_nothing_twice(esi: Esi, name: str) -> None:
    make, key = LISTS[name]
    listing = place_of(esi, name)
    shown = esi.get(f"{listing}?l=255")
    room = MEMBERS[name] - shown.all
    numbers = list(range(60 + room, 60, -1))
    for number in numbers:
        assert esi.post(listing, make(number)).status == 201
    assert esi.post(listing, make(60)).status == 400  # full
    first = esi.post(listing, make(61))
    assert first.status == 201  # there already, as it is
    assert esi.get(f"{listing}?l=0").all == MEMBERS[name]

    member = type(make(1)).__name__
    keys = [key(one) for one in getattr(esi.get(f"{listing}?l=255"), member)]
    assert keys == sorted(keys)
    again = esi.put(location(first), make(62))
    assert again.status == (409 if room > 1 else 204)
    assert esi.post(listing, sep.Error(reasonCode=0)).status == 400
    assert esi.post(listing, make(200), device=OTHER).status == 404
    assert esi.ask("DELETE", location(first), device=OTHER).status == 404
    assert esi.ask("DELETE", location(first)).status == 204
    assert esi.ask("GET", location(first)).status == 404
    assert esi.post(f"{listing.rpartition('/')[0]}9/x", make(1)).status == 404


def test_counters_that_are_posted_again_replace_the_old_ones(esi: Esi) -> None:
    places = network(esi)
    again = esi.post(f"{places['ns']}/ll", link_layer(1, CRCerrors=5))

    assert (again.status, location(again)) == (204, places["ll"])
    assert esi.get(places["ll"]).CRCerrors == 5
    assert esi.get(f"{places['ns']}/ll").all == 1


def test_the_neighbours_of_a_radio_are_linked_and_go_with_it(esi: Esi) -> None:
    places = network(esi)
    given = sep.IEEE_802_15_4(
        capabilityInfo=b"\0", shortAddress=1, NeighborListLink=sep.NeighborListLink(href="http://evil", all=7)
    )
    esi.put(places["ll"], link_layer(1, IEEE_802_15_4=given))
    link = esi.get(places["ll"]).IEEE_802_15_4.NeighborListLink
    assert (link.href, link.all) == (f"{places['ll']}/nbh", 0)
    esi.post(link.href, sep.Neighbor(isChild=True, linkQuality=1, shortAddress=3))

    assert esi.get(places["ll"]).IEEE_802_15_4.NeighborListLink.all == 1
    assert esi.get(f"{places['ns']}/ll?l=5").LLInterface[0].IEEE_802_15_4.NeighborListLink.all == 1
    assert esi.ask("DELETE", places["ns"]).status == 204
    assert esi.ask("GET", link.href).status == 404


@pytest.mark.parametrize(
    ("locale", "status"),
    [
        ("de", 201), ("en-US", 201), ("zh-Hant-TW", 201), ("sl-rozaj", 201), ("de-CH-1901", 201),
        ("x-whatever", 201), ("es-419", 201), ("", 400), ("e", 400), ("en_US", 400), ("en-", 400),
        ("deutsch und mehr", 400), ("de-" + "a" * 40, 400),
    ],
)  # fmt: skip
def test_locales_are_language_tags(esi: Esi, locale: str, status: int) -> None:
    body = xml.serialize(sep.SupportedLocale(locale="xx")).replace(b"xx", locale.encode())

    assert esi.ask("POST", "/edev/1/di/loc", body).status == status


def test_a_locale_is_there_once_however_it_is_spelt(esi: Esi) -> None:
    esi.post("/edev/1/di/loc", sep.SupportedLocale(locale="en-us"))
    esi.post("/edev/1/di/loc", sep.SupportedLocale(locale="en-US"))

    assert [one.locale for one in esi.get("/edev/1/di/loc?l=9").SupportedLocale] == ["en-US"]
    assert esi.get("/edev/1/di").SupportedLocaleListLink.all == 1


def test_a_client_that_was_not_told_its_lfdi_may_leave_it_zero(esi: Esi) -> None:
    assert esi.put("/edev/1/di", information(lFDI=b"\0")).status == 204
    assert esi.get("/edev/1/di").lFDI == lfdi_of(1)


# --- log ---------------------------------------------------------------------------------------------------


def test_a_log_event_that_is_sent_again_is_there_once(esi: Esi) -> None:
    first = esi.post("/edev/1/lel", log(details="over-voltage"))
    again = esi.post("/edev/1/lel", log(details="over-voltage"))
    other = esi.post("/edev/1/lel", log(logEventCode=3))

    assert (first.status, again.status, other.status) == (201, 201, 201)
    assert location(again) == location(first)
    assert esi.get("/edev/1/lel").all == 2
    for second in range(RINGS["LogEventList"] + 5):
        esi.post("/edev/1/lel", log(second, createdDateTime=START + second))
    newest = esi.get("/edev/1/lel?l=255")
    assert newest.all == RINGS["LogEventList"]
    times = [one.createdDateTime for one in newest.LogEvent]
    assert times == sorted(times, reverse=True)
    assert esi.get(f"/edev/1/lel?a={START + RINGS['LogEventList'] + 2}&l=9").results == 2


@pytest.mark.parametrize(
    "wrong",
    [b"<logEventID>65536</logEventID>", b"<logEventID>-1</logEventID>", b"<logEventID></logEventID>", b""],
)
def test_log_events_out_of_bounds_are_refused(esi: Esi, wrong: bytes) -> None:
    body = xml.serialize(log()).replace(b"<logEventID>1</logEventID>", wrong)

    assert esi.ask("POST", "/edev/1/lel", body).status == 400
    assert esi.ask("POST", "/edev/1/lel", xml.serialize(log()), device=OTHER).status == 404
    assert esi.get("/edev/1/lel").all == 0


def own_log(esi: Esi) -> list[tuple[int, int, str | None]]:
    listed = esi.get("/sdev/lel?l=255").LogEvent
    return [(one.functionSet, one.logEventCode, one.details) for one in listed]


def test_the_server_notes_what_changes_a_configuration(esi: Esi) -> None:
    assert esi.put("/edev/1/cfg", configuration()).status == 204
    assert esi.put("/edev/1/cfg", configuration()).status == 204
    assert own_log(esi) == [(18, 0, "/edev/1/cfg")]
    esi.now += 61
    merge(esi, "/edev/1/cfg", {"userDeviceName": "Garage"})
    assert esi.get("/edev/1/cfg").userDeviceName == "Garage"
    assert own_log(esi) == [(18, 0, "/edev/1/cfg")] * 2


def test_nobody_can_push_what_others_did_out_of_the_servers_log(esi: Esi) -> None:
    for second in range(40):
        esi.put("/edev/1/cfg", configuration(userDeviceName=str(second)))
    assert len(own_log(esi)) == log_event.NOTES_A_MINUTE
    numbers = [one.logEventID for one in esi.get("/sdev/lel?l=255").LogEvent]
    assert numbers == list(range(log_event.NOTES_A_MINUTE - 1, -1, -1))

    def fill(tx: Any) -> None:
        for minute in range(70 * 15):
            log_event.note(tx, START + 60 * minute, esi.settings, log_event.TIME_ADJUSTED)

    esi.change(fill)
    assert esi.get("/sdev/lel").all == RINGS["SelfLogEventList"]


def test_a_clock_that_is_set_is_noted_and_one_that_runs_is_not(esi: Esi) -> None:
    watch = ClockWatch(START, 10.0)
    steps = [watch.look(START + 1, 11.0), watch.look(START + 3_601, 11.5), watch.look(START + 3_602, 13.0)]
    assert steps == [0.0, 3_599.5, 0.0]
    assert watch.look(START, 14.0) == -3_603.0

    esi.runner.run(esi.application.note_clock_step(-3_603.0))
    assert own_log(esi) == [(12, 0, "-3603 s")]
    assert esi.get("/sdev/lel").LogEvent[0].extendedData == 3_603


def test_a_revoked_certificate_is_noted_but_not_named(esi: Esi) -> None:
    esi.change(lambda tx: operator.revoke(tx, lfdi_of(OTHER)))
    for _ in range(3):
        assert esi.ask("GET", "/dcap", device=OTHER).status == 403

    assert own_log(esi) == [(19, 0, None)]
    event = esi.get("/sdev/lel?l=1").LogEvent[0]
    assert (event.profileID, event.logEventPEN) == (1, esi.settings.pen)


def test_devices_that_come_and_go_in_band_are_noted(esi: Esi) -> None:
    device = sep.EndDevice(lFDI=lfdi_of(5), sFDI=operator.identity.sfdi_from_lfdi(lfdi_of(5)), changedTime=0)
    place = location(esi.post("/edev", device, device=5))
    assert esi.ask("DELETE", place, device=5).status == 204

    assert own_log(esi) == [(19, 2, place), (19, 1, place)]


# --- configuration of prices -------------------------------------------------------------------------------


def test_prices_are_set_once_for_each_rate_component_that_is_there(esi: Esi) -> None:
    component = {"flowRateStartLimit": None, "roleFlags": "00", "ReadingType": {"uom": 72}}
    tariff = {
        "serviceCategoryKind": 0, "primacy": 1, "currency": 840, "pricePowerOfTenMultiplier": -2,
        "RateComponent": [component],
    }  # fmt: skip
    rate = write(esi, "/tp", tariff) + "/rc/1"
    listing = "/edev/1/cfg/prcfg"

    def prices(low: int, high: int, href: str = rate) -> sep.PriceResponseCfg:
        link = sep.RateComponentLink(href=href)
        return sep.PriceResponseCfg(consumeThreshold=low, maxReductionThreshold=high, RateComponentLink=link)

    first = esi.post(listing, prices(10, 30))
    assert first.status == 201
    assert esi.post(listing, prices(12, 30)).status == 204
    assert [one.consumeThreshold for one in esi.get(f"{listing}?l=9").PriceResponseCfg] == [12]
    for href in ("/tp/9/rc/1", "/derp/1", "https://elsewhere/", "nonsense"):
        assert esi.post(listing, prices(10, 30, href)).status == 400
    assert esi.put(location(first), prices(50, 30)).status == 204  # void, but the device's own affair
    with pytest.raises(LocalError, match="not below"):
        merge(esi, location(first), {"consumeThreshold": 40, "maxReductionThreshold": 40})
    assert esi.ask("DELETE", location(first)).status == 204
    assert esi.get("/edev/1/cfg").PriceResponseCfgListLink.all == 0


# --- rates and sites ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("proposed", "decided"), [(None, None), (0, None), (60, 60), (10**9, MAX_POST_RATE_S)]
)
def test_a_device_proposes_its_rate_and_the_server_decides(
    esi: Esi, proposed: int | None, decided: int | None
) -> None:
    lfdi = lfdi_of(5)
    device = sep.EndDevice(
        lFDI=lfdi, sFDI=operator.identity.sfdi_from_lfdi(lfdi), changedTime=0, postRate=proposed
    )
    place = location(esi.post("/edev", device, device=5))
    assert esi.get(place, device=5).postRate == decided
    merge(esi, place, {"postRate": 900})
    assert esi.put(place, device, device=5).status == 204
    assert esi.get(place, device=5).postRate == 900


def test_the_rate_of_a_mirror_is_the_servers_once_it_stands(esi: Esi) -> None:
    mirror = sep.MirrorUsagePoint(
        mRID=b"\1", roleFlags=b"\0", serviceCategoryKind=0, status=1, deviceLFDI=lfdi_of(1), postRate=5
    )
    place = location(esi.post("/mup", mirror))
    assert esi.get(place).postRate == 5
    merge(esi, place, {"postRate": 60})
    assert esi.post("/mup", mirror).status == 204
    assert esi.get(place).postRate == 60


@pytest.fixture
def site(esi: Esi) -> Callable[[str | None], int]:
    """Put an identifier of the site as an Australian device does (None: ask for it); return the status."""
    esi.change(lambda tx: operator.set_edition(tx, lfdi_of(1), AUSTRALIAN.name))

    def ask(identifier: str | None) -> int:
        path = esi.get("/edev/1", edition=AUSTRALIAN).ConnectionPointLink.href
        if identifier is None:
            return esi.ask("GET", path).status
        body = xml.serialize(sep.ConnectionPoint(connectionPointId=identifier), AUSTRALIAN)
        response = esi.ask("PUT", path, body)
        if response.status == 201:
            assert location(response) == path
        return response.status

    return ask


def changed(esi: Esi) -> int:
    moment: int = esi.get("/edev/1", edition=AUSTRALIAN).changedTime
    return moment


def test_a_device_moves_to_another_connection_point(
    esi: Esi, site: Callable[[str | None], int], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "openesi.server")
    assert site("2001985732") == 201
    esi.now += 100
    before = changed(esi)
    assert site("2001985732") == 204
    assert changed(esi) == before, "the same again changes nothing"
    assert site("3075621875") == 204
    assert esi.get("/edev/1/cp", edition=AUSTRALIAN).connectionPointId == "3075621875"
    assert changed(esi) == esi.now > before
    for turn in range(40):
        assert site(("2001985732", "3075621875")[turn % 2]) == 204
    moves = [record.getMessage() for record in caplog.records if "moved" in record.getMessage()]
    assert "from='2001985732' to='3075621875'" in moves[0]
    assert len(moves) <= 15, "who goes back and forth fills no log"


def test_the_connection_point_of_a_device_is_fixed(esi: Esi, site: Callable[[str | None], int]) -> None:
    esi.settings = replace(esi.settings, fixed_connection_points=True)
    esi.restart()
    assert site(None) == 404
    assert site("2001985732") == 201
    assert site("2001985732") == 204
    assert site("3075621875") == 409
    assert esi.get("/edev/1/cp", edition=AUSTRALIAN).connectionPointId == "2001985732"
    put(esi, "/edev/1/cp", {"connectionPointId": "QAAAVZZZZZ3"})
    assert esi.get("/edev/1/cp", edition=AUSTRALIAN).connectionPointId == "QAAAVZZZZZ3"


@pytest.mark.parametrize(
    "wrong", ["", "1", "200198573", "20019857321", "2001985732888", "2001-98573", "200198573O", "x" * 33]
)
def test_malformed_connection_points_are_refused(
    esi: Esi, site: Callable[[str | None], int], wrong: str
) -> None:
    body = xml.serialize(sep.ConnectionPoint(connectionPointId="2001985732"), AUSTRALIAN)

    assert esi.ask("PUT", "/edev/1/cp", body.replace(b"2001985732", wrong.encode())).status == 400
    assert site(None) == 404


def test_connection_points_are_there_in_australia_alone(esi: Esi) -> None:
    body = xml.serialize(sep.ConnectionPoint(connectionPointId="2001985732"), AUSTRALIAN)

    assert esi.get("/edev/1").ConnectionPointLink is None
    assert esi.ask("PUT", "/edev/1/cp", body).status in (400, 404)
    assert esi.ask("GET", "/edev/1/cp").status == 404
