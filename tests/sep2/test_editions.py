"""The editions: one value, as each peer wants it."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from openesi.sep2 import model as sep
from openesi.sep2 import xml
from openesi.sep2.editions import (
    CSIP_AUS_12,
    CSIP_AUS_13,
    DRAFT_2_0_4,
    EDITIONS,
    IEEE_2013,
    IEEE_2018,
    IEEE_2023,
    VOLTTRON,
    Edition,
)
from openesi.sep2.errors import DecodeError, EncodeError
from openesi.sep2.xsd import print_schemas

DOCUMENTS = sorted((Path(__file__).parent / "documents").glob("*.xml"))


@pytest.fixture(scope="module")
def schemas(tmp_path_factory: pytest.TempPathFactory) -> dict[str, etree.XMLSchema]:
    found = {}
    for edition in (IEEE_2018, IEEE_2013):
        folder = tmp_path_factory.mktemp(edition.name)
        printed = print_schemas(edition)
        for name, text in printed.items():
            (folder / name).write_text(text, encoding="utf-8")
        found[edition.name] = etree.XMLSchema(file=str(folder / next(iter(printed))))
    return found


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_real_documents_are_valid_read_and_written(path, schemas):
    edition = EDITIONS[path.stem.partition("-")[0]]
    document = path.read_bytes()
    schemas[edition.name].assertValid(etree.fromstring(document))
    value = xml.parse(document, edition)
    written = xml.serialize(value, edition)
    schemas[edition.name].assertValid(etree.fromstring(written))
    assert xml.parse(written, edition) == value
    # The same, but for what means nothing: order of attributes, white space, case of hex digits.
    assert sorted(leaves(written)) == sorted(leaves(document))


def leaves(document: bytes) -> list[tuple[str, str]]:
    root = etree.fromstring(document)
    texts = [(one.tag, (one.text or "").strip().upper()) for one in root.iter()]
    return texts + [(f"{one.tag}@{name}", text) for one in root.iter() for name, text in one.items()]


def test_there_are_documents_to_read():
    assert len(DOCUMENTS) == 27


# --- one value for two peers --------------------------------------------------------------------------------


def test_one_capability_is_told_to_one_client_as_2018_and_to_another_as_2013():
    capability = sep.DERCapability(
        modesSupported=(1 << 3 | 1 << 5 | 1 << 20 | 1 << 23).to_bytes(4, "big"),
        rtgMaxW=sep.ActivePower(multiplier=0, value=10000),
        rtgMaxVA=sep.ApparentPower(multiplier=0, value=10500),
        rtgMinPFUnderExcited=sep.PowerFactor(displacement=900, multiplier=-3),
        rtgVNom=sep.VoltageRMS(multiplier=0, value=240),
        type=83,
    )
    assert xml.serialize(capability, IEEE_2018) == (
        b'<DERCapability xmlns="urn:ieee:std:2030.5:ns"><modesSupported>00900028</modesSupported>'
        b"<rtgMaxVA><multiplier>0</multiplier><value>10500</value></rtgMaxVA>"
        b"<rtgMaxW><multiplier>0</multiplier><value>10000</value></rtgMaxW>"
        b"<rtgMinPFUnderExcited><displacement>900</displacement><multiplier>-3</multiplier></rtgMinPFUnderExcited>"
        b"<rtgVNom><multiplier>0</multiplier><value>240</value></rtgVNom><type>83</type></DERCapability>"
    )
    assert xml.serialize(capability, IEEE_2013) == (
        b'<DERCapability xmlns="http://zigbee.org/sep"><modesSupported>0000B001</modesSupported>'
        b"<rtgA><multiplier>0</multiplier><value>0</value></rtgA>"
        b"<rtgMinPFNeg><displacement>-900</displacement><multiplier>-3</multiplier></rtgMinPFNeg>"
        b"<rtgVA><multiplier>0</multiplier><value>10500</value></rtgVA>"
        b"<rtgW><multiplier>0</multiplier><value>10000</value></rtgW><type>82</type></DERCapability>"
    )
    assert xml.serialize(capability, DRAFT_2_0_4).startswith(
        b'<DERCapability xmlns="http://ieee.org/2030.5">'
    )
    read = xml.parse(xml.serialize(capability, IEEE_2013), IEEE_2013)
    ampere = sep.CurrentRMS(multiplier=0, value=0)
    assert read == sep.replace(capability, rtgVNom=None, rtgMaxA=ampere)


@pytest.mark.parametrize(("excitation", "signed"), [(True, 950), (False, -950)])
def test_the_excitation_of_a_power_factor_is_its_sign_in_2013(excitation, signed):
    factor = sep.PowerFactorWithExcitation(displacement=950, excitation=excitation, multiplier=-3)
    control = sep.DERControlBase(opModFixedPFInjectW=factor)
    document = xml.serialize(control, IEEE_2013)
    assert f"<opModFixedPF><displacement>{signed}</displacement>".encode() in document
    assert b"excitation" not in document
    assert xml.parse(document, IEEE_2013) == control


def test_modes_and_curves_are_renumbered():
    curve = sep.DERCurve(
        mRID=b"\1",
        creationTime=0,
        CurveData=(sep.CurveData(xvalue=1, yvalue=1),),
        curveType=11,  # volt-var
        xMultiplier=0,
        yMultiplier=0,
        yRefType=2,
    )
    document = xml.serialize(curve, IEEE_2013)
    assert b"<curveType>0</curveType>" in document
    assert xml.parse(document, IEEE_2013) == curve
    settings = sep.DERSettings(
        modesEnabled=(1 << 23).to_bytes(4, "big"),
        setGradW=1,
        setMaxW=sep.ActivePower(multiplier=0, value=1),
        updatedTime=0,
    )
    assert b"<modesEnabled>00000001</modesEnabled>" in xml.serialize(settings, IEEE_2013)


def test_what_2013_does_not_know_is_left_out():
    control = sep.DERControlBase(opModMaxLimW=5000, opModHFRTMayTrip=sep.DERCurveLink(href="/dc/1"))
    assert xml.parse(xml.serialize(control, IEEE_2013), IEEE_2013) == sep.DERControlBase(opModMaxLimW=5000)
    with pytest.raises(EncodeError, match="does not exist in edition 2013"):
        xml.serialize(sep.GPSLocationType(lat="0", lon="0"), IEEE_2013)


@pytest.mark.parametrize("edition", [IEEE_2013, DRAFT_2_0_4, VOLTTRON], ids=lambda edition: edition.name)
def test_a_list_is_told_as_long_as_an_edition_can_count(edition: Edition) -> None:
    listed = sep.EndDeviceList(href="/edev", all=70_000, results=edition.most_results)
    assert edition.most_results == 255
    assert b'all="65535"' in xml.serialize(listed, edition)
    link = sep.DeviceCapability(EndDeviceListLink=sep.EndDeviceListLink(href="/edev", all=70_000))
    assert b'all="65535"' in xml.serialize(link, edition)
    assert b'all="70000"' in xml.serialize(link, IEEE_2018)


def test_what_2013_counts_in_less_is_refused_when_it_does_not_fit():
    settings = sep.DefaultDERControl(mRID=b"\1", DERControlBase=sep.DERControlBase(), setESDelay=70_000)
    with pytest.raises(EncodeError, match=r"DefaultDERControl\.setESDelay"):
        xml.serialize(settings, IEEE_2013)


@pytest.mark.parametrize(
    "edition", [IEEE_2013, DRAFT_2_0_4, IEEE_2023, CSIP_AUS_12], ids=lambda one: one.name
)
def test_a_2018_peer_refuses_other_namespaces_and_skips_what_is_added(edition: Edition):
    value = sep.DERControlBase(
        opModMaxLimW=1, opModImpLimW=sep.ActivePower(multiplier=0, value=1), opModIslandPermit=True
    )
    document = xml.serialize(value, edition)
    if edition.namespace == IEEE_2018.namespace:
        assert xml.parse(document) == sep.DERControlBase(opModMaxLimW=1)
    else:
        with pytest.raises(DecodeError, match="set this peer's edition"):
            xml.parse(document)


def test_2023_says_its_schema_version_and_2018_does_not():
    status = sep.DERStatus(connectStatus=sep.ConnectStatusType2(dateTime=0, value=b"\3"), readingTime=0)
    document = xml.serialize(status, IEEE_2023)
    assert document.startswith(b'<DERStatus xmlns="urn:ieee:std:2030.5:ns" schemaVer="2.2"><connectStatus>')
    assert xml.parse(document, IEEE_2023) == status
    assert xml.serialize(status, IEEE_2018) == (
        b'<DERStatus xmlns="urn:ieee:std:2030.5:ns"><readingTime>0</readingTime></DERStatus>'
    )


# --- CSIP-AUS -----------------------------------------------------------------------------------------------


def watts(value: int) -> sep.ActivePower:
    return sep.ActivePower(multiplier=0, value=value)


def test_csip_aus_controls_live_in_their_namespaces_after_those_of_the_standard():
    control = sep.DERControlBase(
        opModConnect=True,
        rampTms=100,
        opModImpLimW=watts(1),
        opModLoadLimW=watts(4),
        opModStorageTargetW=watts(-5),
    )
    root = etree.fromstring(xml.serialize(control, CSIP_AUS_13))
    assert [one.tag for one in root] == [
        "{urn:ieee:std:2030.5:ns}opModConnect",
        "{urn:ieee:std:2030.5:ns}rampTms",
        "{https://csipaus.org/ns/v1.3}opModImpLimW",
        "{https://csipaus.org/ns/v1.3}opModLoadLimW",
        "{https://csipaus.org/ns/v1.3}opModStorageTargetW",
    ]
    assert root[2][1].tag == "{urn:ieee:std:2030.5:ns}value"
    assert xml.parse(xml.serialize(control, CSIP_AUS_13), CSIP_AUS_13) == control
    assert xml.parse(xml.serialize(control, CSIP_AUS_12), CSIP_AUS_12) == sep.replace(
        control, opModStorageTargetW=None
    )


def test_csip_aus_elements_in_the_namespace_of_the_standard_are_not_taken_for_theirs():
    document = xml.serialize(sep.DERControlBase(opModImpLimW=watts(1)), CSIP_AUS_12)
    moved = document.replace(b"https://csipaus.org/ns", b"urn:ieee:std:2030.5:ns")
    assert xml.parse(moved, CSIP_AUS_12) == sep.DERControlBase()


def test_a_connection_point_needs_no_prefix():
    point = sep.ConnectionPoint(href="/edev/1/cp", connectionPointId="NMI123")
    document = xml.serialize(point, CSIP_AUS_12)
    assert document == (
        b'<ConnectionPoint xmlns="https://csipaus.org/ns" href="/edev/1/cp">'
        b"<connectionPointId>NMI123</connectionPointId></ConnectionPoint>"
    )
    assert xml.parse(document, CSIP_AUS_12) == point


def test_a_notification_names_a_type_of_another_namespace():
    point = sep.ConnectionPoint(connectionPointId="NMI123")
    value = sep.Notification(subscribedResource="/", Resource=point, status=0, subscriptionURI="/")
    document = xml.serialize(value, CSIP_AUS_12)
    assert b'xsi:type="csipaus:ConnectionPoint"' in document
    assert etree.fromstring(document)[1][0].tag == "{https://csipaus.org/ns}connectionPointId"
    assert xml.parse(document, CSIP_AUS_12) == value
