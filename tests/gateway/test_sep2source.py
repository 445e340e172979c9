"""A 2030.5 meter as recorded in the field, served over real HTTP; TLS is tested where the client is."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from openesi.errors import LocalError
from openesi.gateway.events import LinkState, Outcome, Quantity
from openesi.gateway.record import MeterRecord, SeriesName
from openesi.gateway.sep2source import Role, classify, to_scale
from openesi.gateway.service import Acquisition
from openesi.gateway.sources import Settings, parse_source
from openesi.sep2 import model as sep

NS = 'xmlns="urn:ieee:std:2030.5:ns"'
START = 1_712_593_859


def reading(value: int, start: int = START) -> str:
    period = f"<timePeriod><duration>1</duration><start>{start}</start></timePeriod>"
    return f"<Reading {NS}><qualityFlags>01</qualityFlags>{period}<value>{value}</value></Reading>"


def kind(accumulation: int, flow: int, what: int, uom: int, power_of_ten: int = 0) -> str:
    return (
        f"<ReadingType {NS}><accumulationBehaviour>{accumulation}</accumulationBehaviour>"
        f"<commodity>1</commodity><dataQualifier>0</dataQualifier><flowDirection>{flow}</flowDirection>"
        f"<kind>{what}</kind><powerOfTenMultiplier>{power_of_ten}</powerOfTenMultiplier>"
        f"<uom>{uom}</uom></ReadingType>"
    )


def meter_reading(number: int, description: str) -> str:
    link = (
        f'<ReadingLink href="/upt/1/mr/{number}/r"/>'
        if number != 3
        else f'<ReadingSetListLink href="/upt/1/mr/{number}/rs" all="1"/>'
    )
    return (
        f'<MeterReading href="/upt/1/mr/{number}"><mRID>{number:032X}</mRID>'
        f"<description>{description}</description>"
        f'{link}<ReadingTypeLink href="/rt/{number}"/></MeterReading>'
    )


def documents() -> dict[str, str]:
    listed = [
        (1, "Instantaneous Demand"),
        (2, "Current Summation Received"),
        (3, "Current Summation Delivered"),
    ]
    listed += [(8, "TOU Summation Received"), (17, "Max demand")]
    readings = "".join(meter_reading(*each) for each in listed)
    point = (
        f'<UsagePoint href="/upt/1"><mRID>{1:032X}</mRID><roleFlags>01</roleFlags>'
        "<serviceCategoryKind>0</serviceCategoryKind><status>1</status>"
        '<MeterReadingListLink href="/upt/1/mr" all="5"/></UsagePoint>'
    )
    period = "<timePeriod><duration>900</duration><start>1712593000</start></timePeriod>"
    readings_of_set = '<ReadingListLink href="/upt/1/mr/3/rs/1/r" all="1"/>'
    return {
        "/dcap": f'<DeviceCapability href="/dcap" {NS}>'
        '<UsagePointListLink href="/upt" all="1"/></DeviceCapability>',
        "/upt": f'<UsagePointList href="/upt" all="1" results="1" {NS}>{point}</UsagePointList>',
        "/upt/1/mr": f'<MeterReadingList href="/upt/1/mr" all="5" results="5" {NS}>'
        f"{readings}</MeterReadingList>",
        "/rt/1": kind(12, 1, 8, 38, -1),
        "/rt/2": kind(9, 19, 12, 72),
        "/rt/3": kind(9, 1, 12, 72),
        "/rt/8": kind(9, 19, 12, 72),
        "/rt/17": kind(12, 1, 8, 38).replace("<dataQualifier>0<", "<dataQualifier>8<"),
        "/upt/1/mr/1/r": reading(-5127),
        "/upt/1/mr/2/r": reading(678_000),
        "/upt/1/mr/3/rs": f'<ReadingSetList href="/upt/1/mr/3/rs" all="1" results="1" {NS}>'
        f'<ReadingSet href="/upt/1/mr/3/rs/1"><mRID>{9:032X}</mRID>{period}{readings_of_set}'
        "</ReadingSet></ReadingSetList>",
        "/upt/1/mr/3/rs/1/r": f'<ReadingList href="/upt/1/mr/3/rs/1/r" all="1" results="1" {NS}>'
        + reading(12_345_678).replace(f"<Reading {NS}>", '<Reading href="/upt/1/mr/3/rs/1/r/1">')
        + "</ReadingList>",
    }


@contextmanager
def served(pages: dict[str, str], methods: set[str]) -> Iterator[str]:
    class Meter(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            methods.add(self.command)
            text = pages.get(self.path.partition("?")[0])
            body = (text or "").encode()
            self.send_response(200 if text is not None else 404)
            self.send_header("Content-Type", "application/sep+xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PUT = do_DELETE = do_GET

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Meter)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def wait_for(condition: object, timeout_s: float = 10.0) -> None:
    end = time.monotonic() + timeout_s
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.02)


def test_a_meter_of_the_field_is_found_and_read_with_get_alone() -> None:
    methods: set[str] = set()
    with served(documents(), methods) as url:
        source = parse_source(f"sep2:{url}", Settings())
        record = MeterRecord(source.name)
        with Acquisition(source, record):
            wait_for(lambda: record.snapshot(0).points[SeriesName.ENERGY_RECEIVED])
    (power,) = record.points(SeriesName.POWER, 0, 1 << 32)
    (delivered,) = record.points(SeriesName.ENERGY, 0, 1 << 32)
    (received,) = record.points(SeriesName.ENERGY_RECEIVED, 0, 1 << 32)

    assert methods == {"GET"}
    assert (power.time_s, float(power.value)) == (START, -512.7)
    assert delivered.value == 12_345_678
    assert received.value == 678_000
    seen = record.snapshot(0)
    assert seen.statistics.count(Outcome.ANSWERED, Quantity.POWER) == 1
    assert seen.export_seen


def test_no_meter_there_is_reported_and_tried_again() -> None:
    pages = documents()
    point_list = pages.pop("/upt")
    with served(pages, set()) as url:
        source = parse_source(f"sep2:{url}", Settings())
        record = MeterRecord(source.name)
        with Acquisition(source, record):
            wait_for(lambda: "404" in record.snapshot(0).link_reason)
            pages["/upt"] = point_list
            wait_for(lambda: record.snapshot(0).link is LinkState.OPEN)
            wait_for(lambda: record.snapshot(0).points[SeriesName.POWER])


def test_no_time_tag_is_not_stored() -> None:
    pages = {**documents(), "/upt/1/mr/1/r": reading(5, start=0)}
    with served(pages, set()) as url:
        source = parse_source(f"sep2:{url}", Settings())
        record = MeterRecord(source.name)
        with Acquisition(source, record):
            wait_for(lambda: record.snapshot(0).statistics.untagged == 1)
    assert record.points(SeriesName.POWER, 0, 1 << 32) == []


@pytest.mark.parametrize(
    ("accumulation", "qualifier", "flow", "uom", "description", "role"),
    [
        (12, 0, 1, 38, None, Role.POWER),
        (12, 2, None, 38, "", Role.POWER),
        (12, 8, 1, 38, "Max demand", None),
        (12, 0, 19, 38, None, None),
        (9, 0, 1, 72, None, Role.DELIVERED),
        (9, 0, 19, 72, None, Role.RECEIVED),
        (9, 0, 19, 72, "TOU Summation", None),
        (4, 0, 4, 72, "interval", None),
        (9, 0, 1, 71, "VAh", None),
        (12, 0, 1, 65, "power factor", None),
    ],
)
def test_readings_are_told_apart_by_type(
    accumulation: int, qualifier: int, flow: int | None, uom: int, description: str | None, role: Role | None
) -> None:
    kind = sep.ReadingType(
        accumulationBehaviour=accumulation, dataQualifier=qualifier, flowDirection=flow, uom=uom
    )

    assert classify(kind, description) is role


@pytest.mark.parametrize(
    ("power_of_ten", "value"), [(0, 5), (3, 5000), (-3, 0.005), (-1, 0.5), (6, 5_000_000)]
)
def test_the_power_of_ten_scales(power_of_ten: int, value: float) -> None:
    assert float(to_scale(power_of_ten).to_base_unit(5)) == value


def test_what_is_missing_is_told_at_once() -> None:
    for text, words in (("sep2:https://meter:8081", "--cert"), ("sep2:nothing", "HOST")):
        with pytest.raises(LocalError, match=words):
            parse_source(text, Settings())
