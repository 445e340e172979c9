"""The printed schema: the same facts as the standard's, and a validator that agrees."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from openesi.sep2 import model as sep
from openesi.sep2 import xml
from openesi.sep2.editions import CSIP_AUS_12, CSIP_AUS_13, EDITIONS, IEEE_2018, IEEE_2023, Edition
from openesi.sep2.xsd import print_schema, print_schemas
from sep2 import xsd_facts

NAMESPACE = IEEE_2018.namespace


def load(edition: Edition, folder: Path) -> etree.XMLSchema:
    """Load the schema of ``edition`` from files, as anyone would."""
    documents = print_schemas(edition)
    for name, text in documents.items():
        (folder / name).write_text(text, encoding="utf-8")
    return etree.XMLSchema(file=str(folder / next(iter(documents))))


@pytest.fixture(scope="module")
def validator() -> etree.XMLSchema:
    return etree.XMLSchema(etree.fromstring(print_schema().encode()))


@pytest.mark.parametrize("edition", ["2018", "2.0.4"])
def test_the_printed_schema_has_the_facts_of_the_edition_and_no_others(edition: str) -> None:
    printed = xsd_facts.read(print_schema(EDITIONS[edition]))
    recorded = xsd_facts.recorded(edition)
    assert printed.simple_types == recorded.simple_types
    assert printed.types == recorded.types
    assert printed.elements == recorded.elements
    assert printed.fields == recorded.fields


def test_the_counts_of_the_2018_edition() -> None:
    facts = xsd_facts.read(print_schema())
    kinds = [content for _, _, content in facts.types]
    assert (kinds.count("complex"), kinds.count("simple")) == (283, 41)
    assert len(facts.simple_types) == 25
    assert len(facts.elements) == 324


def test_the_head_of_the_document() -> None:
    root = etree.fromstring(print_schema().encode())
    assert dict(root.attrib) == {
        "targetNamespace": "urn:ieee:std:2030.5:ns",
        "elementFormDefault": "qualified",
        "attributeFormDefault": "unqualified",
        "version": "2.1.0",
    }


@pytest.mark.parametrize("edition", EDITIONS.values(), ids=list(EDITIONS))
def test_every_edition_prints_a_schema_that_loads(edition: Edition, tmp_path: Path) -> None:
    schema = load(edition, tmp_path)
    time = f'<Link xmlns="{edition.namespace}" href="/tm"/>'
    assert schema.validate(etree.fromstring(time))
    assert not schema.validate(etree.fromstring(time.replace("href", "hrefs")))


def body(name: str, inner: str, attributes: str = "") -> str:
    return f'<{name} xmlns="{NAMESPACE}" {attributes}>{inner}</{name}>'


INTERVAL = "<duration>60</duration><start>1000</start>"
POWER = "<multiplier>0</multiplier><value>1</value>"
NOTIFICATION = (
    "<subscribedResource>/derp/1/derc</subscribedResource>"
    '<Resource xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="{}">{}</Resource>'
    "<status>0</status><subscriptionURI>https://a.example/sub/1</subscriptionURI>"
)
LINK_LIST = '<EndDeviceListLink href="/edev" all="{}"/>'


def curve(points: int) -> str:
    point = "<CurveData><xvalue>1</xvalue><yvalue>-1</yvalue></CurveData>"
    return (
        f"<mRID>0A</mRID><creationTime>0</creationTime>{point * points}<curveType>11</curveType>"
        "<xMultiplier>0</xMultiplier><yMultiplier>-2</yMultiplier><yRefType>3</yRefType>"
    )


@pytest.mark.parametrize(
    "document",
    [
        body("DateTimeInterval", INTERVAL),
        body("DeviceCapability", LINK_LIST.format(2), 'href="/dcap"'),
        body("DeviceCapability", "", 'href="/dcap" pollRate="300"'),
        body("ActivePower", "<multiplier>-3</multiplier><value>-32768</value>"),
        body("mRIDType", "0B00006CC8"),
        body("DERCurve", curve(1)),
        body("DERCurve", curve(10)),
        body("DERControlList", "", 'all="0" results="0" subscribable="1"'),
        body("Notification", NOTIFICATION.format("FunctionSetAssignmentsBase", "")),
        body("FixedVar", "<refType>1</refType><value>-10000</value>"),
        body("RealEnergy", "<multiplier>0</multiplier><value>281474976710655</value>"),
        body("SignedRealEnergy", "<multiplier>0</multiplier><value>140737488355328</value>"),
    ],
)
def test_what_the_standard_allows_is_valid(validator: etree.XMLSchema, document: str) -> None:
    assert validator.validate(etree.fromstring(document)), validator.error_log


@pytest.mark.parametrize(
    ("fault", "document"),
    [
        ("wrong order", body("DateTimeInterval", "<start>1000</start><duration>60</duration>")),
        ("missing element", body("DateTimeInterval", "<start>1000</start>")),
        ("element twice", body("DateTimeInterval", INTERVAL + "<start>1000</start>")),
        ("unknown element", body("DateTimeInterval", INTERVAL + "<end>1060</end>")),
        ("missing attribute", body("Link", "")),
        ("missing attribute", body("DERControlList", "", 'all="0"')),
        ("unknown attribute", body("Link", "", 'href="/a" rel="b"')),
        ("qualified attribute", body("Link", "", f'xmlns:s="{NAMESPACE}" s:href="/a"')),
        (
            "element without namespace",
            body("ActivePower", '<multiplier xmlns="">0</multiplier><value>1</value>'),
        ),
        ("other namespace", '<Link xmlns="http://ieee.org/2030.5" href="/a"/>'),
        ("no number", body("ActivePower", "<multiplier>0</multiplier><value>1.5</value>")),
        ("too large", body("ActivePower", "<multiplier>0</multiplier><value>32768</value>")),
        ("too large", body("RealEnergy", "<multiplier>0</multiplier><value>281474976710656</value>")),
        ("too small", body("SignedRealEnergy", "<multiplier>0</multiplier><value>-140737488355329</value>")),
        ("half an octet", body("mRIDType", "ABC")),
        ("too many octets", body("mRIDType", "00" * 17)),
        ("too long", body("String6", "seven..")),
        ("no point", body("DERCurve", curve(0))),
        ("too many points", body("DERCurve", curve(11))),
        ("negative count", body("DeviceCapability", LINK_LIST.format(-1))),
        ("type that is no Resource", body("Notification", NOTIFICATION.format("ActivePower", POWER))),
        ("text between elements", body("DeviceCapability", "text")),
    ],
)
def test_what_the_standard_forbids_is_refused(validator: etree.XMLSchema, fault: str, document: str) -> None:
    assert not validator.validate(etree.fromstring(document)), fault


def test_defaults_of_attributes_are_printed() -> None:
    parser = etree.XMLParser(
        attribute_defaults=True, schema=etree.XMLSchema(etree.fromstring(print_schema()))
    )
    document = etree.fromstring(body("DeviceCapability", ""), parser)
    assert document.get("pollRate") == "900"


def test_a_control_of_csip_aus_is_valid_in_its_edition(tmp_path: Path, validator: etree.XMLSchema) -> None:
    limit = sep.ActivePower(multiplier=0, value=5_000)
    base = sep.DERControlBase(opModEnergize=True, opModExpLimW=limit)
    document = etree.fromstring(xml.serialize(base, CSIP_AUS_12))
    assert load(CSIP_AUS_12, tmp_path).validate(document)
    assert not validator.validate(document)


def test_prices_of_csip_aus_are_valid_in_its_edition(tmp_path: Path) -> None:
    tariff = sep.TariffProfile(
        mRID=b"\x01",
        primacy=1,
        serviceCategoryKind=0,
        CombinedTimeTariffIntervalListLink=sep.CombinedTimeTariffIntervalListLink(href="/tp/1/tti", all=3),
    )
    document = etree.fromstring(xml.serialize(tariff, CSIP_AUS_13))
    schema = load(CSIP_AUS_13, tmp_path)
    assert schema.validate(document), schema.error_log


def test_a_document_of_2023_is_valid_in_its_edition_only(tmp_path: Path, validator: etree.XMLSchema) -> None:
    status = sep.DERStatus(readingTime=9, connectStatus=sep.ConnectStatusType2(dateTime=9, value=b"\x03"))
    document = etree.fromstring(xml.serialize(status, IEEE_2023))
    assert document.get("schemaVer") == "2.2"
    schema = load(IEEE_2023, tmp_path)
    assert schema.validate(document), schema.error_log
    assert not validator.validate(document)


def test_documentation_tells_the_values_of_enumerations_and_the_bits_of_bitmaps() -> None:
    text = print_schema()
    assert "Values: 0 SCHEDULED, 1 ACTIVE, 2 CANCELLED" in text
    assert "Bits: 0 IS_MIRROR, 1 IS_PREMISES_AGGREGATION_POINT" in text
    assert "From -3600 to 3600." in text


def test_an_edition_with_other_numbers_does_not_tell_those_of_2018() -> None:
    assert "23 opModVoltVar" in print_schema()
    assert "23 opModVoltVar" not in print_schema(EDITIONS["2.0.4"])
