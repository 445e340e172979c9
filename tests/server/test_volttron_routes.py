"""A device made for VOLTTRON's SEP2 agent, unchanged: its paths, its XML, over plain HTTP on loopback."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openesi.sep2 import identity, xml
from openesi.sep2 import model as sep
from openesi.sep2.editions import VOLTTRON
from openesi.sep2.errors import DecodeError
from openesi.server import operator
from openesi.server.volttron import loose, routes
from openesi.server.volttron.paths import agent_path, place_of
from sunspec.charger import EXPECTED, LFDI, RAW, READINGS, SFDI
from web.house import House, house_in

NS = "{http://zigbee.org/sep}"
XMLNS = 'xmlns="http://zigbee.org/sep"'
OTHER = bytes.fromhex("2990c58a59935a7d5838c952b1a453c967341a07")
POINT = "b124_WChaMax"
NINES = "9" * 5_000


def scaled(name: str, multiplier: int, value: int) -> str:
    return f"<{name}><multiplier>{multiplier}</multiplier><value>{value}</value></{name}>"


def status(name: str, value: int) -> str:
    return f"<{name}><dateTime>1416270124</dateTime><value>{value}</value></{name}>"


# What VOLTTRON's test posted, in its order and with what it left out; its documentation's example has the
# last second of 64 bits.
POSTED = {
    "di": f"""<DeviceInformation {XMLNS}><functionsImplemented>0145</functionsImplemented>
        <lFDI>5509D69F8B353595206AD71B47E27906318EA367</lFDI><mfDate>1388566800</mfDate>
        <mfHwVer>MF-HW: 1.0.0</mfHwVer><mfID>37250</mfID><mfInfo>Mf Information</mfInfo>
        <mfModel>Mf Model</mfModel><mfSerNum>1234567890</mfSerNum><primaryPower>2</primaryPower>
        <secondaryPower>0</secondaryPower><swActTime>1416107035</swActTime>
        <swVer>9bc8e7b_modified</swVer></DeviceInformation>""",
    "der/1/derg": f"""<DERSettings {XMLNS}><setGradW>55000</setGradW>{scaled("setMaxChargeRate", 1, 2)}
        {scaled("setMaxDischargeRate", 3, 4)}{scaled("setMaxW", 1, 1)}<setStorConnect>true</setStorConnect>
        <updatedTime>1416307137</updatedTime></DERSettings>""",
    "der/1/ders": f"""<DERStatus {XMLNS}>{status("inverterStatus", 777)}
        {status("localControlModeStatus", 777)}<readingTime>1416270124</readingTime>
        {status("stateOfChargeStatus", 777)}{status("storConnectStatus", 777)}</DERStatus>""",
    "der/1/dera": f"""<DERAvailability {XMLNS}><availabilityDuration>55036</availabilityDuration>
        <maxChargeDuration>3</maxChargeDuration><reserveChargePercent>10000</reserveChargePercent>
        <reservePercent>10000</reservePercent>{scaled("statWAvail", 1, 1)}</DERAvailability>""",
    "der/1/dercap": f"""<DERCapability {XMLNS}><modesSupported>01</modesSupported>{scaled("rtgAh", 1, 35)}
        {scaled("rtgA", 1, 33)}{scaled("rtgMaxChargeRate", 1, 22)}{scaled("rtgMaxDischargeRate", 1, 1)}
        <rtgMinPF><multiplier>1</multiplier><displacement>1</displacement></rtgMinPF>
        {scaled("rtgW", 1, 1)}{scaled("rtgWh", 1, 123)}<type>85</type></DERCapability>""",
    "ps": f"""<PowerStatus {XMLNS}><batteryStatus>0</batteryStatus><currentPowerSource>3</currentPowerSource>
        <PEVInfo>{scaled("chargingPowerNow", 0, 3000)}{scaled("energyRequestNow", 0, 6100)}
        {scaled("maxForwardPower", 3, 7)}<minimumChargingDuration>4337</minimumChargingDuration>
        <targetStateOfCharge>1000</targetStateOfCharge>
        <timeChargeIsNeeded>9223372036854775807</timeChargeIsNeeded></PEVInfo>
        <totalTimeOnBattery>2</totalTimeOnBattery></PowerStatus>""",
    "dstat": f"""<DeviceStatus {XMLNS}><onCount>5</onCount><opState>0</opState><opTime>0</opTime>
        </DeviceStatus>""",
}


def meter_reading(name: str, value: int, power: int | None, *, root: str = "") -> str:
    kind = (
        ""
        if power is None
        else f"<ReadingType><powerOfTenMultiplier>{power}</powerOfTenMultiplier></ReadingType>"
    )
    return (
        f"<MirrorMeterReading{root}><mRID>0C</mRID><description>{name}</description>"
        f"<Reading><value>{value}</value></Reading>{kind}</MirrorMeterReading>"
    )


def mirror(names: list[str], lfdi: bytes = LFDI) -> str:
    readings = "".join(meter_reading(name, *READINGS[name]) for name in names)
    who = f"<mRID>0A</mRID><deviceLFDI>{lfdi.hex()}</deviceLFDI>"
    return f"<MirrorUsagePoint {XMLNS}>{who}{readings}</MirrorUsagePoint>"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house_in(Path(tmp_path_factory.mktemp("house"))) as made:
        for lfdi in (LFDI, OTHER):
            made.change(
                lambda tx, lfdi=lfdi: operator.add_device(
                    tx, lfdi, pin=130178, now=int(made.clock()), settings=made.settings
                )
            )
        yield made


@pytest.fixture(scope="module")
def agent(house: House) -> Iterator[httpx2.Client]:
    """Talk to the agent's paths, as its devices do."""
    serving = routes.serving(house.service, port=0)
    url = house.run(serving.__aenter__())
    headers = {"content-type": "application/sep+xml"}
    with httpx2.Client(base_url=url.removesuffix("/dcap"), headers=headers, timeout=10) as client:
        yield client
    house.run(serving.__aexit__(None, None, None))


@pytest.fixture
def api(house: House) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=house.url, timeout=10) as client:
        yield client


@pytest.fixture(scope="module")
def charger(agent: httpx2.Client) -> None:
    """Post all that VOLTTRON's test posted."""
    for method in ("POST", "PUT"):
        for place, text in POSTED.items():
            answer = agent.request(method, f"/dcap/edev/0/{place}", content=text)
            assert (answer.status_code, answer.content) == (204, b""), (place, answer)
    names = list(READINGS)
    made = agent.post("/dcap/mup", content=mirror(names[:5]))
    assert (made.status_code, made.headers["location"]) == (201, "/dcap/mup/0")
    assert agent.post("/dcap/mup/0", content=mirror(names[5:7])).status_code == 201
    last = meter_reading(names[7], *READINGS[names[7]], root=f" {XMLNS}")
    answer = agent.put("/dcap/mup/0", content=last)
    assert (answer.status_code, answer.headers["location"]) == (201, "/dcap/mup/0")


def read(answer: httpx2.Response) -> sep.Sep:
    assert answer.status_code == 200, answer
    assert answer.headers["content-type"] == "application/sep+xml"
    assert XMLNS.encode() in answer.content
    return xml.parse(answer.content, VOLTTRON)


def points(api: httpx2.Client) -> dict[str, object]:
    values: dict[str, object] = api.get(f"/api/points/{SFDI:012d}").json()["values"]
    return values


@pytest.mark.usefixtures("charger")
def test_all_points_of_the_old_test_come_out(api: httpx2.Client) -> None:
    assert points(api) == {**EXPECTED, "b1_Opt": LFDI.hex().upper()}
    config = f"/api/points-config/{SFDI:012d}"
    api.put(config, json={"semantics": "volttron-raw"})
    try:
        assert points(api) == {**EXPECTED, **RAW}
    finally:
        api.delete(config)


def test_before_any_post_only_the_identity_is_known(api: httpx2.Client) -> None:
    sfdi = f"{identity.sfdi_from_lfdi(OTHER):012d}"
    values = api.get(f"/api/points/{sfdi}").json()["values"]
    assert {name for name, value in values.items() if value is not None} == {"b1_Opt", "b1_SN"}


@pytest.mark.usefixtures("charger")
def test_a_set_point_reaches_the_control_at_its_old_place(agent: httpx2.Client, api: httpx2.Client) -> None:
    path = f"/api/points/{SFDI:012d}/{POINT}"
    assert agent.get("/dcap/edev/0/derc/1").status_code == 404
    seen = set()
    for value, flow in ((10, -5_000), (0, 0)):
        assert api.put(path, json={"value": value}).json()["value"] == value
        control = read(agent.get("/dcap/edev/0/derc/1"))
        assert isinstance(control, sep.DERControl)
        assert control.DERControlBase.opModFixedW == flow
        assert control.EventStatus.currentStatus == 1
        assert (control.interval.duration, control.responseRequired) == (86_400, b"\x00")
        assert len(control.mRID) == 16
        seen.add(control.mRID)
        body = agent.get("/dcap/edev/0/derc/1").content
        assert ET.fromstring(body).findtext(f"{NS}DERControlBase/{NS}opModFixedFlow") == str(flow)
        listed = read(agent.get("/dcap/edev/0/derc"))
        assert isinstance(listed, sep.DERControlList)
        assert (listed.all, listed.results, listed.DERControl) == (1, 1, (control,))
    assert len(seen) == 2
    other = read(agent.get("/dcap/edev/1/derc"))
    assert isinstance(other, sep.DERControlList)
    assert other.all == 0
    api.delete(path)
    assert agent.get("/dcap/edev/0/derc/1").status_code == 404


@pytest.mark.usefixtures("charger")
def test_every_link_of_every_answer_leads_to_an_answer(agent: httpx2.Client, api: httpx2.Client) -> None:
    api.put(f"/api/points/{SFDI:012d}/{POINT}", json={"value": 10})
    found, todo = {}, ["/dcap"]
    while todo:
        path = todo.pop()
        answer = agent.get(path)
        assert answer.status_code == 200, path
        found[path] = ET.fromstring(answer.content)
        hrefs = {one.get("href") for one in found[path].iter() if one.get("href")}
        assert all(href.startswith("/dcap") for href in hrefs if href), (path, hrefs)
        todo += [href for href in hrefs - found.keys() - set(todo) if href]
    names = {
        "/dcap", "/dcap/tm", "/dcap/sdev", "/dcap/sdev/di", "/dcap/sdev/log", "/dcap/edev", "/dcap/mup",
        "/dcap/mup/0",
        *(
            f"/dcap/edev/0{one}"
            for one in ("", "/reg", "/di", "/dstat", "/ps", "/fsa", "/fsa/0", "/derp", "/derp/1", "/der",
                        "/der/1", "/der/1/dera", "/der/1/dercap", "/der/1/derg", "/der/1/ders", "/derc",
                        "/derc/1")
        ),
    }  # fmt: skip
    assert names <= found.keys()
    assert found["/dcap/edev"].get("all") == "2"
    links = [one for page in found.values() for one in page.iter() if one.tag.endswith("ListLink")]
    assert [one.get("all") for one in links] == [found[one.get("href", "")].get("all") for one in links]
    assert found["/dcap/edev/0/reg"].findtext(f"{NS}pIN") == "130178"
    assert found["/dcap/edev/0"].findtext(f"{NS}sFDI") == str(SFDI)
    api.delete(f"/api/points/{SFDI:012d}")


@pytest.mark.usefixtures("charger")
def test_what_was_posted_is_given_back_under_its_old_names(agent: httpx2.Client) -> None:
    settings = ET.fromstring(agent.get("/dcap/edev/0/der/1/derg").content)
    assert settings.findtext(f"{NS}setMaxChargeRate/{NS}value") == "2"
    state = ET.fromstring(agent.get("/dcap/edev/0/der/1/ders").content)
    assert state.findtext(f"{NS}inverterStatus/{NS}value") == "777"
    assert state.findtext(f"{NS}storConnectStatus/{NS}value") == "777"


@pytest.mark.usefixtures("charger")
def test_lists_have_their_window(agent: httpx2.Client) -> None:
    listed = read(agent.get("/dcap/edev?s=1&l=1"))
    assert isinstance(listed, sep.EndDeviceList)
    assert (listed.all, listed.results, listed.EndDevice[0].href) == (2, 1, "/dcap/edev/1")


@pytest.mark.usefixtures("charger")
def test_a_reading_keeps_its_type_when_it_is_posted_without(agent: httpx2.Client, api: httpx2.Client) -> None:
    text = meter_reading("InstantPackTemp", 129, None, root=f" {XMLNS}")
    assert agent.post("/dcap/mup/0", content=text).status_code == 201
    assert points(api)["b403_Tmp"] == 129_000.0
    agent.post("/dcap/mup/0", content=text.replace("129", "128"))


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PUT", "/dcap/edev/0/ps", POSTED["dstat"], 400),
        ("PUT", "/dcap/edev/0/ps", "<PowerStatus", 400),
        ("PUT", "/dcap/edev/0/ps", "", 400),
        ("PUT", "/dcap/edev/0/ps", "<PowerStatus><batteryStatus>x</batteryStatus></PowerStatus>", 400),
        ("PUT", "/dcap/edev/0/ps", "<PowerStatus><batteryStatus>1000</batteryStatus></PowerStatus>", 400),
        ("PUT", "/dcap/edev/0/ps", f"<PowerStatus><changedTime>{NINES}</changedTime>" "</PowerStatus>", 400),
        ("PUT", "/dcap/edev/0/ps", '<!DOCTYPE a [<!ENTITY b "c">]><PowerStatus/>', 400),
        ("PUT", "/dcap/edev/2/ps", POSTED["ps"], 404),
        ("PUT", "/dcap/edev/-1/ps", POSTED["ps"], 404),
        ("PUT", "/dcap/edev/00/ps", POSTED["ps"], 404),
        ("PUT", f"/dcap/edev/{'9' * 30}/ps", POSTED["ps"], 404),
        ("POST", "/dcap/mup", mirror([], bytes(20)), 404),
        ("POST", "/dcap/mup/9", mirror([]), 404),
        ("PUT", "/dcap/edev/0", POSTED["ps"], 405),
        ("DELETE", "/dcap/edev/0/ps", "", 405),
        ("GET", "/dcap/edev/0/lel", "", 404),
        ("GET", "/edev/1", "", 404),
        ("GET", "/dcap/../edev/1", "", 404),
        ("GET", "/dcap/edev?l=x", "", 400),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_by_the_status(
    agent: httpx2.Client, method: str, path: str, body: str, status: int
) -> None:
    assert agent.request(method, path, content=body).status_code == status


def test_a_page_in_a_browser_cannot_write(agent: httpx2.Client) -> None:
    headers = {"origin": "http://evil.example", "content-type": "text/plain"}
    assert agent.post("/dcap/edev/0/ps", content=POSTED["ps"], headers=headers).status_code == 403


@pytest.mark.usefixtures("charger")
def test_a_certificate_that_the_proxy_hands_over_opens_its_own_paths_only(agent: httpx2.Client) -> None:
    for lfdi, status in ((OTHER, 404), (LFDI, 200)):
        headers = {"x-client-cert": lfdi.hex()}
        assert agent.get("/dcap/edev/0", headers=headers).status_code == status
        assert agent.put("/dcap/edev/0/ps", content=POSTED["ps"], headers=headers).status_code in (
            status,
            204,
        )
        assert agent.post("/dcap/mup", content=mirror([]), headers=headers).status_code in (status, 201)
    listed = read(agent.get("/dcap/edev?l=9", headers={"x-client-cert": OTHER.hex()}))
    assert isinstance(listed, sep.EndDeviceList)
    assert [one.href for one in listed.EndDevice] == ["/dcap/edev/1"]
    assert agent.get("/dcap", headers={"x-client-cert": "no"}).status_code == 400


def test_a_revoked_device_is_refused(house: House, agent: httpx2.Client) -> None:
    house.change(lambda tx: operator.revoke(tx, OTHER))
    try:
        assert agent.get("/dcap/edev/1").status_code == 403
        assert agent.put("/dcap/edev/1/ps", content=POSTED["ps"]).status_code == 403
    finally:
        house.change(lambda tx: operator.restore(tx, OTHER))


def test_the_standards_own_port_takes_none_of_it(house: House, agent: httpx2.Client) -> None:
    """A strict server must refuse 777 as a status, and knows no device by its path."""
    with pytest.raises(AssertionError, match="status=404"):
        house.ask(1, "GET", "/dcap/edev/0")
    number = (
        '<DERStatus xmlns="urn:ieee:std:2030.5:ns"><inverterStatus><dateTime>1</dateTime><value>777</value>'
    )
    with pytest.raises(Exception, match="777"):
        xml.parse(f"{number}</inverterStatus><readingTime>1</readingTime></DERStatus>".encode())


_TEXTS = st.text("<>/abdefgilnorstuvx01234567899&;# \"'=:-+", max_size=60)
_NAMES = st.sampled_from(
    [
        "batteryStatus",
        "PEVInfo",
        "chargingPowerNow",
        "value",
        "multiplier",
        "changedTime",
        "other",
        "PowerStatus",
    ]
)


@st.composite
def _elements(draw: st.DrawFn, depth: int = 3) -> str:
    name = draw(_NAMES)
    inside = draw(st.lists(_elements(depth - 1), max_size=3)) if depth else []
    text = draw(st.sampled_from(["", "1", "-5", "x", "9" * 20, " 7 ", "true"]))
    return f"<{name}>{text}{''.join(inside)}</{name}>"


@given(st.one_of(st.binary(max_size=80), _TEXTS.map(str.encode), _elements().map(str.encode)))
def test_whatever_is_posted_is_a_document_or_is_refused(data: bytes) -> None:
    with contextlib.suppress(DecodeError):
        document = loose.parse(data, (sep.PowerStatus,), now=7)
        assert isinstance(document, sep.PowerStatus)
        assert isinstance(document.changedTime, int)


@given(st.sampled_from(["inverterStatus", "storConnectStatus"]), st.integers(-(2**65), 2**65))
def test_a_status_is_kept_whole_or_refused(name: str, value: int) -> None:
    data = f"<DERStatus><{name}><value>{value}</value></{name}></DERStatus>".encode()
    with contextlib.suppress(DecodeError):
        found = getattr(loose.parse(data, (sep.DERStatus,), now=7), name).value
        assert value == (int.from_bytes(found) if isinstance(found, bytes) else found)


@given(st.text("/dcapevmurg0123456789-.%", max_size=40).map("/dcap".__add__))
def test_a_path_is_one_of_the_agents_or_none(path: str) -> None:
    place = place_of(path)
    if place is not None and place.tree is not None:
        assert agent_path(place.tree) == path


def test_paths_lead_there_and_back() -> None:
    for old, tree in (
        ("/dcap/edev/0/der/1/derg", "/edev/1/der/1/derg"),
        ("/dcap/mup/41", "/mup/42"),
        ("/dcap", "/dcap"),
    ):
        place = place_of(old)
        assert place is not None
        assert place.tree == tree
        assert agent_path(tree) == old
    assert agent_path("/edev/1/lel") is None
    assert agent_path("/derp/1") is None
