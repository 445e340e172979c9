"""A running VOLTTRON platform of the modular generation reads and sets the points of a charger."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sunspec import volttron_platform
from sunspec.charger import EXPECTED
from sunspec.test_volttron_device import REGISTRY_2020, SFDI, credentials
from sunspec.volttron_platform import Platform, platform_in
from web.house import House, house_in
from web.test_points import POINT, controls, plug_in

REASON = volttron_platform.missing()
pytestmark = [pytest.mark.skipif(REASON is not None, reason=str(REASON)), pytest.mark.timeout(180)]
DRIVER = "platform.driver"
AGENT = "IEEE2030_5agent"
CHARGER = "campus/charger"
OLD_CHARGER = "campus/old"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house_in(Path(tmp_path_factory.mktemp("house")), default_poll_rate=1, post_rate=1) as made:
        plug_in(made, 1)
        yield made


@pytest.fixture
def simulated(house: House) -> Iterator[str]:
    """Run a charging station as a 2030.5 client of its own over TLS; yield its SFDI."""
    device = house.service.authority.issue_device("charger", now=datetime.now(UTC))
    command = [
        *(
            sys.executable,
            "-c",
            "import sys; from openesi.cli import main; sys.exit(main())",
            "run",
            "charger",
        ),
        *("--server", house.service.base_url, "--cert", device.cert, "--key", device.key),
        *("--ca", house.service.authority.ca, "--memory", house.folder / "charger.memory"),
    ]
    with subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL) as process:
        yield f"{device.sfdi:012d}"
        process.terminate()


@pytest.fixture(scope="module")
def platform(house: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    server = {"api": house.url, **credentials(house)}
    device = {"driver_config": {"sfdi": SFDI, **server}, "interval": 1}
    with platform_in(tmp_path_factory.mktemp("volttron")) as platform:
        platform.configure(DRIVER, f"devices/{CHARGER}", {**device, "driver_type": "ieee2030_5"})
        platform.add_agent(DRIVER, "volttron-platform-driver")
        platform.add_agent(AGENT, "python", "-m", "openesi.sunspec.volttron.agent", config=server)
        yield platform


def test_the_driver_is_listed(platform: Platform) -> None:
    assert {"ieee2030_5", "sep2"} <= set(platform.call(DRIVER, "list_interfaces", []))


def test_all_points_are_scraped(platform: Platform) -> None:
    found = platform.call(DRIVER, "scrape_all", [CHARGER])
    assert set(found) == {f"devices/{CHARGER}/{name}" for name in EXPECTED}
    for name in ("b403_Tmp", "b404_DCWh", "b802_SoC", POINT):
        assert found[f"devices/{CHARGER}/{name}"] == EXPECTED[name]
    assert platform.call(DRIVER, "get_point", [CHARGER, "b802_SoC"]) == 7.77


def test_a_point_that_is_set_becomes_a_control_of_the_device(platform: Platform, house: House) -> None:
    for value in (12.5, 0, 20):
        assert platform.call(DRIVER, "set_point", [CHARGER, POINT, value]) == value
        assert platform.call(DRIVER, "get_point", [CHARGER, POINT]) == value
    active = [one for one in controls(house, 1).values() if one.EventStatus.currentStatus == 1]
    assert [one.DERControlBase.opModFixedW for one in active] == [-10_000]
    platform.call(DRIVER, "revert_point", [CHARGER, POINT])
    assert platform.call(DRIVER, "get_point", [CHARGER, POINT]) is None
    platform.call(DRIVER, "set_point", [CHARGER, POINT, 1])
    platform.call(DRIVER, "revert_device", [CHARGER])
    assert platform.call(DRIVER, "get_point", [CHARGER, POINT]) is None


def test_what_cannot_be_set_is_told(platform: Platform) -> None:
    for point, value, words in (
        (POINT, 500, "out of range"),
        (POINT, "much", "no number"),
        ("b113_A", 5, "read only"),
    ):
        with pytest.raises(RuntimeError, match=words):
            platform.call(DRIVER, "set_point", [CHARGER, point, value])
    assert platform.call(DRIVER, "get_point", [CHARGER, POINT]) is None


def test_points_are_published_with_units_and_types(platform: Platform) -> None:
    topic, (values, about) = platform.call("", "hear", [f"devices/{CHARGER}", 20])
    assert topic == f"devices/{CHARGER}/multi"
    assert values["b113_A"] == 24.0
    assert about["b113_A"] == {"units": "A", "type": "float", "tz": about["b113_A"]["tz"]}
    assert about["b802_State"]["type"] == "integer"


def test_the_example_reads_and_sets_from_the_shell(platform: Platform) -> None:
    example = str(Path(__file__).parents[2] / "examples" / "volttron_points.py")
    platform.vctl("auth", "add", "points")
    for words, answer in (((POINT, "8"), 8.0), ((POINT,), 8.0), ((POINT, "revert"), None), ((POINT,), None)):
        done = platform.run("python", example, CHARGER, *words)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout.splitlines()[-1]) == answer


def test_the_agent_has_the_four_calls_of_the_old_one(platform: Platform) -> None:
    assert platform.call(AGENT, "get_points", [SFDI])["b404_DCWh"] == EXPECTED["b404_DCWh"]
    for value in (7, 0):
        assert platform.call(AGENT, "set_point", [SFDI, POINT, value]) is None
        assert platform.call(AGENT, "get_point", [SFDI, POINT]) == value
    for point in ("nothing", "b124_WChaMin"):
        with pytest.raises(RuntimeError, match="no point"):
            platform.call(AGENT, "get_point", [SFDI, point])
    with pytest.raises(RuntimeError, match="no device"):
        platform.call(AGENT, "get_points", ["097935300833"])
    columns = {"IEEE2030_5 Resource Name": "DERStatus", "IEEE2030_5 Field Name": "stateOfChargeStatus"}
    platform.call(AGENT, "config_points", [SFDI, {"soc": columns}])
    assert platform.call(AGENT, "get_points", [SFDI]) == {"soc": 7.77}


def test_a_configuration_of_2020_works_as_it_is(platform: Platform) -> None:
    old: dict[str, Any] = {
        "driver_config": {"sfdi": SFDI, "IEEE2030_5_agent_id": AGENT},
        "campus": "campus",
        "building": "building",
        "unit": "IEEE2030_5",
        "driver_type": "ieee2030_5",
        "registry_config": REGISTRY_2020,
        "interval": 15,
        "timezone": "US/Pacific",
    }
    known = json.loads((platform.home / "configuration_store" / f"{DRIVER}.store").read_text())
    config = json.loads(known[f"devices/{CHARGER}"]["data"])["driver_config"]
    old["driver_config"].update({name: config[name] for name in ("api", "token") if name in config})
    platform.configure(DRIVER, f"devices/{OLD_CHARGER}", old)
    found = platform.call(DRIVER, "scrape_all", [OLD_CHARGER])
    assert found == {
        f"devices/{OLD_CHARGER}/{name}": value
        for name, value in {
            "b1_SN": SFDI, "b113_A": 24.0, POINT: 0.0, "b802_SoC": 7.77, "b802_State": 3
        }.items()
    }  # fmt: skip


def test_a_simulated_charger_does_what_volttron_sets(
    platform: Platform, house: House, simulated: str
) -> None:
    server = {"api": house.url, **credentials(house)}
    device = {"driver_type": "sep2", "driver_config": {"sfdi": simulated, **server}, "interval": 1}
    topic = "campus/simulated"
    platform.configure(DRIVER, f"devices/{topic}", device)
    told = None
    for value, power_w in ((None, 7_400.0), (3_000, 3_000.0), (0, 0.0)):
        if value is not None:
            assert platform.call(DRIVER, "set_point", [topic, POINT, value]) == value
        for _ in range(30):
            _, (told, _) = platform.call("", "hear", [f"devices/{topic}", 20])
            if told["b113_DCW"] is not None and abs(told["b113_DCW"] - power_w) <= 1:
                break
        else:
            pytest.fail(f"the charger never took {power_w} W: {told}")
    assert told["b1_Md"] == "Charging station"
    assert told["b802_LocRemCtl"] == 0
