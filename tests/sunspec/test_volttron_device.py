"""A device as VOLTTRON's drivers see it, against a real server; and the driver of monolithic VOLTTRON."""

from __future__ import annotations

import abc
import os
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from openesi.errors import LocalError, Unreachable
from openesi.sunspec.values import Semantics
from openesi.sunspec.volttron.api import PointServer
from openesi.sunspec.volttron.device import PointDevice, ReadOnly, rows_of_map
from openesi.web.listener import listening
from sunspec.charger import READINGS
from web.house import House, house_in
from web.test_points import POINT, plug_in, sfdi_of

SFDI = sfdi_of(1)
COLUMNS_2020 = (
    "Volttron Point Name",
    "IEEE2030_5 Resource Name",
    "IEEE2030_5 Field Name",
    "Units",
    "Writable",
)
REGISTRY_2020 = [
    dict(zip(COLUMNS_2020, row, strict=True))
    for row in (
        ("b1_SN", "DeviceInformation", "sFDI", "NA", "FALSE"),
        ("b113_A", "MirrorMeterReading", "PhaseCurrentAvg", "NA", "FALSE"),
        (POINT, "DERControl", "DERControlBase.opModFixedFlow", "W", "TRUE"),
        ("b802_SoC", "DERStatus", "inverterStatus", "% WHRtg", "FALSE"),
        ("b802_State", "DERStatus", "stateOfChargeStatus", "NA", "FALSE"),
    )
]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house_in(Path(tmp_path_factory.mktemp("house"))) as made:
        plug_in(made, 1)
        yield made


@pytest.fixture
def server(house: House) -> Iterator[PointServer]:
    server = PointServer(house.url, **credentials(house))
    yield server
    server.revert_all(SFDI)
    server.config_points(SFDI, None, semantics=Semantics.DOCUMENTED)
    server.close()


@pytest.fixture
def config(house: House, server: PointServer) -> dict[str, Any]:
    del server  # puts right what is left behind
    return {"sfdi": SFDI, "api": house.url, **credentials(house)}


Make = Callable[[dict[str, Any]], PointDevice]


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[PointDevice] = []

    def device(config: dict[str, Any]) -> PointDevice:
        made.append(PointDevice(config))
        return made[-1]

    yield device
    for one in made:
        one.server.close()


def credentials(house: House) -> dict[str, str]:
    token = getattr(house, "token", None)
    return {"token": token} if token else {}


def test_without_a_registry_a_device_has_the_packaged_points(config: dict[str, Any], make: Make) -> None:
    device = make(config)
    table = device.take_registry([])
    values = device.get_all()
    assert list(values) == list(table)
    assert values["b403_Tmp"] == 128_000.0
    assert values[POINT] is None
    assert device.get("b802_SoC") == 7.77


def test_the_registry_of_2020_gives_its_points_with_types_and_the_right_soc(
    config: dict[str, Any], make: Make
) -> None:
    device = make(config)
    assert list(device.take_registry(REGISTRY_2020)) == [row["Volttron Point Name"] for row in REGISTRY_2020]
    assert device.get_all() == {"b1_SN": SFDI, "b113_A": 24.0, POINT: None, "b802_SoC": 7.77, "b802_State": 3}
    raw = make({**config, "semantics": "volttron-raw"})
    raw.take_registry(REGISTRY_2020)
    assert raw.get_all()["b802_State"] == 7.77


def test_the_registry_of_2017_names_points_of_the_packaged_table(config: dict[str, Any], make: Make) -> None:
    device = make(config)
    device.take_registry([{"Volttron Point Name": "charge", "Point Name": POINT, "Writable": "TRUE"}])
    assert device.set("charge", 5) == 5.0
    assert device.get_all() == {"charge": 5.0}
    device.revert("charge")
    assert device.get("charge") is None


def test_without_a_registry_a_device_has_the_points_that_the_server_has(
    server: PointServer, config: dict[str, Any], make: Make
) -> None:
    server.config_points(
        SFDI, [{"Point": "left", "Resource": "PowerStatus", "Field": "PEVInfo.energyRequestNow"}]
    )
    device = make(config)
    assert list(device.take_registry([])) == ["left"]
    assert device.get_all() == {"left": 6100.0}
    device.take_registry([{"Volttron Point Name": "need", "Point Name": "left"}])
    assert device.get_all() == {"left": 6100.0, "need": 6100.0}


def test_a_device_at_two_places_has_the_points_of_both(config: dict[str, Any], make: Make) -> None:
    device = make(config)
    device.take_registry([])
    device.take_registry([{"Point": "state", "Resource": "DERStatus", "Field": "inverterStatus.value"}])
    values = device.get_all()
    assert (len(values), values["state"], values["b403_Tmp"]) == (27, 4, 128_000.0)


def test_a_server_that_is_down_is_told_the_table_later(config: dict[str, Any], make: Make) -> None:
    device = make({**config, "api": "http://127.0.0.1:1"})
    assert len(device.take_registry([])) == 26
    with pytest.raises(Unreachable):
        device.get_all()


def test_zero_is_set_and_what_is_no_number_is_not(config: dict[str, Any], make: Make) -> None:
    device = make({**config, "duration_s": 60})
    device.take_registry([])
    assert device.set(POINT, 0) == 0.0
    assert device.set(POINT, "12.5") == 12.5
    for value in ("much", None, True, float("nan"), [1]):
        with pytest.raises(ValueError, match="no number"):
            device.set(POINT, value)
    with pytest.raises(LocalError, match="out of range"):
        device.set(POINT, 21)
    assert device.get(POINT) == 12.5


def test_an_error_is_told_as_one(config: dict[str, Any], make: Make) -> None:
    device = make({**config, "sfdi": "097935300833"})
    with pytest.raises(LocalError, match="no device"):
        device.get_all()
    with pytest.raises(Unreachable, match="no OpenESI server"):
        make({**config, "api": "http://127.0.0.1:1"}).get("b1_Md")


@pytest.mark.parametrize(
    "wrong", [{}, {"sfdi": "123"}, {"sfdi": None}, {"sfdi": []}, {"sfdi": SFDI, "semantics": "mine"}]
)
def test_a_configuration_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"sfdi|semantics"):
        PointDevice(wrong)


def test_a_registry_that_cannot_be_is_refused(config: dict[str, Any], make: Make) -> None:
    with pytest.raises(ValueError, match="no field"):
        make(config).take_registry(
            [{"Volttron Point Name": "x", "SEP2 Resource Name": "DERStatus", "SEP2 Field Name": "nothing"}]
        )


def test_an_sfdi_as_a_number_keeps_its_leading_zeros(config: dict[str, Any], make: Make) -> None:
    assert make({**config, "sfdi": int(SFDI)}).sfdi == SFDI


def test_the_point_map_of_the_old_agent(server: PointServer) -> None:
    columns = {"SEP2 Resource Name": "DERStatus", "SEP2 Field Name": "stateOfChargeStatus"}
    server.config_points(SFDI, rows_of_map({"soc": columns}))
    assert server.get_points(SFDI) == {"soc": 7.77}


def test_the_operators_token_is_shown(house: House, make: Make, tmp_path: Path) -> None:
    token = "t" * 40
    file = tmp_path / "operator.token"
    file.write_text(token + "\n")
    serving = listening(house.service, host="127.0.0.1", port=0, token=token)
    url = house.run(serving.__aenter__())
    try:
        for shown in ({"token": token}, {"token_file": str(file)}):
            device = make({"sfdi": SFDI, "api": url, **shown})
            assert device.set(POINT, 3) == 3.0
            device.revert_all()
        with pytest.raises(LocalError, match="token"):
            make({"sfdi": SFDI, "api": url}).set(POINT, 3)
        with pytest.raises(ValueError, match="token_file"):
            make({"sfdi": SFDI, "api": url, "token_file": str(tmp_path / "nothing")})
    finally:
        house.run(serving.__aexit__(None, None, None))


# --- monolithic VOLTTRON ------------------------------------------------------------------------------------

SOURCE = os.environ.get("VOLTTRON_SOURCE")


def _contract() -> types.ModuleType:
    """Return what monolithic VOLTTRON's base classes ask for and give, as far as a driver meets it."""

    class BaseRegister:
        def __init__(self, kind: str, read_only: bool, name: str, units: str, description: str = "") -> None:
            self.register_type, self.read_only, self.point_name = kind, read_only, name
            self.units, self.description, self.python_type = units, description, int

    class BaseInterface(metaclass=abc.ABCMeta):  # noqa: B024 (its abstract methods come from the loop)
        def __init__(self, vip: object = None, core: object = None, **more: object) -> None:
            self.point_map: dict[str, BaseRegister] = {}

        def insert_register(self, register: BaseRegister) -> None:
            self.point_map[register.point_name] = register

        def get_register_by_name(self, name: str) -> BaseRegister:
            return self.point_map[name]

        for method in ("configure", "get_point", "set_point", "scrape_all", "revert_all", "revert_point"):
            vars()[method] = abc.abstractmethod(lambda self, *given, **named: None)

    module = types.ModuleType("platform_driver.interfaces")
    module.BaseRegister, module.BaseInterface = BaseRegister, BaseInterface  # type: ignore[attr-defined]
    return module


@pytest.fixture(params=["contract", "checkout"])
def interface(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    if request.param == "contract":
        monkeypatch.setitem(sys.modules, "platform_driver", types.ModuleType("platform_driver"))
        monkeypatch.setitem(sys.modules, "platform_driver.interfaces", _contract())
    elif SOURCE is None:
        pytest.skip("monolithic VOLTTRON is on no registry: name a checkout of it in VOLTTRON_SOURCE")
    else:
        monkeypatch.syspath_prepend(str(Path(SOURCE) / "services" / "core" / "PlatformDriverAgent"))
    monkeypatch.delitem(sys.modules, "openesi.sunspec.volttron.monolithic", raising=False)
    from openesi.sunspec.volttron.monolithic import Interface

    yield Interface()
    sys.modules.pop("openesi.sunspec.volttron.monolithic", None)


def test_the_driver_of_monolithic_volttron(interface: Any, config: dict[str, Any]) -> None:
    interface.configure({**config, "IEEE2030_5_agent_id": "IEEE2030_5agent"}, REGISTRY_2020)
    assert interface.scrape_all()["b113_A"] == READINGS["PhaseCurrentAvg"][0]
    assert interface.get_register_by_name("b113_A").python_type is float
    assert interface.get_register_by_name("b113_A").units == "A"
    assert interface.set_point(POINT, 0) == 0.0
    assert interface.get_point(POINT) == 0.0
    assert interface.set_point(POINT, 8, duration_s=60) == 8.0
    interface.revert_point(POINT)
    assert interface.get_point(POINT) is None
    interface.set_point(POINT, 8)
    interface.revert_all()
    assert interface.get_point(POINT) is None
    with pytest.raises(ReadOnly, match="Trying to write to a point configured read only: b113_A"):
        interface.set_point("b113_A", 1)
    with pytest.raises(OSError, match="read only"):
        interface.revert_point("b113_A")
    interface.device.server.close()
