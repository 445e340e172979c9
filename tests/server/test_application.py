"""What every resource has in common: methods, access, negotiation, lists, errors."""

from __future__ import annotations

import contextlib
import logging
import resource as system
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from openesi.sep2 import identity, resources, xml
from openesi.sep2 import model as sep
from openesi.sep2.resources import METHODS, RESOURCES, Access, Resource
from openesi.sep2.xsd import print_schema
from openesi.server import operator
from server.esi import START, Esi, hrefs, lfdi_of, location

STRANGER, OTHER = 7, 2


@pytest.fixture
def esi(tmp_path: Path) -> Iterator[Esi]:
    server = Esi(tmp_path)
    server.register(1)
    yield server
    server.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Esi]:
    """A server with two devices and something at every place, for tests that leave it as it is."""
    server = Esi(tmp_path_factory.mktemp("esi"))
    server.register(1)
    server.register(OTHER)
    fill(server)
    yield server
    server.close()


def place_of(resource: Resource, identifier: int = 1) -> str:
    """Return a path of the resource that exists, or could, for device 1."""
    return resource.at(*[identifier] * resource.path.count("{}"))


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.name)
def test_methods_that_a_resource_does_not_have_are_answered_405_with_allow(
    shared: Esi, resource: Resource
) -> None:
    path = place_of(resource, 999)
    for method in METHODS:
        response = shared.ask(method, path, b"<x/>" if method in ("PUT", "POST") else b"")
        served = resources.match(path)
        assert served is not None
        if method in served.resource.methods:
            assert response.status != 405
        else:
            assert response.status == 405
            assert dict(response.headers)["Allow"] == ", ".join(served.resource.methods)


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.name)
def test_strangers_get_no_data_of_anything_that_needs_registration(shared: Esi, resource: Resource) -> None:
    path = place_of(resource)
    for device in (STRANGER, None):
        for method in METHODS:
            response = shared.ask(method, path, b"<x/>" if method in ("PUT", "POST") else b"", device=device)
            if resource.access is Access.CERTIFIED and device is not None:
                continue
            assert response.status in (400, 403, 404, 405), (method, response)
            assert b"<Error" in response.body


@pytest.mark.parametrize(
    "resource",
    [one for one in RESOURCES if one.access is Access.OWN and "{}" in one.path],
    ids=lambda one: one.name,
)
def test_a_registered_device_sees_and_changes_nothing_of_another(shared: Esi, resource: Resource) -> None:
    path = place_of(resource)
    before = shared.ask("GET", path).body
    for method in METHODS:
        body = xml.serialize(sep.Error(reasonCode=0)) if method in ("PUT", "POST") else b""
        response = shared.ask(method, path, body, device=OTHER)
        if path.startswith("/rsps"):  # response sets are everyone's place to post; what is in them is not
            assert lfdi_of(1).hex().upper().encode() not in response.body
        else:
            assert response.status in (404, 405), (method, response)
    assert shared.ask("GET", path).body == before


BAD_BODIES = {
    "empty": b"",
    "no XML": b"not xml",
    "cut off": b"<DER",
    "foreign namespace": b'<DER xmlns="urn:example:other"/>',
    "unknown root": b'<Nothing xmlns="urn:ieee:std:2030.5:ns"/>',
    "out of bounds": b'<Error xmlns="urn:ieee:std:2030.5:ns"><reasonCode>256</reasonCode></Error>',
    "DTD": b'<!DOCTYPE x [<!ENTITY e "x">]><Error xmlns="urn:ieee:std:2030.5:ns"/>',
    "another type": xml.serialize(sep.Error(reasonCode=0)),
    "ten megabytes": b"<a>" + b" " * 10_000_000,
    "deep": b'<Error xmlns="urn:ieee:std:2030.5:ns">' + b"<a>" * 100_000,
}


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.name)
def test_bad_bodies_are_refused_with_an_error_and_nothing_is_stored(shared: Esi, resource: Resource) -> None:
    before = shared.ask("GET", place_of(resource)).body
    for name, body in BAD_BODIES.items():
        for method in ("PUT", "POST"):
            response = shared.ask(method, place_of(resource), body, content_type="application/sep+xml")
            assert response.status in (400, 404, 405), (name, response)
            assert xml.parse_as(response.body, sep.Error).reasonCode in (0, 1, 2)
    assert shared.ask("GET", place_of(resource)).body == before


def fill(esi: Esi) -> None:
    """Put something at as many places of device 1 as a device can."""
    mirror = sep.MirrorUsagePoint(
        mRID=bytes(15) + b"\1",
        roleFlags=b"\x00\x08",
        serviceCategoryKind=0,
        status=1,
        deviceLFDI=lfdi_of(1),
        MirrorMeterReading=(
            sep.MirrorMeterReading(
                mRID=bytes(15) + b"\2",
                ReadingType=sep.ReadingType(uom=38),
                Reading=sep.Reading(value=1),
                MirrorReadingSet=(
                    sep.MirrorReadingSet(
                        mRID=bytes(15) + b"\3",
                        timePeriod=sep.DateTimeInterval(duration=300, start=START),
                        Reading=(sep.Reading(value=5), sep.Reading(value=6)),
                    ),
                ),
            ),
        ),
    )
    assert esi.post("/mup", mirror).status == 201
    control = esi.send_control(start=esi.now + 60, duration_s=60)
    subject = esi.get(control).mRID
    response = sep.DERControlResponse(endDeviceLFDI=lfdi_of(1), subject=subject, status=1)
    assert esi.post("/rsps/1/rsp", response).status == 201
    log_event = sep.LogEvent(
        createdDateTime=START, functionSet=0, logEventCode=1, logEventID=0, logEventPEN=40732, profileID=2
    )
    assert esi.post("/edev/1/lel", log_event).status == 201
    curve_points = (sep.CurveData(xvalue=90, yvalue=0), sep.CurveData(xvalue=110, yvalue=-40))
    esi.change(
        lambda tx: operator.add_curve(
            tx,
            "/derp/1",
            sep.DERCurve(
                mRID=bytes(16),
                creationTime=START,
                CurveData=curve_points,
                curveType=11,
                xMultiplier=0,
                yMultiplier=0,
                yRefType=2,
            ),
            settings=esi.settings,
        )
    )


def test_every_served_href_answers_with_a_valid_document(esi: Esi) -> None:
    fill(esi)
    valid = etree.XMLSchema(etree.fromstring(print_schema().encode()))
    seen: set[str] = set()
    waiting = {"/dcap"}
    while waiting:
        href = waiting.pop()
        seen.add(href)
        response = esi.ask("GET", f"{href}?l=255")
        assert response.status == 200, href
        valid.assertValid(etree.fromstring(response.body))
        assert getattr(xml.parse(response.body), "href", None) == href
        waiting |= hrefs(response.body) - seen
    assert len(seen) > 50


def test_head_answers_like_get(esi: Esi) -> None:
    got, headed = esi.ask("GET", "/dcap"), esi.ask("HEAD", "/dcap")

    assert (headed.status, headed.head) == (got.status, got.head)


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/sep+xml", 200),
        ("application/sep+xml; level=-S1", 200),
        ("*/*", 200),
        ("", 200),
        ("application/*;q=0.5, text/html", 200),
        ("APPLICATION/SEP+XML", 200),
        ("text/html", 406),
        ("application/sep+xml;q=0", 406),
        ("application/sep+xml;q=x", 406),
    ],
)
def test_accept_is_honoured(esi: Esi, accept: str, status: int) -> None:
    response = esi.ask("GET", "/dcap", accept=accept)

    assert response.status == status
    assert response.content_type == ("application/sep+xml" if status == 200 else None)


@pytest.mark.parametrize("content_type", ["", "text/xml", "application/json", "application/xml"])
def test_other_media_types_are_refused(esi: Esi, content_type: str) -> None:
    body = xml.serialize(sep.PowerStatus(batteryStatus=1, changedTime=1, currentPowerSource=1))

    assert esi.ask("PUT", "/edev/1/ps", body, content_type=content_type).status == 415
    assert esi.ask("PUT", "/edev/1/ps", body, content_type="application/sep+xml; level=-S1").status == 204


@pytest.mark.parametrize(
    "path",
    ["/", "", "/nothing", "/dcap/", "/edev/x", "/edev/1/der/1/nothing", "/edev/9", "/edev/9/der", "/derp/7"],
)
def test_what_is_not_there_is_404(esi: Esi, path: str) -> None:
    assert esi.ask("GET", path).status == 404


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("application/sep-exi; level=-S1", "application/sep-exi; level=-S1"),
        ("application/sep-exi", "application/sep-exi; level=-S1"),
        ("application/sep-exi; level=-S1, application/sep+xml; level=-S1", "application/sep+xml"),
        ("application/sep+xml;q=0.4, application/sep-exi;q=0.5", "application/sep-exi; level=-S1"),
        ("application/sep-exi;q=0.4, application/sep+xml;q=0.5", "application/sep+xml"),
        ("application/sep-exi; level=-S0", "application/sep-exi; level=-S0"),
        ("*/*, application/sep-exi", "application/sep+xml"),
    ],
)
def test_exi_is_spoken_where_it_is_asked_for(esi: Esi, accept: str, content_type: str) -> None:
    from openesi.sep2 import exi

    answer = esi.ask("GET", "/edev/1", accept=accept)

    assert answer.content_type == content_type
    document = xml.parse(answer.body) if "xml" in content_type else exi.decode(answer.body)
    assert isinstance(document, sep.EndDevice)
    refused = esi.ask("GET", "/edev/9", accept=accept)
    assert refused.content_type == content_type


def test_exi_bodies_are_taken_everywhere(esi: Esi) -> None:
    from openesi.sep2 import exi

    status = sep.PowerStatus(batteryStatus=1, changedTime=START, currentPowerSource=1)
    body = exi.encode(status)

    assert esi.ask("PUT", "/edev/1/ps", body, content_type="application/sep-exi; level=-S1").status == 204
    assert esi.get("/edev/1/ps") == sep.replace(status, href="/edev/1/ps", pollRate=900)
    assert esi.ask("PUT", "/edev/1/ps", body[:-3], content_type="application/sep-exi").status == 400
    assert esi.ask("PUT", "/edev/1/ps", b"\xa0" + bytes(30), content_type="application/sep-exi").status in (
        400,
        415,
    )


def test_percent_escapes_in_a_path_are_decoded(esi: Esi) -> None:
    assert esi.ask("GET", "/dc%61p").status == 200


def test_a_revoked_certificate_is_refused_at_its_next_request(esi: Esi) -> None:
    assert esi.ask("GET", "/dcap").status == 200
    esi.change(lambda tx: operator.revoke(tx, lfdi_of(1)))

    assert esi.ask("GET", "/dcap").status == 403
    assert esi.ask("GET", "/edev/1").status == 403

    esi.change(lambda tx: operator.restore(tx, lfdi_of(1)))
    assert esi.ask("GET", "/dcap").status == 200


def test_a_removed_device_loses_its_view_at_once(esi: Esi) -> None:
    fill(esi)
    assert esi.ask("GET", "/derp").status == 200
    esi.change(lambda tx: operator.remove_device(tx, lfdi_of(1)))

    assert esi.ask("GET", "/derp").status == 404
    assert esi.get("/edev?l=9").all == 0
    assert esi.look(lambda reader: reader.count("/mup")) == 0


def test_an_aggregator_sees_itself_and_its_devices_and_nobody_else(esi: Esi) -> None:
    aggregator = 40
    esi.register(aggregator)
    managed = [esi.register(device, aggregator=aggregator) for device in (41, 42)]
    listed = esi.get("/edev?l=255", device=aggregator)

    assert listed.all == listed.results == 3
    assert {device.href for device in listed.EndDevice} >= set(managed)
    assert esi.ask("GET", managed[0], device=aggregator).status == 200
    assert esi.ask("GET", managed[0], device=1).status == 404
    assert esi.ask("GET", "/edev/1", device=aggregator).status == 404


def test_a_change_by_another_process_shows_at_the_next_request(esi: Esi) -> None:
    from openesi.store.sqlite import SQLiteStore

    assert esi.get("/derp?l=9").all == 1
    other = SQLiteStore(esi.folder / "openesi.db")
    other.run(lambda tx: operator.add_program(tx, description="Feeder", primacy=0, settings=esi.settings))
    other.close_now()

    assert [program.description for program in esi.get("/derp?l=9").DERProgram] == ["Feeder", "Everyone"]


def test_a_restart_keeps_what_was_acknowledged(esi: Esi) -> None:
    fill(esi)
    before = {
        href: esi.ask("GET", href).body for href in ("/edev/1", "/derp/1/derc/1", "/mup/1", "/upt/1/mr/1")
    }
    esi.restart()

    assert {href: esi.ask("GET", href).body for href in before} == before


def test_clients_of_two_editions_are_given_one_resource_each_in_theirs(esi: Esi) -> None:
    from openesi.sep2.editions import IEEE_2013

    esi.register(OTHER)
    esi.change(lambda tx: operator.set_edition(tx, lfdi_of(OTHER), "2013"))
    capability = sep.DERCapability(
        modesSupported=(1 << 20).to_bytes(4, "big"),
        rtgMaxW=sep.ActivePower(multiplier=0, value=5000),
        type=83,
    )
    assert esi.put("/edev/1/der/1/dercap", capability).status == 204
    body = xml.serialize(capability, IEEE_2013)
    assert esi.ask("PUT", "/edev/2/der/1/dercap", body, device=OTHER).status == 204

    new, old = esi.get("/edev/1/der/1/dercap"), esi.ask("GET", "/edev/2/der/1/dercap", device=OTHER).body
    assert new == sep.replace(capability, href="/edev/1/der/1/dercap")
    assert b'xmlns="http://zigbee.org/sep"' in old
    assert b"<rtgW>" in old
    assert b"<modesSupported>00002000</modesSupported>" in old  # max-lim-W is bit 13 there, bit 20 here


def test_the_draft_namespace_is_translated_and_others_are_refused(esi: Esi) -> None:
    from openesi.sep2.editions import DRAFT_2_0_4, IEEE_2013

    capability = sep.DERCapability(
        modesSupported=(1 << 20).to_bytes(4, "big"), rtgMaxW=sep.ActivePower(multiplier=0, value=5000), type=4
    )
    assert esi.ask("PUT", "/edev/1/der/1/dercap", xml.serialize(capability, DRAFT_2_0_4)).status == 204
    assert esi.get("/edev/1/der/1/dercap").modesSupported == capability.modesSupported
    assert esi.ask("PUT", "/edev/1/der/1/dercap", xml.serialize(capability, IEEE_2013)).status == 400


def test_a_device_of_the_draft_speaks_exi_in_its_own_schema(esi: Esi) -> None:
    from openesi.sep2 import exi
    from openesi.sep2.editions import DRAFT_2_0_4

    esi.register(OTHER)
    esi.change(lambda tx: operator.set_edition(tx, lfdi_of(OTHER), "2.0.4"))
    capability = sep.DERCapability(
        modesSupported=(1 << 20).to_bytes(4, "big"), rtgMaxW=sep.ActivePower(multiplier=0, value=5000), type=4
    )
    body = exi.encode(capability, DRAFT_2_0_4)
    media = "application/sep-exi; level=-S1"
    assert esi.ask("PUT", "/edev/2/der/1/dercap", body, device=OTHER, content_type=media).status == 204
    answer = esi.ask("GET", "/edev/2/der/1/dercap", device=OTHER, accept=media)

    assert answer.content_type == media
    shown = exi.decode_as(answer.body, sep.DERCapability, DRAFT_2_0_4)
    assert shown.modesSupported == capability.modesSupported


def test_lists_follow_the_window_the_standard_asks_for(esi: Esi) -> None:
    for number in range(2, 9):
        esi.send_control(start=START + 100 * number, duration_s=50)

    def starts(query: str) -> list[int]:
        return [(one.interval.start - START) // 100 for one in esi.get(f"/derp/1/derc{query}").DERControl]

    assert starts("") == [2]
    assert starts("?l=3") == [2, 3, 4]
    assert starts("?s=5&l=255") == [7, 8]
    assert starts("?l=0") == []
    assert starts("?s=7&l=5") == []
    assert starts(f"?a={START + 300}&l=2") == [4, 5]
    assert starts(f"?a={START + 300}&s=2&l=2") == [4, 5]
    assert starts("?s=1&l=1&s=2&b=9") == [3]
    page = esi.get("/derp/1/derc?s=5&l=255")
    assert (page.all, page.results) == (7, 2)
    for bad in ("?l=-1", "?s=x", "?l=1.5", "?s=" + "9" * 40):
        assert esi.ask("GET", f"/derp/1/derc{bad}").status == 400


def test_in_band_registration(esi: Esi) -> None:
    sfdi = identity.sfdi_from_lfdi(lfdi_of(STRANGER))
    assert esi.get("/edev?l=9", device=STRANGER).all == 0
    assert esi.post("/edev", sep.EndDevice(sFDI=sfdi + 1, changedTime=0), device=STRANGER).status == 400
    stolen = sep.EndDevice(lFDI=lfdi_of(1), sFDI=identity.sfdi_from_lfdi(lfdi_of(1)), changedTime=0)
    assert esi.post("/edev", stolen, device=STRANGER).status == 403

    created = esi.post("/edev", sep.EndDevice(sFDI=sfdi, changedTime=0), device=STRANGER)

    assert created.status == 201
    device = esi.get(location(created), device=STRANGER)
    assert (device.lFDI, device.sFDI, device.changedTime) == (lfdi_of(STRANGER), sfdi, START)
    assert esi.get(device.RegistrationLink.href, device=STRANGER).pIN == 111115
    assert esi.post("/edev", sep.EndDevice(sFDI=sfdi, changedTime=0), device=STRANGER).status == 409


def test_in_band_registration_can_be_switched_off(tmp_path: Path) -> None:
    server = Esi(tmp_path, in_band_registration=False)
    sfdi = identity.sfdi_from_lfdi(lfdi_of(1))

    assert server.post("/edev", sep.EndDevice(sFDI=sfdi, changedTime=0)).status == 403
    server.close()


def test_what_identifies_a_device_cannot_be_changed(esi: Esi) -> None:
    other = sep.EndDevice(sFDI=identity.sfdi_from_lfdi(lfdi_of(9)), changedTime=0)
    own = sep.EndDevice(sFDI=identity.sfdi_from_lfdi(lfdi_of(1)), changedTime=0, postRate=60, enabled=False)
    esi.now += 5

    assert esi.put("/edev/1", other).status == 400
    assert esi.put("/edev/1", own).status == 204
    shown = esi.get("/edev/1")
    assert (shown.postRate, shown.enabled, shown.changedTime) == (60, True, START + 5)
    assert esi.ask("DELETE", "/edev/1").status == 204
    assert esi.ask("GET", "/edev/1").status == 404


def test_values_that_the_text_of_the_standard_forbids_are_refused(esi: Esi) -> None:
    status = sep.DERStatus(
        readingTime=START, stateOfChargeStatus=sep.StateOfChargeStatusType(dateTime=START, value=10_001)
    )
    refused = esi.put("/edev/1/der/1/ders", status)

    assert refused.status == 400
    assert xml.parse_as(refused.body, sep.Error).reasonCode == 1


def test_settings_beyond_the_nameplate_are_refused(esi: Esi) -> None:
    def settings(value: int) -> sep.DERSettings:
        return sep.DERSettings(
            setGradW=100, setMaxW=sep.ActivePower(multiplier=3, value=value), updatedTime=START
        )

    nameplate = sep.DERCapability(
        modesSupported=bytes(4), rtgMaxW=sep.ActivePower(multiplier=0, value=5000), type=4
    )
    assert esi.put("/edev/1/der/1/dercap", nameplate).status == 204
    assert esi.put("/edev/1/der/1/derg", settings(6)).status == 400
    assert esi.put("/edev/1/der/1/derg", settings(5)).status == 204
    assert esi.get("/edev/1/der/1/derg").setMaxW.value == 5


@contextlib.contextmanager
def full_disk(folder: Path) -> Iterator[None]:
    """Let no file of this process grow beyond the largest one in ``folder``."""
    octets = max(file.stat().st_size for file in folder.iterdir())
    soft, hard = system.getrlimit(system.RLIMIT_FSIZE)
    system.setrlimit(system.RLIMIT_FSIZE, (octets, hard))
    try:
        yield
    finally:
        system.setrlimit(system.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_refuses_writes_and_is_logged_in_a_line(
    esi: Esi, caplog: pytest.LogCaptureFixture
) -> None:
    status = sep.DeviceStatus(changedTime=START)
    assert esi.put("/edev/1/dstat", status).status == 204
    with full_disk(esi.folder):
        refused = esi.put("/edev/1/dstat", sep.replace(status, changedTime=START + 1))
        assert esi.get("/edev/1/dstat").changedTime == START

    assert refused.status == 503
    assert dict(refused.headers)["Retry-After"] == "30"
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert "status=503" in record.getMessage()
    assert record.exc_info is None
    assert esi.put("/edev/1/dstat", sep.replace(status, changedTime=START + 2)).status == 204
    assert esi.get("/edev/1/dstat").changedTime == START + 2


def test_an_aggregator_is_assigned_nothing_itself_what_it_speaks_for_is(esi: Esi) -> None:
    """CSIP, 6.1.7: its own EndDevice has subscriptions, and no FunctionSetAssignmentsListLink."""
    aggregator, managed = 40, 41
    own = esi.register(aggregator)
    row = esi.look(lambda reader: reader.get(own))
    assert row is not None

    def change(**rights: bool) -> None:
        esi.change(lambda tx: operator.set_rights(tx, row, settings=esi.settings, **rights))

    assert esi.get(own, device=aggregator).FunctionSetAssignmentsListLink.all == 1
    change(aggregator=True)
    device = esi.register(managed, aggregator=aggregator)
    assert esi.get(own, device=aggregator).FunctionSetAssignmentsListLink is None
    assert esi.get(own, device=aggregator).SubscriptionListLink is not None
    assert esi.get(device, device=aggregator).FunctionSetAssignmentsListLink.all == 1
    change(revoked=False)
    assert esi.get(own, device=aggregator).FunctionSetAssignmentsListLink is None
    change(aggregator=False)
    assert esi.get(own, device=aggregator).FunctionSetAssignmentsListLink.all == 1
