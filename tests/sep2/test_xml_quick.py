"""The quick readers agree with the careful one: they read what it reads, the same way, or give up."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import strategies
from openesi.sep2 import xml
from openesi.sep2.editions import EDITIONS, IEEE_2013, IEEE_2018, IEEE_2023, Edition
from openesi.sep2.errors import DecodeError
from openesi.sep2.xml_quick import GIVES_UP, is_plain, quick_reader
from openesi.sep2.xml_reader import reader
from sep2 import samples

NUMBERS = ["0", "-0", "+1", "01", " 7 ", "1_0", "1.0", "256", "-129", "65536", "-1", "9" * 25, "0" * 60]
WORDS = [
    "",
    " ",
    "\n",
    "true",
    "True",
    "1 0",
    "ab",
    "AB",
    "abc",
    "A B",
    "a\tb",
    "x" * 50,
    "é",
    "\u0661",
    "\u00a0",
]
ODD_TEXTS = st.sampled_from(NUMBERS + WORDS)


def hold_against(document: bytes, edition: Edition) -> None:
    """Check that the quick reader gives up, or reads what the careful reader reads."""
    root = ET.fromstring(document)
    cls = edition.types.get(root.tag)
    if cls is None or not is_plain(document):
        return
    try:
        quick = quick_reader(edition, cls)(root)
    except GIVES_UP:
        return
    try:
        careful = reader(edition, cls)(root)
    except DecodeError as error:
        pytest.fail(f"read, though {error}: {document!r}")
    assert quick == careful, document


@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_agree_on_documents_that_are_nearly_right(data):
    edition = data.draw(st.sampled_from([IEEE_2018, IEEE_2023, IEEE_2013]))
    root = ET.fromstring(xml.serialize(data.draw(strategies.documents(edition)), edition))
    for _ in range(data.draw(st.integers(1, 3))):
        spoil(data, root, edition)
    hold_against(ET.tostring(root, encoding="utf-8"), edition)


def spoil(data: st.DataObject, root: ET.Element, edition: Edition) -> None:
    element = data.draw(st.sampled_from(list(root.iter())))
    how = data.draw(st.sampled_from(["text", "tail", "attribute", "drop", "double", "swap", "add", "rename"]))
    if how == "text":
        element.text = data.draw(ODD_TEXTS)
    elif how == "tail" and element is not root:
        element.tail = data.draw(ODD_TEXTS)
    elif how == "attribute":
        name = data.draw(st.sampled_from(["href", "all", "results", "pollRate", "subscribable", "new"]))
        element.set(name, data.draw(ODD_TEXTS))
    elif how == "add":
        name = data.draw(
            st.sampled_from([f"{{{edition.namespace}}}new", "new", f"{{{edition.namespace}}}href"])
        )
        element.insert(data.draw(st.integers(0, len(element))), ET.Element(name))
    elif how == "rename":
        element.tag = data.draw(st.sampled_from(list(root.iter()))).tag
    elif len(element):
        at = data.draw(st.integers(0, len(element) - 1))
        child = element[at]
        element.remove(child)
        if how != "drop":
            element.insert(0 if how == "swap" else at, child)
        if how == "double":
            element.insert(at, child)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_agree_on_simple_values(data):
    cls, text = data.draw(st.sampled_from(list(IEEE_2018.types.values()))), data.draw(ODD_TEXTS)
    for make in (samples.full, samples.least):
        root = ET.fromstring(xml.serialize(make(cls, IEEE_2018)))
        leaves = [element for element in root.iter() if not len(element)]
        data.draw(st.sampled_from(leaves)).text = text
        hold_against(ET.tostring(root, encoding="utf-8"), IEEE_2018)


@pytest.mark.parametrize("edition", EDITIONS.values(), ids=list(EDITIONS))
def test_quick_readers_read_all_that_is_written(edition):
    """Without this they could always give up, and nobody would notice but those who pay for it."""
    for cls in edition.types.values():
        for value in (samples.full(cls, edition), samples.least(cls, edition)):
            root = ET.fromstring(xml.serialize(value, edition))
            assert quick_reader(edition, cls)(root) == reader(edition, cls)(root)
            ET.indent(root)
            assert quick_reader(edition, cls)(root) == reader(edition, cls)(root)


@pytest.mark.parametrize(
    ("document", "plain"),
    [
        (b"<a>12</a>", True),
        (b"<a href='/a_1/2'>&amp;</a>", True),
        (b"<a>1_2</a>", False),
        (b"<a>1&#95;2</a>", False),
        ("<a>\u0661</a>".encode(), False),
        (b"<a>&#x661;</a>", False),
    ],
)
def test_documents_in_which_python_sees_more_numbers_than_xml_are_not_plain(document, plain):
    assert is_plain(document) is plain
