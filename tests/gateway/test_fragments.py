from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openesi.gateway.fragments import (
    CurrentSummation,
    DeviceInfo,
    Foreign,
    FragmentError,
    InstantaneousDemand,
    JoinStatus,
    MeterList,
    NetworkStatus,
    Refusal,
    Scale,
    ScheduleInfo,
    TimeCluster,
    decode_signed,
    decode_time,
    decode_unsigned,
    from_fragment,
)
from openesi.gateway.raven import Fragment, StreamDecoder


def read(text: str) -> object:
    (fragment,) = StreamDecoder().receive(text.encode("cp1252"))
    return from_fragment(fragment)


def demand(**changed: str) -> str:
    fields = {"MeterMacId": "0x00135003001AECF6", "TimeStamp": "0x1be173c4", "Demand": "0x001540"}
    fields |= {"Multiplier": "0x00000001", "Divisor": "0x000003e8"} | changed
    return (
        "<InstantaneousDemand>"
        + "".join(f"<{k}>{v}</{k}>" for k, v in fields.items())
        + "</InstantaneousDemand>"
    )


def summation(**changed: str) -> str:
    fields = {"TimeStamp": "0x1be173c4", "SummationDelivered": "0x0000000000bc614e"}
    fields |= {"SummationReceived": "0x00000000", "Multiplier": "0x1", "Divisor": "0x3e8"} | changed
    body = "".join(f"<{k}>{v}</{k}>" for k, v in fields.items())
    return f"<CurrentSummationDelivered>{body}</CurrentSummationDelivered>"


def test_the_field_capture_is_5440_watts_at_the_time_of_the_table() -> None:
    read_demand = read(demand())

    assert read_demand == InstantaneousDemand("0x00135003001aecf6", 1414444868, 0x1540, Scale(1, 1000))
    assert isinstance(read_demand, InstantaneousDemand)
    assert read_demand.scale.to_base_unit(read_demand.demand) == 5440


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0x001540", 0x1540),
        ("0xfffc18", -1000),
        ("0xfffffc18", -1000),
        ("0xfffffffffffffc18", -1000),
        ("0X00FFFFFF", 0xFFFFFF),
        ("0x7fffff", 8_388_607),
        ("0x800001", -8_388_607),
    ],
)
def test_a_signed_number_is_sized_by_its_digits(text: str, value: int) -> None:
    assert decode_signed(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0x",
        "5440",
        "0x15g0",
        "0x00154",
        "0x1540",
        "0x800000",
        "0xff800000",
        "0x80000000",
        "0x" + "0" * 17,
        "-0x10",
    ],
)
def test_what_is_no_signed_number_is_refused(text: str) -> None:
    with pytest.raises(FragmentError):
        decode_signed(text)


@given(st.integers(-(1 << 23) + 1, (1 << 23) - 1), st.sampled_from([6, 8, 16]))
def test_every_24_bit_number_survives_in_every_width(value: int, digits: int) -> None:
    assert decode_signed(f"0x{value & ((1 << 4 * digits) - 1):0{digits}x}") == value


def test_a_zero_multiplier_or_divisor_counts_as_one() -> None:
    message = read(demand(Multiplier="0x00000000", Divisor="0x00000000"))

    assert isinstance(message, InstantaneousDemand)
    assert message.scale == Scale(1, 1)


def test_the_manuals_worked_example() -> None:
    assert Scale(2, 10_000).to_base_unit(123_456) == Fraction("24691.2")


def test_a_meter_with_multiplier_three() -> None:
    assert Scale(3, 1000).to_base_unit(0x222) == 1638


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0x00bc614e", 12_345_678),
        ("0x0000000000bc614e", 12_345_678),
        ("0x00000000ffffffff", 0xFFFF_FFFF),
        ("0x80000000", 0x8000_0000),
        ("0x0000fffffffffffe", (1 << 48) - 2),
        ("0xffffffff", None),
        ("0xffffffffffffffff", None),
        ("0x0000ffffffffffff", None),
    ],
)
def test_registers_are_unsigned_and_all_ones_is_no_value(text: str, value: int | None) -> None:
    message = read(summation(SummationDelivered=text))

    assert isinstance(message, CurrentSummation)
    assert message.delivered == value
    assert message.received == 0


@pytest.mark.parametrize("text", ["0x0001000000000000", "", "12", "0xzz"])
def test_a_register_above_48_bits_or_damaged_is_refused(text: str) -> None:
    with pytest.raises(FragmentError):
        read(summation(SummationDelivered=text))


@pytest.mark.parametrize("field", ["TimeStamp", "Demand", "Multiplier", "Divisor"])
def test_a_missing_or_doubled_number_is_refused(field: str) -> None:
    whole = demand()
    start = whole.index(f"<{field}>")
    end = whole.index(f"</{field}>") + len(field) + 3
    for broken in (whole[:start] + whole[end:], whole[:end] + whole[start:]):
        with pytest.raises(FragmentError):
            read(broken)


def test_numbers_of_a_fragment_with_a_damaged_tag_are_refused() -> None:
    with pytest.raises(FragmentError, match="damaged"):
        read(demand().replace("</Demand>", "</Dmand>"))


def test_times_count_from_2000_and_the_unknown_is_none() -> None:
    assert decode_time("0x1be173c4") == 1414444868
    assert decode_time("0x1BBDA100") == 946_684_800 + 0x1BBDA100
    assert decode_time("0x00000000") is None
    assert decode_time("0xffffffff") is None
    assert decode_time("0xfffffffe") is None, "past 2106, beyond an unsigned Unix second"
    with pytest.raises(FragmentError):
        decode_time("0x1ffffffff")


def test_unsigned_numbers_have_a_bound() -> None:
    assert decode_unsigned("0xff", most=255) == 255
    with pytest.raises(FragmentError):
        decode_unsigned("0x100", most=255)


def test_the_other_fragments() -> None:
    assert read("<MeterList><MeterMacId>0xAB</MeterMacId><MeterMacId/></MeterList>") == MeterList(("0xab",))
    assert read("<TimeCluster><UTCTime>0x1be173c4</UTCTime></TimeCluster>") == TimeCluster("", 1414444868)
    assert read("<PriceCluster><Price>0x1</Price></PriceCluster>") == Foreign("PriceCluster")
    assert read("<Warning><Text>Unknown command</Text></Warning>") == Refusal("Unknown command")
    assert read("<ProfileData><EndTime>0x0</EndTime></ProfileData>") is None


@pytest.mark.parametrize(
    ("frequency", "enabled", "expected"),
    [("0x0000003c", "Y", (60, True)), ("0xffffffff", "Y", (None, False)), ("0x0000003c", "N", (60, False))],
)
def test_schedules(frequency: str, enabled: str, expected: tuple[int | None, bool]) -> None:
    text = f"<Event>Price</Event><Frequency>{frequency}</Frequency><Enabled>{enabled}</Enabled>"

    assert read(f"<ScheduleInfo>{text}</ScheduleInfo>") == ScheduleInfo("", "price", *expected)


@pytest.mark.parametrize("status", [s for s in JoinStatus if s.wire])
def test_every_join_state_is_known_and_has_words(status: JoinStatus) -> None:
    text = f"<Status>{status.wire}</Status><Channel>20</Channel><LinkStrength>0x64</LinkStrength>"
    message = read(f"<ConnectionStatus><MeterMacId>0x1</MeterMacId>{text}</ConnectionStatus>")

    assert message == NetworkStatus("0x1", status, 20, 100)
    assert len(status.words) > 10


def test_a_network_status_tolerates_nonsense() -> None:
    text = (
        "<NetworkInfo><Status>?</Status><Channel>x</Channel><LinkStrength>0xffff</LinkStrength></NetworkInfo>"
    )

    assert read(text) == NetworkStatus("", JoinStatus.UNKNOWN, None, 100)


def test_the_install_code_does_not_get_into_logs() -> None:
    info = read("<DeviceInfo><DeviceMacId>0xd8</DeviceMacId><InstallCode>0x1234</InstallCode></DeviceInfo>")

    assert isinstance(info, DeviceInfo)
    assert info.install_code == "0x1234"
    assert "1234" not in repr(info)


def test_an_unknown_root_says_nothing() -> None:
    assert from_fragment(Fragment("Command", ())) is None
