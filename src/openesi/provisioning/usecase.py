"""The use case, step by step, as a table: who tells whom what, and the code that does it.

``openesi provision demo`` plays it, the documentation shows it, and a test compares a run with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol

DR: Final = "DR-APPLICATION"
HEAD_END: Final = "AMI-HEADEND"
NETWORK: Final = "AMI-NETWORK"
NIC: Final = "NIC"
ESI: Final = "ESI"
DEVICE: Final = "HAN device"
CIS: Final = "CIS"


@dataclass(frozen=True, slots=True)
class Step:
    """One row: ``before`` has to hold for it, ``after`` holds when it is done; ``code`` does it."""

    number: int
    source: str
    target: str
    message: str
    what: str
    before: str
    after: str
    code: str


STEPS: Final = (
    Step(
        1,
        DR,
        HEAD_END,
        "CreateEndDeviceControls",
        "a window for one device: MAC, type, install code, start and end",
        "device imported, code valid, customer enrolled in an active program and not on real-time prices",
        "DR: Requested, then Accepted by the head-end's reply",
        "roles.dr_application.DrApplication.open_window",
    ),
    Step(
        2,
        HEAD_END,
        NETWORK,
        "han.window.open",
        "the same, the link key sealed for the meter",
        "meter registered and in service, usage point right, window not past",
        "head-end: order Queued, worth sending until the window ends",
        "roles.head_end.HeadEnd._open",
    ),
    Step(
        3,
        NETWORK,
        NIC,
        "han.window.open",
        "the same, routed to the meter",
        "the network has it on disk",
        "NIC has it on disk",
        "roles.network.AmiNetwork._act",
    ),
    Step(
        4,
        NIC,
        ESI,
        "han.window.open",
        "the same, over the meter's own wire",
        "it is this meter, and the window has not ended",
        "ESI: key stored, permit-join on; DR: WindowOpen",
        "roles.network.Nic._act",
    ),
    Step(
        5,
        DEVICE,
        ESI,
        "beacon and association request",
        "the MAC address of the device",
        "device powered and in range, its button pressed",
        "ESI: Seen",
        "se.device.HanDevice._associate",
    ),
    Step(
        6,
        ESI,
        DEVICE,
        "association response, Transport-Key",
        "short address, PAN id, network key under the install code's key",
        "the MAC is in the key table and its window open",
        "device holds the network key; DR: Joined",
        "se.coordinator.SimulatedCoordinator._associate",
    ),
    Step(
        7,
        DEVICE,
        ESI,
        "descriptors, binding",
        "endpoints, clusters, buffer sizes, for each side",
        "device joined",
        "ESI: Commissioned; a device of another type is put out",
        "se.device.HanDevice._learn_clusters, se.esi.Esi._check",
    ),
    Step(
        8,
        DEVICE,
        ESI,
        "Key Establishment",
        "certificates, ephemeral keys, confirmations",
        "certificates of one authority, the device's own MAC in its own",
        "both hold a new link key; DR: KeyEstablished",
        "se.handshake.Handshake",
    ),
    Step(
        9,
        DEVICE,
        ESI,
        "time, message, price, events, readings",
        "what the utility has for the device now, under the new key",
        "the link key is in use",
        "ESI: Active",
        "se.esi.Esi._take_cluster",
    ),
    Step(
        10,
        ESI,
        NIC,
        "han.state Provisioned",
        "the state, the MAC",
        "step 8 done, and step 9 or 30 s passed",
        "NIC has it on disk",
        "roles.meter_esi.MeterEsi._save",
    ),
    Step(
        11,
        NIC,
        NETWORK,
        "han.state Provisioned",
        "the same",
        "-",
        "network has it on disk, for days if need be",
        "roles.network.Nic._act",
    ),
    Step(
        12,
        NETWORK,
        HEAD_END,
        "han.state Provisioned",
        "the same",
        "-",
        "head-end: order Provisioned, by the meter's time",
        "roles.network.AmiNetwork._act",
    ),
    Step(
        13,
        HEAD_END,
        DR,
        "CreateMasterDataLinkageConfig",
        "state Provisioned, device, meter, usage point",
        "device known to DR, expected at this meter",
        "DR: Reported",
        "roles.dr_application.DrApplication._receive_linkage",
    ),
    Step(
        14,
        DR,
        CIS,
        "CreateMasterDataLinkageConfig",
        "state Joined, premise, device, enrolment",
        "premise and agreement known to the CIS",
        "CIS: device Joined at the premise; DR: Confirmed",
        "roles.cis.Cis._create",
    ),
)


class Noted(Protocol):
    """A line of the journal, as ``state.Entry`` is one."""

    @property
    def at(self) -> float: ...  # noqa: D102
    @property
    def role(self) -> str: ...  # noqa: D102
    @property
    def step(self) -> int: ...  # noqa: D102
    @property
    def event(self) -> str: ...  # noqa: D102
    @property
    def detail(self) -> str: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Told:
    """A step held against the journal: when it began, and what was written down of it last; or nothing."""

    step: Step
    at: float | None = None
    actor: str = ""
    event: str = ""
    detail: str = ""


def read_aloud(journal: Iterable[Noted]) -> list[Told]:
    """The use case held against the journal of one device, from its newest request on."""
    told: dict[int, list[Noted]] = {}
    for line in journal:
        if line.step == 1 and line.event == "Requested":
            told.clear()
        if line.step:
            told.setdefault(line.step, []).append(line)
    return [_told(step, told.get(step.number, [])) for step in STEPS]


def _told(step: Step, lines: list[Noted]) -> Told:
    if not lines:
        return Told(step)
    came_of_it = next((line for line in reversed(lines) if line.event not in _ARRIVALS), lines[-1])
    return Told(step, lines[0].at, came_of_it.role, came_of_it.event, came_of_it.detail)


# Lines that say that a message came, which anybody may send again later; not what came of the step.
_ARRIVALS: Final = frozenset({"received", "refused"})
