"""What devices say about events of every kind: what is kept, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from openesi.errors import LocalError
from openesi.sep2 import model as sep
from openesi.sep2 import responses, xml
from openesi.sep2.editions import EDITIONS
from openesi.sep2.enums import ResponseRequired, ResponseStatus
from openesi.sep2.events import KINDS
from openesi.server import groups, operator
from openesi.store import ASSIGNED
from server.esi import START, Esi, lfdi_of, location
from server.hand import remove, write

OTHER, AGGREGATOR, MANAGED = 2, 3, 4
POWER = {"multiplier": 0, "value": 1}
SPAN = {"start": START, "duration": 600}
LISTS: dict[type[sep.Event], tuple[str, dict[str, Any], str, dict[str, Any]]] = {
    sep.DERControl: ("/derp", {"primacy": 9}, "derc", {"DERControlBase": {"opModMaxLimW": 1}}),
    sep.EndDeviceControl: (
        "/dr",
        {"primacy": 9},
        "edc",
        {
            "deviceCategory": "01",
            "drProgramMandatory": False,
            "loadShiftForward": False,
            "DutyCycle": {"normalValue": 50},
        },
    ),
    sep.TimeTariffInterval: (
        "/tp",
        {
            "primacy": 9,
            "serviceCategoryKind": 0,
            "RateComponent": [{"roleFlags": "00", "ReadingType": {"uom": 72}}],
        },
        "rc/1/tti",
        {"touTier": 0},
    ),
    sep.TextMessage: ("/msg", {"primacy": 9, "locale": "en"}, "txt", {"priority": 0, "textMessage": "Hello"}),
}


@pytest.fixture
def esi(tmp_path: Path) -> Iterator[Esi]:
    server = Esi(tmp_path)
    server.register(1)
    server.register(OTHER)
    yield server
    server.close()


def send(esi: Esi, kind: type[sep.Event], **fields: Any) -> str:
    """Send an event of a kind to everybody, or to device 1, and return its path."""
    if kind is sep.FlowReservationResponse:
        asked = sep.FlowReservationRequest(
            mRID=b"\x11" * 16,
            creationTime=START,
            energyRequested=sep.SignedRealEnergy(multiplier=0, value=1),
            intervalRequested=sep.DateTimeInterval(duration=600, start=START),
            powerRequested=sep.ActivePower(multiplier=0, value=1),
            RequestStatus=sep.RequestStatus(dateTime=START, requestStatus=0),
        )
        assert esi.post("/edev/1/frq", asked).status == 201
        values = {"subject": "11" * 16, "powerAvailable": POWER, "energyAvailable": POWER}
        return write(esi, "/edev/1/frp", {"interval": SPAN, **values, **fields})
    listing, program, below, values = LISTS[kind]
    return write(esi, f"{write(esi, listing, program)}/{below}", {"interval": SPAN, **values, **fields})


def answer(esi: Esi, event: sep.Event, kind: type[sep.Response], **fields: Any) -> int:
    values: dict[str, Any] = {"endDeviceLFDI": lfdi_of(1), "subject": event.mRID, "status": 1} | fields
    assert event.replyTo is not None
    return esi.post(event.replyTo, kind(**values)).status


# --- which statuses can be said of what --------------------------------------------------------------------

# 2018, Table 27: which statuses an event of a kind can have; what the table leaves out is reserved.
EVERY = {1, 2, 3, 6, 7, 11, 13, 14, 254}
CONTROL = EVERY | {4, 5, 8, 9, 10, 252, 253}
SAID_OF = {
    sep.DERControl: CONTROL,
    sep.EndDeviceControl: CONTROL,
    sep.FlowReservationResponse: CONTROL,
    sep.TimeTariffInterval: EVERY,
    sep.TextMessage: EVERY | {12},
}
ADDED_IN_2023 = {12, 13, 14, 251}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("edition", ["2018", "2013", "2023", "csip-aus-1.3"])
def test_the_table_of_statuses(kind: type[sep.Event], edition: str) -> None:
    spoken = EDITIONS[edition]
    said = {status for status in range(256) if responses.makes_sense(status, kind, spoken)}

    assert said == SAID_OF[kind] | (ADDED_IN_2023 if edition == "2023" else set())
    assert all(responses.is_known(status, spoken) for status in said)


@pytest.mark.parametrize(
    ("required", "asked"),
    [
        (0, set()),
        (ResponseRequired.RECEIVED, {1}),
        (ResponseRequired.USER, {4, 5, 8, 9, 11}),
        (ResponseRequired.SPECIFIC, {2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 252, 253, 254}),
        (7, set(ResponseStatus)),
    ],
)
def test_which_statuses_the_bits_ask_for(required: int, asked: set[int]) -> None:
    assert {status for status in ResponseStatus if responses.is_asked_for(status, required)} == asked


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_event_is_answered_in_its_own_words(esi: Esi, kind: type[sep.Event]) -> None:
    event = esi.get(send(esi, kind))
    assert event.replyTo == "/rsps/1/rsp"
    assert event.responseRequired == b"\x03"
    own = responses.body_of(kind)

    for body in (*responses.BODY.values(), sep.Response):
        expected = 201 if body in (own, sep.Response) else 400
        assert answer(esi, event, body) == expected, body.__name__
    for status in (0, 1, 4, 11, 12, 15, 200, 251, 252, 254, 255):
        expected = 201 if status in SAID_OF[kind] else 400
        assert answer(esi, event, own, status=status) == expected, status
    assert answer(esi, event, own, status=None) == 201


def test_2023_has_numbers_of_its_own(esi: Esi) -> None:
    event = esi.get(send(esi, sep.DERControl))
    assert answer(esi, event, sep.DERControlResponse, status=251) == 400
    esi.change(lambda tx: operator.set_edition(tx, lfdi_of(1), "2023"))
    document = sep.DERControlResponse(endDeviceLFDI=lfdi_of(1), subject=event.mRID, status=251)
    body = xml.serialize(document, EDITIONS["2023"])

    assert esi.ask("POST", "/rsps/1/rsp", body).status == 201


def test_what_a_dr_response_says_can_be_read_back(esi: Esi) -> None:
    event = esi.get(send(esi, sep.EndDeviceControl))
    said = sep.DrResponse(
        endDeviceLFDI=lfdi_of(1),
        subject=event.mRID,
        status=8,
        createdDateTime=START,
        DutyCycle=sep.DutyCycle(normalValue=60),
        overrideDuration=90,
    )
    kept = esi.get(location(esi.post(event.replyTo, said)))

    assert (kept.DutyCycle.normalValue, kept.overrideDuration, kept.status) == (60, 90, 8)
    wrong = sep.replace(said, DutyCycle=sep.DutyCycle(normalValue=160))
    assert esi.post(event.replyTo, wrong).status == 400


# --- who may answer what ------------------------------------------------------------------------------------


def test_nobody_answers_an_event_that_is_not_for_them(esi: Esi) -> None:
    reserved = esi.get(send(esi, sep.FlowReservationResponse))
    stranger = {"endDeviceLFDI": lfdi_of(OTHER), "subject": reserved.mRID, "status": 1}
    body = sep.FlowReservationResponseResponse(**stranger)
    assert esi.post("/rsps/1/rsp", body, device=OTHER).status == 400

    group = esi.change(lambda tx: groups.add_group(tx, "Feeder", settings=esi.settings))
    program = write(esi, "/derp", {"primacy": 1}, scope=ASSIGNED)
    esi.change(lambda tx: groups.assign(tx, group, program))
    path = write(esi, f"{program}/derc", {"interval": SPAN, "DERControlBase": {"opModMaxLimW": 1}})
    mrid = esi.look(lambda reader: reader.get(path)).key  # type: ignore[union-attr]
    said = sep.DERControlResponse(endDeviceLFDI=lfdi_of(1), subject=mrid, status=1)
    assert esi.post("/rsps/1/rsp", said).status == 400
    esi.change(lambda tx: groups.join(tx, group, tx.get("/edev/1")))  # type: ignore[arg-type]
    assert esi.post("/rsps/1/rsp", said).status == 201


def test_an_aggregator_answers_for_each_of_its_devices(esi: Esi) -> None:
    esi.register(AGGREGATOR)
    esi.register(MANAGED, aggregator=AGGREGATOR)
    event = esi.get(send(esi, sep.DERControl))

    def say(device: int) -> int:
        said = sep.DERControlResponse(endDeviceLFDI=lfdi_of(device), subject=event.mRID, status=1)
        return esi.post("/rsps/1/rsp", said, device=AGGREGATOR).status

    assert [say(MANAGED), say(AGGREGATOR), say(OTHER), say(99)] == [201, 201, 400, 400]
    assert esi.get("/rsps/1/rsp?l=9", device=AGGREGATOR).all == 2


def test_late_answers_are_taken_until_the_event_is_forgotten(esi: Esi) -> None:
    event = esi.get(send(esi, sep.DERControl))
    esi.now = START + 600 + 86_399
    assert answer(esi, event, sep.DERControlResponse, status=3, createdDateTime=START + 600) == 201
    esi.now += 1
    assert answer(esi, event, sep.DERControlResponse, status=3, createdDateTime=START + 601) == 400


# --- where answers go ---------------------------------------------------------------------------------------


def test_an_event_can_be_answered_at_a_place_of_its_own(esi: Esi) -> None:
    place = write(esi, "/rsps", {"description": "Messages"})
    event = esi.get(send(esi, sep.TextMessage, replyTo=f"{place}/rsp", responseRequired="07"))
    assert (event.replyTo, event.responseRequired) == ("/rsps/2/rsp", b"\x07")

    assert answer(esi, event, sep.TextResponse, status=11) == 201
    assert esi.get("/rsps/2/rsp").all == 1
    assert esi.get("/rsps/1/rsp").all == 0
    assert [one.href for one in esi.get("/rsps?l=9").ResponseSet].count("/rsps/2") == 1
    esi.ask("DELETE", "/edev/1")
    esi.register(1)
    assert esi.get("/rsps/2/rsp").all == 0  # what a forgotten device said goes with it


def test_an_event_that_asks_for_nothing_has_no_place_for_answers(esi: Esi) -> None:
    event = esi.get(send(esi, sep.TextMessage, responseRequired="00"))

    assert event.replyTo is None


@pytest.mark.parametrize(
    ("reply_to", "problem"),
    [
        ("/rsps/9/rsp", "no such ResponseSet"),
        ("/rsps/1", "no list of responses"),
        ("/nowhere", "no list of responses"),
        ("/derp/1/derc", "no list of responses"),
    ],
)
def test_answers_cannot_be_asked_to_nowhere(esi: Esi, reply_to: str, problem: str) -> None:
    with pytest.raises(LocalError, match=problem):
        send(esi, sep.TextMessage, replyTo=reply_to)


def test_answers_may_go_to_another_server(esi: Esi) -> None:
    event = esi.get(send(esi, sep.TextMessage, replyTo="https://other.example/rsps/1/rsp"))

    assert event.replyTo == "https://other.example/rsps/1/rsp"


def test_the_place_that_is_always_there_cannot_be_removed(esi: Esi) -> None:
    with pytest.raises(LocalError, match="stays"):
        remove(esi, "/rsps/1")
    place = write(esi, "/rsps", {"description": "Mine"})
    remove(esi, place)
    assert esi.ask("GET", place).status == 404
