from __future__ import annotations

import pytest

from openesi.errors import LocalError
from openesi.gateway import commands
from openesi.gateway.commands import Query, query, schedule_off, schedule_read

_NEVER = """
    factory_reset set_schedule_default set_meter_info get_message confirm_message get_current_price
    set_current_price close_current_period set_fast_poll set_meter_attributes set_local_attributes
    set_restart_info set_billing_period set_billing_period_list set_price_block set_block_structure
    image_block_dump image_invalidate erase_halt secret print_network_tables get_time
    get_billing_periods get_price_blocks get_profile_data
"""
NEVER_SENT = _NEVER.split()


@pytest.mark.parametrize("name", NEVER_SENT)
def test_what_writes_or_reads_another_cluster_cannot_be_built(name: str) -> None:
    assert name not in {what.value for what in Query}
    with pytest.raises(ValueError, match=name):
        Query(name)


def test_everything_that_can_be_built_is_on_the_list() -> None:
    built = [query(what) for what in Query]
    built += [schedule_read(event, 4) for event in commands.SCHEDULED_READS]
    built += [schedule_off(event) for event in (*commands.SCHEDULES_OFF, *commands.SCHEDULES_OFF_IF_PRESENT)]

    assert {command.name for command in built} == {what.value for what in Query} | {"set_schedule"}
    assert not {command.name for command in built} & set(NEVER_SENT)


def test_the_wire() -> None:
    mac = "0x00135003001aecf6"

    assert query(Query.METER_LIST).wire == b"<Command><Name>get_meter_list</Name></Command>\r\n"
    assert query(Query.DEMAND, meter_mac_id=mac).wire == (
        b"<Command><Name>get_instantaneous_demand</Name><MeterMacId>0x00135003001aecf6</MeterMacId>"
        b"<Refresh>Y</Refresh></Command>\r\n"
    )
    assert schedule_read("demand", 10).wire == (
        b"<Command><Name>set_schedule</Name><Event>demand</Event><Frequency>0x0000000a</Frequency>"
        b"<Enabled>Y</Enabled></Command>\r\n"
    )
    assert b"<Frequency>0xffffffff</Frequency><Enabled>N</Enabled>" in schedule_off("price").wire


@pytest.mark.parametrize("event", ["price", "message", "time", "profile_data", "x</Event>", ""])
def test_only_demand_and_summation_can_be_switched_on(event: str) -> None:
    with pytest.raises(LocalError, match="only demand and summation"):
        schedule_read(event, 10)


@pytest.mark.parametrize("interval_s", [0, 3, -1, 3601])
def test_faster_than_the_meter_allows_is_refused(interval_s: int) -> None:
    with pytest.raises(LocalError, match="4 to 3600"):
        schedule_read("demand", interval_s)


@pytest.mark.parametrize("mac", ["1", "0x12", "0x00135003001aecf6<", "</Command><Command>"])
def test_a_meter_id_cannot_carry_a_command(mac: str) -> None:
    with pytest.raises(LocalError, match="MAC"):
        query(Query.DEMAND, meter_mac_id=mac)


def test_schedules_of_reads_cannot_be_confused_with_those_to_switch_off() -> None:
    with pytest.raises(LocalError):
        schedule_off("demand")
