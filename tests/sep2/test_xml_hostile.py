"""The XML codec against those who mean harm: every document is read or refused, soon and within bounds."""

from __future__ import annotations

import time
import tracemalloc

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import strategies
from openesi.sep2 import model as sep
from openesi.sep2 import xml
from openesi.sep2.editions import EDITIONS, IEEE_2018, Edition
from openesi.sep2.errors import DecodeError, ReasonCode

NS = "urn:ieee:std:2030.5:ns"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
NOTIFIED = (
    f'<Notification xmlns="{NS}" xmlns:xsi="{XSI}"><subscribedResource>/</subscribedResource>%s'
    "<status>0</status><subscriptionURI>/</subscriptionURI></Notification>"
)


def verdict(document: bytes, edition: Edition = IEEE_2018) -> DecodeError | None:
    """Read the document; None: it is right. Any error but ours passes through and fails the test."""
    refused = None
    try:
        xml.parse(document, edition)
    except DecodeError as error:
        refused = error
    if refused is not None:
        assert refused.status == 400
        assert 0 < len(str(refused)) < 500
    return refused


@settings(max_examples=300, deadline=None)
@given(document=st.binary(max_size=200))
@example(b"\xff\xfe<\x00a\x00/\x00>\x00")
@example(b"<?xml version='1.0' encoding='utf-7'?><a/>")
@example(b"<a xmlns:='x'/>")
def test_any_octets_are_read_or_refused(document):
    verdict(document)


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_any_damage_is_read_or_refused(data):
    edition = data.draw(st.sampled_from(list(EDITIONS.values())))
    document = bytearray(xml.serialize(data.draw(strategies.documents(edition)), edition))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(document)))
        cut = data.draw(st.integers(0, 5))
        document[at : at + cut] = data.draw(st.sampled_from(SPLICES) | st.binary(max_size=3))
    verdict(bytes(document), edition)


SPLICES = [b"<", b">", b"/>", b"</", b"<a>", b"</a>", b"&lt;", b"&#0;", b"&x;", b"]]>", b"<![CDATA[", b"<!--"]


@pytest.mark.parametrize("tag", ["a", "duration", "Notification", "Resource"])
def test_refuses_deep_documents(tag):
    depth = min(100_000, xml.MAX_BYTES // (3 * len(tag)))
    deep = f"<{tag}>" * depth + f"</{tag}>" * depth
    for document in (
        f'<DateTimeInterval xmlns="{NS}">{deep}</DateTimeInterval>',
        f'<{tag} xmlns="{NS}">{deep}</{tag}>',
        NOTIFIED % deep,
    ):
        assert verdict(document.encode()) is not None


def test_refuses_notifications_of_notifications_of_notifications():
    document = ""
    for _ in range(2_000):
        document = (
            f'<Resource xsi:type="Notification"><subscribedResource>/</subscribedResource>{document}'
            "<status>0</status><subscriptionURI>/</subscriptionURI></Resource>"
        )
    error = verdict((NOTIFIED % document).encode())
    assert error is not None
    assert error.reason is ReasonCode.LIMIT
    assert f"deeper than {xml.MAX_DEPTH}" in str(error)


def test_reads_a_notification_in_a_notification():
    inner = sep.Notification(subscribedResource="/", Resource=None, status=0, subscriptionURI="/")
    outer = sep.Notification(subscribedResource="/", Resource=inner, status=0, subscriptionURI="/")
    assert xml.parse(xml.serialize(outer)) == outer


def test_refuses_large_documents_unread():
    document = b"<" * (xml.MAX_BYTES * 10)
    started = time.process_time()
    error = verdict(document)
    assert time.process_time() - started < 0.1
    assert error is not None
    assert error.reason is ReasonCode.LIMIT


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_no_encoding_brings_entities_past_the_check(codec):
    document = (
        f'<!DOCTYPE d [<!ENTITY a "60">]><DateTimeInterval xmlns="{NS}"><duration>&a;</duration>'
        "<start>0</start></DateTimeInterval>"
    )
    assert verdict(document.encode(codec)) is not None
    assert verdict(f'<?xml version="1.0" encoding="{codec}"?>{document}'.encode(codec)) is not None


@pytest.mark.parametrize("quote", ["'", '"'])
@pytest.mark.parametrize("before", ["xmlns=", "xmlns:a=", "xmlns:a =\n"])
def test_a_long_namespace_does_not_multiply(before, quote):
    """ElementTree keeps the namespace with each name: this one would take 2 gigabytes."""
    names = "".join(f"<{'a:' * (':' in before)}a{number}/>" for number in range(20_000))
    long = f"<x {before}{quote}{'u' * 100_000}{quote}>{names}</x>"
    document = f'<DateTimeInterval xmlns="{NS}">{long}</DateTimeInterval>'.encode()
    tracemalloc.start()
    try:
        error = verdict(document)
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()
    assert error is not None
    assert error.reason is ReasonCode.LIMIT


@pytest.mark.parametrize(
    "document",
    [
        b"xmlns" * (xml.MAX_BYTES // 5),
        b"<a " + b"xmlns:" * (xml.MAX_BYTES // 6 - 1),
        b"<a " + b"xmlns  " * (xml.MAX_BYTES // 7 - 1),
        b"_" * xml.MAX_BYTES,
        b"<" * xml.MAX_BYTES,
        f'<DateTimeInterval xmlns="{NS}">'.encode() + b"<a/>" * 200_000 + b"</DateTimeInterval>",
        f'<DateTimeInterval xmlns="{NS}" '.encode() + b" ".join(b'a%d=""' % n for n in range(60_000)) + b"/>",
        f'<DateTimeInterval xmlns="{NS}"><duration>'.encode()
        + b" " * 900_000
        + b"</duration></DateTimeInterval>",
    ],
    ids=lambda document: document[:12].decode(),
)
def test_no_document_takes_long(document):
    assert len(document) <= xml.MAX_BYTES
    started = time.process_time()
    assert verdict(document) is not None
    assert time.process_time() - started < 3  # slow machines take a tenth of it


def test_messages_are_short_whatever_the_document_says():
    long = "x" * 50_000
    for document in (
        f"<{long}/>",
        f'<{long} xmlns="{NS}"/>',
        f'<a xmlns="{long[:150]}"/>',
        f'<DateTimeInterval xmlns="{NS}">{long}</DateTimeInterval>',
        f'<DateTimeInterval xmlns="{NS}"><duration>{long}</duration></DateTimeInterval>',
        f'<DateTimeInterval xmlns="{NS}"><{long}/>a</DateTimeInterval>',
        NOTIFIED.replace("%s", f'<Resource xsi:type="{long}"/>'),
    ):
        assert verdict(document.encode()) is not None
