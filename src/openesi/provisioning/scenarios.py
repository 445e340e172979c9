"""What can go wrong, as scripts: how it is brought about, where it ends, and how one gets out of it.

The demonstrator plays them, and the tests play them all and compare ``ends`` and ``after``.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import msgspec

from openesi.provisioning.letters import Letter
from openesi.provisioning.lifecycle import NotNow
from openesi.provisioning.lifecycle import State as Stage
from openesi.provisioning.roles.cis import Premise
from openesi.provisioning.roles.dr_application import Device
from openesi.provisioning.roles.network import nic_name
from openesi.provisioning.se import eui64
from openesi.provisioning.se.device import LOAD_CONTROL_SWITCH, HanDevice
from openesi.provisioning.se.install_code import InstallCode
from openesi.provisioning.simulation import Home, Utility
from openesi.provisioning.world import Passage

MINUTE_S: Final = 60.0
HOUR_S: Final = 3600.0
STRANGER: Final = "000D6F00FFFF0001"


@dataclass(frozen=True, slots=True)
class Act:
    """Something that is done, and how long one watches what comes of it."""

    text: str
    do: Callable[[], object] = lambda: None
    watch_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """``ends``: where the DR application has the device after ``acts``; ``after``: after ``recovery``."""

    name: str
    title: str
    acts: Callable[[Utility, Home], list[Act]]
    ends: Stage
    recovery: Callable[[Utility, Home], list[Act]] = field(default=lambda utility, home: [])
    after: Stage = Stage.CONFIRMED


def _open(utility: Utility, home: Home, duration_s: float = HOUR_S) -> Act:
    minutes = duration_s / MINUTE_S
    return Act(
        f"The operator opens a window of {minutes:.0f} minutes for device {home.device}.",
        lambda: utility.open_window(home, duration_s=duration_s),
    )


def _install(utility: Utility, home: Home, watch_s: float = MINUTE_S) -> Act:
    return Act(
        "The customer puts the device up; it looks for its meter.", lambda: utility.install(home), watch_s
    )


def _press(utility: Utility, home: Home) -> Act:
    return Act("The customer presses the device's button.", lambda: utility.press(home), MINUTE_S)


def _normal(utility: Utility, home: Home) -> list[Act]:
    return [_open(utility, home), _install(utility, home)]


def _again(utility: Utility, home: Home) -> list[Act]:
    return [_open(utility, home), _press(utility, home)]


def _wrong_code(utility: Utility, home: Home) -> list[Act]:
    label = InstallCode(secrets.token_bytes(16))
    return [
        _open(utility, home),
        Act(
            "The device's label has another install code than the one imported; it looks for its meter.",
            lambda: _label(utility, home, label),
            2 * MINUTE_S,
        ),
    ]


def _label(utility: Utility, home: Home, label: InstallCode) -> None:
    home.code = label
    utility.install(home)


def _right_code(utility: Utility, home: Home) -> list[Act]:
    def correct() -> None:
        known = utility.dr.shelf.select(Device, home.device)
        if known is not None:
            corrected = msgspec.structs.replace(known, secret=home.code.printed)
            utility.dr.add_device(corrected, utility.world.now)

    return [
        Act("The operator reads the label to the last digit and corrects the code.", correct),
        *_again(utility, home),
    ]


def _expired(utility: Utility, home: Home) -> list[Act]:
    return [
        _open(utility, home, 10 * MINUTE_S),
        Act("The customer is not at home.", watch_s=11 * MINUTE_S),
    ]


def _stranger(utility: Utility, home: Home) -> list[Act]:
    def come() -> None:
        trust = utility.trust[home.device]
        visitor = HanDevice(trust, secrets.token_bytes(16))
        visitor.eui64 = eui64.parse(STRANGER)
        home.ether.place(visitor)
        utility.world.call(visitor.eui64, "stranger")
        home.ether.transmit(visitor.press_button(utility.world.now), utility.world.now)
        utility.world.poke_home(home.esi)

    return [
        _open(utility, home),
        Act("A neighbour's device, which nobody announced, tries to join.", come, MINUTE_S),
    ]


def _already(utility: Utility, home: Home) -> list[Act]:
    def ask() -> None:
        try:
            utility.open_window(home)
        except NotNow as error:
            utility.dr.shelf.note(utility.world.now, "not done", subject=home.device, detail=str(error))

    return [*_normal(utility, home), Act("The operator asks for the same device once more.", ask)]


def _offline(utility: Utility, home: Home) -> list[Act]:
    return [
        Act(
            "The meter loses its network.",
            lambda: utility.world.down.add(nic_name(home.meter)),
            1,
        ),
        _open(utility, home, 10 * MINUTE_S),
        _install(utility, home, 15 * MINUTE_S),
    ]


def _online(utility: Utility, home: Home) -> list[Act]:
    back = Act("The meter is back.", lambda: utility.world.down.discard(nic_name(home.meter)), 10 * MINUTE_S)
    return [back, *_again(utility, home)]


def _lost(utility: Utility, home: Home) -> list[Act]:
    seen: set[tuple[str, str]] = set()

    def lose_first(letter: Letter, way: str) -> Passage:
        first = (letter.id, way) not in seen
        seen.add((letter.id, way))
        return Passage(lost=first)

    def begin() -> None:
        utility.world.fate = lose_first

    return [
        Act("The network loses the first copy of every message, and the first answer to it.", begin, 1),
        _open(utility, home),
        _install(utility, home, 10 * MINUTE_S),
    ]


def _doubled(utility: Utility, home: Home) -> list[Act]:
    def begin() -> None:
        utility.world.fate = lambda letter, way: Passage(copies=3)

    return [Act("The network delivers every message three times.", begin, 1), *_normal(utility, home)]


def _noise(utility: Utility, home: Home) -> list[Act]:
    def begin() -> None:
        utility.disturb(loss=0.2, delay_s=1, dice=random.Random(5))  # noqa: S311 - a die, not a secret

    return [
        Act("One message in five is lost, in the network and in the air.", begin, 1),
        _open(utility, home),
        _install(utility, home, 30 * MINUTE_S),
    ]


def _cis_down(utility: Utility, home: Home) -> list[Act]:
    return [
        Act("The CIS is down for maintenance.", lambda: utility.world.down.add(utility.cis.name), 1),
        *_normal(utility, home),
    ]


def _cis_up(utility: Utility, home: Home) -> list[Act]:
    return [
        Act(
            "Two hours later the CIS is back.",
            lambda: utility.world.run(utility.world.now + 2 * HOUR_S),
            1,
        ),
        Act(
            "The message of step 14 has waited for it.",
            lambda: utility.world.down.discard(utility.cis.name),
            10 * MINUTE_S,
        ),
    ]


def _cis_refuses(utility: Utility, home: Home) -> list[Act]:
    def forget() -> None:
        with utility.cis.shelf.state.transaction():
            utility.cis.shelf.delete(Premise, home.premise)

    return [Act("The CIS does not know the premise.", forget, 1), *_normal(utility, home)]


def _premise_added(utility: Utility, home: Home) -> list[Act]:
    agreement = f"DR-SUMMER-SAVER-{home.number + 1:04d}"

    def retry() -> None:
        utility.dr.retry(home.device, utility.world.now)
        utility.world.poke(utility.dr)

    def add() -> None:
        utility.cis.add_premise(Premise(home.premise, "A-00001", home.meter, [agreement]))

    return [
        Act("The premise is entered in the CIS.", add, 1),
        Act("The operator sends step 14 again.", retry),
    ]


def _wrong_type(utility: Utility, home: Home) -> list[Act]:
    return [
        _open(utility, home),
        Act(
            "The customer was sold a load-control switch, not the thermostat that was imported.",
            lambda: utility.install(home, model=LOAD_CONTROL_SWITCH),
            2 * MINUTE_S,
        ),
    ]


def _right_type(utility: Utility, home: Home) -> list[Act]:
    def correct() -> None:
        known = utility.dr.shelf.select(Device, home.device)
        if known is not None:
            corrected = msgspec.structs.replace(known, device_type="LoadControlDevice")
            utility.dr.add_device(corrected, utility.world.now)

    return [Act("The operator corrects the type.", correct), *_again(utility, home)]


def _cancelled(utility: Utility, home: Home) -> list[Act]:
    def cancel() -> None:
        utility.dr.cancel_window(home.device, utility.world.now)
        utility.world.poke(utility.dr)

    return [
        _open(utility, home),
        Act("The customer calls: not today. The operator closes the window.", cancel),
    ]


def _removed(utility: Utility, home: Home) -> list[Act]:
    def remove() -> None:
        utility.dr.remove(home.device, utility.world.now)
        utility.world.poke(utility.dr)

    return [*_normal(utility, home), Act("The customer moves out; the device is removed.", remove, MINUTE_S)]


SCENARIOS: Final = (
    Scenario("normal", "All goes well", _normal, Stage.CONFIRMED),
    Scenario("wrong-code", "The install code is wrong", _wrong_code, Stage.FAILED, _right_code),
    Scenario(
        "expired",
        "Nobody comes while the window is open",
        _expired,
        Stage.EXPIRED,
        lambda u, h: _normal(u, h),
    ),
    Scenario(
        "stranger",
        "An unknown device tries to join",
        _stranger,
        Stage.WINDOW_OPEN,
        lambda u, h: [_install(u, h)],
    ),
    Scenario("already-joined", "The device is in already", _already, Stage.CONFIRMED),
    Scenario("meter-offline", "The meter is offline", _offline, Stage.EXPIRED, _online),
    Scenario("lost", "Every message is lost once", _lost, Stage.CONFIRMED),
    Scenario("doubled", "Every message comes three times", _doubled, Stage.CONFIRMED),
    Scenario("noise", "One message in five is lost", _noise, Stage.CONFIRMED),
    Scenario("cis-down", "The CIS is down", _cis_down, Stage.REPORTED, _cis_up),
    Scenario(
        "cis-refuses", "The CIS does not know the premise", _cis_refuses, Stage.UNCONFIRMED, _premise_added
    ),
    Scenario("wrong-type", "The device is of another type", _wrong_type, Stage.FAILED, _right_type),
    Scenario("cancelled", "The window is cancelled", _cancelled, Stage.CANCELLED, lambda u, h: _normal(u, h)),
    Scenario("removed", "The device is removed", _removed, Stage.REMOVED, _again),
)
BY_NAME: Final = {scenario.name: scenario for scenario in SCENARIOS}


def play(
    utility: Utility, home: Home, acts: list[Act], *, tell: Callable[[str], None] = lambda text: None
) -> None:
    """Play acts to their end."""
    for act in acts:
        tell(act.text)
        act.do()
        utility.world.run(utility.world.now + act.watch_s)
