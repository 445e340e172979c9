"""Accounts, meters, files and devices' data as the operator writes them: every field within its bounds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from lxml import etree

from openesi.errors import LocalError, PeerError
from openesi.sep2 import exi, resources, schema, xml
from openesi.sep2.json import known_fields
from openesi.sep2.xsd import print_schema
from openesi.server.tree import Hand
from server.esi import START, Esi, hrefs
from server.hand import put, write

SPAN = {"start": START, "duration": 60}
MONEY = {"monetaryUnit": 840, "multiplier": -2, "value": 100}
TYPE = {"uom": 72}

# Where something is written, and what is right there.
RIGHT: dict[str, Any] = {
    "/bill": {"currency": 840, "pricePowerOfTenMultiplier": 0, "customerName": "Ada"},
    "/bill/1/ss": {"email": "a@b.c", "phone": "1", "providerID": 1, "web": "x"},
    "/bill/1/ca": {"serviceAccount": "1", "serviceLocation": "here"},
    "/bill/1/ca/1/bp": {"interval": SPAN, "billToDate": 1, "statusTimeStamp": START},
    "/bill/1/ca/1/pro": {"description": "x"},
    "/bill/1/ca/1/tar": {"description": "x"},
    "/bill/1/ca/1/ver": {"description": "x"},
    "/bill/1/ca/1/pro/1/rt": TYPE | {"commodity": 1, "intervalLength": 900},
    "/bill/1/ca/1/pro/1/brs": {"timePeriod": SPAN},
    "/bill/1/ca/1/pro/1/brs/1/br": {"value": 1, "Charge": [{"value": 1, "kind": 0}], "timePeriod": SPAN},
    "/ppy": {"prepayMode": 0, "lowCreditWarningLevel": MONEY},
    "/ppy/1/ab": {"availableCredit": MONEY},
    "/ppy/1/os": {"serviceStatus": 0, "creditTypeInUse": 0},
    "/ppy/1/cr": {"creditAmount": MONEY, "effectiveTime": START, "token": "1", "creditType": 0},
    "/ppy/1/si": {"interval": SPAN, "description": "x"},
    "/upt": {"roleFlags": "00", "serviceCategoryKind": 0, "status": 1},
    "/upt/1/mr": {"description": "x"},
    "/upt/1/mr/1/rt": TYPE | {"phase": 0, "maxNumberOfIntervals": 4},
    "/upt/1/mr/1/r": {"value": 1, "qualityFlags": "01", "timePeriod": SPAN},
    "/upt/1/mr/1/rs": {"timePeriod": SPAN},
    "/upt/1/mr/1/rs/1/r": {"value": 1, "localID": "01"},
    "/file": {"mfID": 1, "mfModel": "M", "mfVer": "1", "type": "00", "activateTime": START},
    "/edev/1/cfg": {"currentLocale": "en", "userDeviceName": "x"},
    "/edev/1/di/loc": {"locale": "en"},
    "/edev/1/ps": {"batteryStatus": 0, "changedTime": START, "currentPowerSource": 1},
    "/edev/1/dstat": {"changedTime": START, "opState": 2},
    "/edev/1/ns": {"ifIndex": 1, "ifName": "x"},
    "/edev/1/lel": {
        "createdDateTime": START, "functionSet": 0, "logEventCode": 0, "logEventID": 0, "logEventPEN": 1,
        "profileID": 1,
    },
    "/edev/1/cp": {"connectionPointId": "2001985732"},
}  # fmt: skip
DECIDED = {"mRID", "changedTime", "createdDateTime", "size", "fileURI"}  # by the server, if not given
BELOW = {
    "/ppy": {"AccountBalance": {"availableCredit": MONEY}, "PrepayOperationStatus": {"serviceStatus": 0}},
    "/upt/1/mr": {"ReadingType": TYPE},
}


@pytest.fixture(scope="module")
def esi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Esi]:
    """A server where all of it stands already: what is refused changes nothing, what is right is undone."""
    server = Esi(tmp_path_factory.mktemp("esi"))
    server.register(1)
    for path, values in RIGHT.items():
        is_list = resources.match(path).resource.item is not None  # type: ignore[union-attr]
        whole = values | BELOW.get(path, {})
        write(server, path, whole, device=1) if is_list else put(server, path, whole)
    yield server
    server.close()


class Undone(Exception):
    pass


def try_out(esi: Esi, path: str, values: object) -> None:
    """Write as the operator would, and leave nothing behind."""

    def change(tx: Any) -> None:
        hand = Hand(tx=tx, now=int(esi.now), settings=esi.settings)
        if resources.match(path).resource.item is not None:  # type: ignore[union-attr]
            hand.insert(path, values)
        else:
            hand.put(path, values)
        raise Undone

    with pytest.raises(Undone):
        esi.change(change)


def beyond(kind: Any) -> list[Any]:
    """Return values that a field of this type cannot have."""
    if not isinstance(kind, schema.ValueType):
        return [1, [], {"unknown": 1}]
    if kind.is_integer:
        return [2**70, -(2**70), "1", 1.5, True]
    if kind.primitive.base == "boolean":
        return [1, "true"]
    return ["0" * 601, 1, {}]


@pytest.mark.parametrize("path", RIGHT)
def test_every_field_is_held_to_its_bounds(esi: Esi, path: str) -> None:
    found = resources.match(path)
    assert found is not None
    model = found.resource.item or found.resource.model
    values = RIGHT[path] | BELOW.get(path, {})
    if path in ("/ppy/1/cr", "/edev/1/di/loc", "/edev/1/ns", "/edev/1/lel"):  # there already, once is enough
        values = {**values, **{"token": "2", "locale": "de", "ifIndex": 2, "logEventID": 2}}
        values = {name: value for name, value in values.items() if name in known_fields(model)}
    try_out(esi, path, values)

    needed = {
        name
        for name, field in known_fields(model).items()
        if field.minimum and name not in DECIDED and not name.endswith("Link")
    }
    wrong: list[Any] = [None, 1, "x", [values], values | {"unknown": 1}]
    wrong += [{key: value for key, value in values.items() if key != name} for name in needed]
    for name, field in known_fields(model).items():
        if name not in values:
            continue
        wrong += [values | {name: bad} for bad in ([1, {}, [1]] if field.many else beyond(field.type))]
    for one in wrong:
        with pytest.raises((LocalError, PeerError)):
            try_out(esi, path, one)


def test_all_of_it_is_served_as_valid_documents_in_xml_and_exi(esi: Esi) -> None:
    valid = etree.XMLSchema(etree.fromstring(print_schema().encode()))
    waiting, seen = {"/dcap"}, set()
    while waiting:
        href = waiting.pop()
        seen.add(href)
        answer = esi.ask("GET", f"{href}?l=255")
        if href.endswith("/content"):
            continue
        assert answer.status == 200, href
        valid.assertValid(etree.fromstring(answer.body))
        packed = esi.ask("GET", f"{href}?l=255", accept="application/sep-exi")
        assert exi.decode(packed.body) == xml.parse(answer.body), href
        waiting |= hrefs(answer.body) - seen
    assert seen >= set(RIGHT) - {"/edev/1/cp"}  # which is Australian
