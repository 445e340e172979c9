"""CBKE suite 1 against the vectors of the Smart Energy specification, annex C.5, and by its properties."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openesi.provisioning.se import cbke, curve, field

CA_PUBLIC = bytes.fromhex("0200FDE8A7F3D1084224962A4E7C54E69AC3F04DA6B8")
V_CERTIFICATE = cbke.Certificate.parse(
    bytes.fromhex(
        "03045FDFC8D85FFB8B3993CB72DDCAA55F00B3E87D6D0000000000000001544553545345434101090006000000000000"
    )
)
V_PRIVATE = 0x00B8A900FCADEBABBFA383B540FCE9ED438395EAA7
V_PUBLIC = "030290A1F5C08DAD5F2945E335620C7A98FAC46666A1"
V_EPHEMERAL = cbke.KeyPair(
    0x03D48C7210DDBCC4FB2E5E7A0AA16A0DB89540820B,
    bytes.fromhex("0306AB52062201D995B8B8591F3F086A3A2E214D845E"),
)
U_CERTIFICATE = cbke.Certificate.parse(
    bytes.fromhex(
        "020615E07D30ECA2DAD58002E667D94BC1B4223983070000000000000002544553545345434101090006000000000000"
    )
)
U_PRIVATE = 0x01E9DDB5580CF72ECE7F215F0AE594E48DF3E7FEE8
U_PUBLIC = "03025BBA38D0C7B5436B68DF728F093E7A1D6C437E6D"
U_EPHEMERAL = cbke.KeyPair(
    0x0013D36DE4B1EA8E22739C381370823F404BFF8862,
    bytes.fromhex("0300E117C86D0E7CD128B2F34E9076CFF24AF46D7288"),
)
Z = "00E0D2C3CCD5C106A89C4F6CC26A5F7EC9DF78A7BE"
MAC_KEY = "90F967B22C8357C10C1C04788DE9E848"
KEY_DATA = "86D58AAA998E2FAEFAF9FEF49606543A"
MAC_U = "B82F1F9774740C32F80FCFC3921B6420"
MAC_V = "79D5F2AD1C31D4D1EE7CB719AC683C3C"


def text(octets: bytes) -> str:
    return octets.hex().upper()


@pytest.mark.parametrize(
    ("private", "public"),
    [
        (V_PRIVATE, V_PUBLIC),
        (U_PRIVATE, U_PUBLIC),
        (V_EPHEMERAL.private, text(V_EPHEMERAL.public)),
        (U_EPHEMERAL.private, text(U_EPHEMERAL.public)),
    ],
)
def test_public_keys_follow_from_private_ones(private: int, public: str) -> None:
    assert text(cbke.public_key(private)) == public


@pytest.mark.parametrize(("certificate", "public"), [(V_CERTIFICATE, V_PUBLIC), (U_CERTIFICATE, U_PUBLIC)])
def test_public_key_is_reconstructed_from_the_certificate(certificate: cbke.Certificate, public: str) -> None:
    assert text(certificate.public_key(CA_PUBLIC)) == public
    assert cbke.Certificate.parse(certificate.serialize()) == certificate


def test_both_sides_reach_the_specified_secret() -> None:
    of_u = cbke.shared_secret(U_PRIVATE, U_EPHEMERAL, bytes.fromhex(V_PUBLIC), V_EPHEMERAL.public)
    of_v = cbke.shared_secret(V_PRIVATE, V_EPHEMERAL, bytes.fromhex(U_PUBLIC), U_EPHEMERAL.public)

    assert text(of_u) == text(of_v) == Z


def test_keys_and_confirmations_are_the_specified_ones() -> None:
    keys = cbke.derive_keys(bytes.fromhex(Z))
    transcript = cbke.Transcript(
        U_CERTIFICATE.subject, V_CERTIFICATE.subject, U_EPHEMERAL.public, V_EPHEMERAL.public
    )

    assert text(keys.mac_key) == MAC_KEY
    assert text(keys.key_data) == KEY_DATA
    assert text(transcript.initiator_mac(keys.mac_key)) == MAC_U
    assert text(transcript.responder_mac(keys.mac_key)) == MAC_V


@settings(max_examples=4, deadline=None)
@given(st.binary(min_size=8, max_size=8), st.binary(min_size=8, max_size=8))
def test_devices_of_one_authority_agree(left: bytes, right: bytes) -> None:
    authority = cbke.CertificateAuthority.generate(b"OPENESI0")
    a, b = authority.issue(eui64=left), authority.issue(eui64=right)
    ephemeral_a, ephemeral_b = cbke.generate_key_pair(), cbke.generate_key_pair()

    of_a = cbke.agree(
        a, ephemeral_a, peer=b.certificate, peer_ephemeral=ephemeral_b.public, authority=authority.public
    )
    of_b = cbke.agree(
        b, ephemeral_b, peer=a.certificate, peer_ephemeral=ephemeral_a.public, authority=authority.public
    )

    assert of_a == of_b


def test_an_issued_private_key_belongs_to_its_certificate() -> None:
    authority = cbke.CertificateAuthority.generate(b"OPENESI0")

    identity = authority.issue(eui64=bytes(8))

    assert cbke.public_key(identity.private) == identity.certificate.public_key(authority.public)


def test_no_secret_is_in_a_text_form() -> None:
    identity = cbke.Identity(V_CERTIFICATE, V_PRIVATE)
    keys = cbke.derive_keys(bytes.fromhex(Z))

    shown = f"{identity!r}{keys!r}{V_EPHEMERAL!r}"

    assert str(V_PRIVATE) not in shown
    assert str(V_EPHEMERAL.private) not in shown
    assert repr(keys.key_data) not in shown


@settings(max_examples=10, deadline=None)
@given(st.integers(1, curve.N - 1), st.integers(1, curve.N - 1))
def test_scalars_add_as_points_do(left: int, right: int) -> None:
    total = (left + right) % curve.N
    if total == 0:
        return

    summed = curve.add(curve.multiply(left, curve.G), curve.multiply(right, curve.G))

    assert summed == curve.multiply(total, curve.G)


@settings(max_examples=60)
@given(
    st.binary(min_size=22, max_size=22)
    | st.builds(lambda x: b"\x02\x01" + x, st.binary(min_size=20, max_size=20))
)
def test_bytes_are_a_point_or_an_error(octets: bytes) -> None:
    try:
        point = curve.decode_point(octets)
    except curve.CurveError:
        return

    assert curve.encode_point(point) == octets


@pytest.mark.parametrize(
    "octets", [b"", bytes(22), b"\x02" + bytes(21), b"\x04" + bytes(21), b"\x02" + b"\xff" * 21]
)
def test_points_that_would_betray_a_key_are_refused(octets: bytes) -> None:
    with pytest.raises(curve.CurveError):
        curve.decode_point(octets)


def test_the_order_of_the_generator_ends_at_infinity() -> None:
    with pytest.raises(curve.CurveError):
        curve.multiply(curve.N, curve.G)


def test_multiples_are_repeated_sums() -> None:
    point, total = curve.multiply(0x123456789ABCDEF, curve.G), None

    for scalar in range(1, 70):
        total = point if total is None else curve.add(total, point)
        assert curve.multiply(scalar, point) == total


@pytest.mark.parametrize("scalar", [1, 2, 3, 4, curve.N - 1, curve.N + 2, 2 * curve.N - 1])
def test_points_outside_the_subgroup_are_multiplied_right(scalar: int) -> None:
    of_order_two = curve.Point(0, 1)
    inside = curve.multiply(7, curve.G)
    outside = curve.add(inside, of_order_two)

    product = curve.multiply(scalar, outside)

    expected = curve.multiply(scalar % curve.N, inside)
    assert product == (expected if scalar % 2 == 0 else curve.add(expected, of_order_two))


@given(st.integers(1, 1 << 162))
def test_every_element_has_an_inverse_and_conjugates(bits: int) -> None:
    element = field.from_octets(bits.to_bytes(field.BYTES))

    assert field.multiply(element, field.invert(element)) == field.ONE
    assert field.to_octets(element) == bits.to_bytes(field.BYTES)
    assert field.conjugate(field.to_normal(element), 2) == field.square(field.multiply(element, element))


def test_zero_has_no_inverse() -> None:
    with pytest.raises(field.FieldError):
        field.invert(0)
