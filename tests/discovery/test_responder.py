"""What a server answers, as packets: layout, names, suppression, conflicts, floods. No sockets, no waits."""

from __future__ import annotations

import random
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.test_dns import EMBEDDED_QUERY
from openesi.discovery.browser import Browser, merge
from openesi.discovery.dns import Message, Name, Question, Record, Srv, Type, make_name, parse, serialize
from openesi.discovery.names import PORT, SUBTYPES, Announcement, parse_txt
from openesi.discovery.responder import (
    ANSWERS_BURST,
    ANSWERS_PER_S,
    MAX_RENAMES,
    PROBES,
    Outgoing,
    Responder,
    State,
)

SFDI, DEVICE = 167261211391, 18859819425
ADDRESSES = (ip_address("fd00::5"), ip_address("192.0.2.5"))


def responder(domain: str = "site", **changes: object) -> Responder:
    """Return a responder that has not begun."""
    announcement = Announcement(sfdi=SFDI, port=8443)
    return Responder(announcement, domain, ADDRESSES, random=random.Random(1), **changes)  # type: ignore[arg-type]


def settle(one: Responder, now: float = 0.0) -> tuple[list[bytes], float]:
    """Let a responder probe and announce; return all that it told, and the time when it was done."""
    told: list[bytes] = []
    due: float | None = now
    while due is not None:
        now = due
        packets, due = one.step(now)
        told += packets
    return told, now


@pytest.fixture
def ready() -> Responder:
    one = responder()
    settle(one)
    return one


def ask(
    one: Responder,
    name: str | Name,
    kind: int = Type.PTR,
    *,
    unicast: bool = False,
    port: int = PORT,
    now: float = 100.0,
    known: tuple[Record, ...] = (),
    registered: frozenset[int] = frozenset(),
) -> list[Outgoing]:
    labels = make_name(name) if isinstance(name, str) else name
    message = Message(id=7, questions=(Question(labels, kind, unicast),), answers=known)
    return one.answer(parse(serialize(message)), now=now, port=port, registered=registered)


def only(outgoing: list[Outgoing]) -> Message:
    (one,) = outgoing
    return parse(one.packet)


def test_the_embedded_clients_question_is_answered_as_it_reads(ready: Responder) -> None:
    question = parse(EMBEDDED_QUERY)
    assert ready.asked_sfdis(question) == {DEVICE}
    (sent,) = ready.answer(question, now=100, port=PORT, registered=frozenset({DEVICE}))

    assert sent.to_asker
    answer = parse(sent.packet)
    assert (answer.id, answer.response, answer.questions) == (0, True, ())
    assert [(one.name, one.type) for one in answer.answers] == [(question.questions[0].name, Type.PTR)]
    instance = answer.answers[0].data
    assert [one.type for one in answer.additionals] == [Type.SRV, Type.TXT, Type.AAAA, Type.A]
    srv, txt, aaaa, a = answer.additionals
    assert srv.name == txt.name == instance == make_name("openesi-167261211391._smartenergy._tcp.site")
    assert srv.data == Srv(8443, make_name("openesi-167261211391.site"))
    assert {aaaa.name, a.name} == {make_name("openesi-167261211391.site")}
    assert list((parse_txt(txt.data) or {}).items()) == [  # type: ignore[arg-type]
        ("txtvers", "1"),
        ("dcap", "/dcap"),
        ("path", "/edev"),
        ("https", "8443"),
        ("level", "-S1"),
    ]
    assert sent.packet[12:].startswith(EMBEDDED_QUERY[12:-4])  # the name is not compressed away, nor changed
    assert len(sent.packet) < 512


def test_a_device_that_is_not_registered_gets_no_answer(ready: Responder) -> None:
    assert ready.answer(parse(EMBEDDED_QUERY), now=100, port=PORT) == []


@pytest.mark.parametrize("subtype", SUBTYPES)
def test_each_function_set_answers_with_its_path(ready: Responder, subtype: str) -> None:
    answer = only(ask(ready, f"{subtype}._sub._smartenergy._tcp.site"))
    pairs = parse_txt(answer.additionals[1].data)  # type: ignore[arg-type]
    assert pairs is not None
    assert pairs["path"] == SUBTYPES[subtype]


def test_all_servers_are_asked_for_without_path(ready: Responder) -> None:
    pairs = parse_txt(only(ask(ready, "_smartenergy._tcp.site")).additionals[1].data)  # type: ignore[arg-type]
    assert list(pairs or {}) == ["txtvers", "dcap", "https", "level"]


def test_a_name_is_found_in_any_case_and_echoed_as_asked(ready: Responder) -> None:
    answer = only(ask(ready, "DERP._Sub._SmartEnergy._TCP.SITE", unicast=True))
    assert answer.answers[0].name == make_name("DERP._Sub._SmartEnergy._TCP.SITE")


@pytest.mark.parametrize(
    "name",
    [
        "_smartenergy._tcp.local",
        "nothing._sub._smartenergy._tcp.site",
        "edev-16726121139._sub._smartenergy._tcp.site",
        "_http._tcp.site",
        "site",
    ],
)
def test_what_is_not_ours_gets_no_answer(ready: Responder, name: str) -> None:
    assert ask(ready, name, registered=frozenset({SFDI})) == []


def test_instance_and_host_answer_for_themselves(ready: Responder) -> None:
    whole = only(ask(ready, ready.instance, Type.ANY))
    assert [one.type for one in whole.answers] == [Type.SRV, Type.TXT]
    assert [one.type for one in only(ask(ready, ready.host, Type.AAAA)).answers] == [Type.AAAA]
    assert ask(ready, ready.host, Type.TXT) == []


def test_kinds_of_services_are_listed(ready: Responder) -> None:
    assert only(ask(ready, "_services._dns-sd._udp.site")).answers[0].data == make_name(
        "_smartenergy._tcp.site"
    )


def test_a_plain_resolver_gets_its_question_back_and_short_lives(ready: Responder) -> None:
    (sent,) = ask(ready, "_smartenergy._tcp.site", port=40_000)
    answer = parse(sent.packet)
    assert sent.to_asker
    assert (answer.id, [one.name for one in answer.questions]) == (7, [make_name("_smartenergy._tcp.site")])
    records = (*answer.answers, *answer.additionals)
    assert {one.ttl_s for one in records} == {10}
    assert not any(one.flush for one in records)


def test_all_are_told_once_a_second_and_not_at_the_same_time(ready: Responder) -> None:
    (first,) = ask(ready, "_smartenergy._tcp.site", now=100.0)
    assert not first.to_asker
    assert 0.02 <= first.after_s <= 0.12
    assert ask(ready, "_smartenergy._tcp.site", now=100.5) == []
    assert len(ask(ready, "_smartenergy._tcp.site", now=101.1)) == 1


def test_what_one_group_was_told_the_other_has_not_heard(ready: Responder) -> None:
    question = Message(questions=(Question(make_name("_smartenergy._tcp.site"), Type.PTR),))
    for group in ("ff02::fb", "224.0.0.251"):
        assert len(ready.answer(question, now=100, port=PORT, group=group)) == 1


def test_who_knows_the_answer_is_not_told_again(ready: Responder) -> None:
    name = make_name("_smartenergy._tcp.site")
    known = Record(name, Type.PTR, 4000, ready.instance)
    old = Record(name, Type.PTR, 2000, ready.instance)
    assert ask(ready, name, known=(known,), unicast=True) == []
    assert len(ask(ready, name, known=(old,), unicast=True)) == 1


def test_a_server_probes_announces_and_says_goodbye() -> None:
    one = responder()
    told = [parse(packet) for packet in settle(one)[0]]
    assert [message.response for message in told] == [False] * PROBES + [True, True]
    assert told[0].authorities[0].data == Srv(8443, one.host)
    assert ask(responder(), "_smartenergy._tcp.site") == []  # nothing is said before the name is ours

    (goodbye,) = one.close()
    records = parse(goodbye).answers
    assert {record.ttl_s for record in records} == {0}
    assert len([record for record in records if record.type == Type.PTR]) == 1 + len(SUBTYPES)
    assert ask(one, "_smartenergy._tcp.site") == []


def claim(one: Responder, port: int = 1) -> Message:
    """Return what another server says that has the same name."""
    record = Record(one.instance, Type.SRV, 120, Srv(port, make_name("other.site")), flush=True)
    return Message(response=True, answers=(record,))


def test_a_taken_name_is_changed_and_still_ends_with_the_sfdi() -> None:
    one = responder()
    one.step(0)
    one.answer(claim(one), now=0.1, port=PORT)
    settle(one, 0.2)
    assert one.instance[0] == one.host[0] == b"openesi-2-167261211391"
    assert (one.state, one.counters.conflicts) == (State.ANSWERING, 1)


def test_a_name_that_is_claimed_later_is_defended(ready: Responder) -> None:
    ready.answer(claim(ready), now=100, port=PORT)
    assert ready.state is State.PROBING
    settle(ready, 101)
    assert ready.instance[0] == b"openesi-167261211391"


def test_our_own_words_are_no_conflict() -> None:
    one = responder()
    for packet in settle(one)[0]:
        assert one.answer(parse(packet), now=50, port=PORT) == [] or one.state is State.ANSWERING
    assert one.counters.conflicts == 0


@pytest.mark.parametrize(("port", "waits"), [(1, False), (65_535, True)])
def test_of_two_who_probe_at_once_the_greater_goes_first(port: int, waits: bool) -> None:
    one = responder()
    _, due = one.step(0)
    other = Record(one.instance, Type.SRV, 120, Srv(port, make_name("zz.site")))
    one.answer(Message(authorities=(other,)), now=0.1, port=PORT)
    assert one.step(0.1)[1] == (pytest.approx(1.1) if waits else due)


def test_two_servers_of_one_name_end_with_two() -> None:
    """Both hear every packet of both; one keeps the name, the other takes another."""
    both = [
        Responder(
            Announcement(sfdi=SFDI, port=port), "site", (ip_address(f"fd00::{port}"),), random.Random(port)
        )
        for port in (1, 2)
    ]
    for tick in range(200):
        now = tick / 20
        for one in both:
            for packet in one.step(now)[0]:
                message = parse(packet)
                for listener in both:
                    for reply in listener.answer(message, now=now, port=PORT):
                        for hearer in both:
                            hearer.answer(parse(reply.packet), now=now, port=PORT)
    assert {one.state for one in both} == {State.ANSWERING}
    assert {one.instance[0] for one in both} == {b"openesi-167261211391", b"openesi-2-167261211391"}


def test_somebody_who_takes_every_name_slows_us_down() -> None:
    one, now, times = responder(), 0.0, []
    for _ in range(MAX_RENAMES + 5):
        one.answer(claim(one), now=now, port=PORT)
        _, due = one.step(now)
        assert due is not None
        times.append(due - now)
        now = due
    assert times[0] == pytest.approx(0.25)
    assert times[-1] == pytest.approx(5.0)


def test_a_flood_of_questions_is_answered_within_bounds_and_counted(ready: Responder) -> None:
    answered = sum(
        len(ask(ready, "_smartenergy._tcp.site", unicast=True, now=100 + n / 1e3)) for n in range(1_000)
    )
    assert answered <= ANSWERS_BURST + ANSWERS_PER_S + 1
    assert ready.counters.flooded == 1_000 - answered


def test_bad_packets_are_counted(ready: Responder) -> None:
    assert ready.read(b"\xff" * 40) is None
    assert (ready.counters.packets, ready.counters.bad) == (1, 1)


@given(st.binary(max_size=200), st.integers(0, 65535))
def test_any_octets_after_a_good_header_do_no_harm(octets: bytes, port: int) -> None:
    one = responder()
    settle(one)
    message = one.read(bytes.fromhex("000000000002000000000001") + octets)
    if message is not None:
        for sent in one.answer(message, now=100, port=port, registered=one.asked_sfdis(message)):
            assert len(sent.packet) < 1500


# The asking side.


@pytest.mark.parametrize("wanted", [None, "derp", DEVICE])
def test_a_question_finds_the_server(ready: Responder, wanted: str | int | None) -> None:
    browser = Browser(wanted, "site")
    question = parse(browser.query())
    for sent in ready.answer(question, now=100, port=40_000, registered=ready.asked_sfdis(question)):
        browser.collect(sent.packet)

    (found,) = browser.found()
    assert found.url == "https://[fd00::5]:8443/dcap"
    assert found.path == {None: None, "derp": "/derp", DEVICE: "/edev"}[wanted]
    assert found.addresses == ("fd00::5", "192.0.2.5")
    assert merge([found, found]) == [found]


def test_what_is_missing_is_asked_for(ready: Responder) -> None:
    browser = Browser(None, "site")
    pointer = Record(browser.name, Type.PTR, 120, ready.instance)
    browser.collect(serialize(Message(response=True, answers=(pointer,))))
    assert browser.found() == []
    for _ in range(2):
        for sent in ready.answer(parse(browser.query()), now=100, port=40_000):
            browser.collect(sent.packet)
    assert [one.port for one in browser.found()] == [8443]


@pytest.mark.parametrize(
    ("pairs", "https", "found"),
    [
        (["txtvers=1", "dcap=/dcap", "https=9", "level=-S1"], 9, True),
        (["txtvers=1", "dcap=/d", "https"], 443, True),
        (["txtvers=1", "dcap=/d", "https="], 443, True),
        (["txtvers=1", "dcap=/d"], None, True),
        (["dcap=/d", "txtvers=1"], None, False),
        (["txtvers=2", "dcap=/d"], None, False),
        (["txtvers=1", "dcap="], None, False),
        (["txtvers=1"], None, False),
        (["txtvers=1", "dcap=/d", "https=99999"], None, False),
        ([], None, False),
    ],
)
def test_the_text_is_read_as_the_table_says(pairs: list[str], https: int | None, found: bool) -> None:
    browser = Browser(None, "site")
    instance, host = make_name("x._smartenergy._tcp.site"), make_name("x.site")
    text = b"".join(bytes((len(pair),)) + pair.encode() for pair in pairs)
    answer = Message(
        response=True,
        answers=(Record(browser.name, Type.PTR, 120, instance),),
        additionals=(
            Record(instance, Type.SRV, 120, Srv(80, host)),
            Record(instance, Type.TXT, 120, text),
            Record(host, Type.AAAA, 120, ip_address("fd00::9").packed),
        ),
    )
    browser.collect(serialize(answer))
    assert [one.https_port for one in browser.found()] == ([https] if found else [])


def test_who_claims_to_be_many_is_bounded() -> None:
    browser = Browser(None, "site")
    for number in range(500):
        pointer = Record(browser.name, Type.PTR, 120, (str(number).encode(), *browser.name))
        browser.collect(serialize(Message(response=True, answers=(pointer,))))
    assert len(browser.query()) < 1500
    browser.collect(b"no DNS")
    assert browser.bad == 1
