"""The program of one device: made once, found again, never taken for what came after it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from openesi.sep2 import model as sep
from openesi.server import groups, operator, own_program
from openesi.store import Row
from server.esi import Esi, lfdi_of


@pytest.fixture
def esi(tmp_path: Path) -> Iterator[Esi]:
    esi = Esi(tmp_path)
    yield esi
    esi.close()


def device(esi: Esi, number: int) -> Row:
    row = esi.look(lambda reader: reader.find("/edev", lfdi_of(number)))
    assert row is not None
    return row


def ensure(esi: Esi, number: int) -> str:
    row = device(esi, number)
    return esi.change(lambda tx: own_program.ensure(tx, row, esi.settings))


def test_it_is_made_once_and_seen_by_its_device_alone(esi: Esi) -> None:
    for number in (1, 2):
        esi.register(number)
    program = ensure(esi, 1)
    assert ensure(esi, 1) == program
    assert ensure(esi, 2) != program
    esi.restart()
    assert ensure(esi, 1) == program
    assert esi.get(program, device=1).primacy == 0
    assert esi.ask("GET", program, device=2).status == 404
    assert len(esi.look(lambda reader: groups.groups(reader))) == 2


def test_a_program_that_took_the_place_of_a_removed_one_is_not_the_devices(esi: Esi) -> None:
    esi.register(1)
    program = ensure(esi, 1)
    row = device(esi, 1)
    esi.change(lambda tx: tx.delete(program))
    assert esi.look(lambda reader: own_program.find(reader, row)) is None
    everybody = sep.DERProgram(mRID=b"\x01" * 16, description="Everybody", primacy=3)
    esi.change(lambda tx: tx.put(operator.make_row(program, everybody, listing="/derp", scope=b"public")))
    assert esi.look(lambda reader: own_program.find(reader, row)) is None
    assert ensure(esi, 1) != program


def test_a_group_that_was_removed_is_made_again(esi: Esi) -> None:
    esi.register(1)
    program = ensure(esi, 1)
    group = esi.look(lambda reader: groups.groups(reader))[0].href
    esi.change(lambda tx: groups.remove_group(tx, group))
    assert esi.ask("GET", program, device=1).status == 404
    assert ensure(esi, 1) == program
    assert esi.get(program, device=1).primacy == 0


def test_it_goes_with_its_device(esi: Esi) -> None:
    esi.register(1)
    program = ensure(esi, 1)
    esi.change(lambda tx: operator.remove_device(tx, lfdi_of(1)))
    assert esi.look(lambda reader: reader.get(program)) is None
    assert esi.look(lambda reader: groups.groups(reader)) == []
    esi.register(1)
    row = device(esi, 1)
    assert esi.look(lambda reader: own_program.find(reader, row)) is None
