"""The customer information system: accounts, premises, agreements, and which devices are where (step 14)."""

from __future__ import annotations

from typing import Final

import msgspec

from openesi.provisioning import linkage
from openesi.provisioning.cim.codes import CimError, Verb
from openesi.provisioning.cim.model import MasterDataLinkageConfig, Message, Reply
from openesi.provisioning.letters import Letter
from openesi.provisioning.roles.cim_role import CimRole

NAME: Final = "CIS"


class Premise(msgspec.Struct, frozen=True):
    """A place that is supplied, who pays for it, its meter, and the agreements of the customer there."""

    premise: str
    account: str
    meter: str
    agreements: list[str] = []


class DeviceStatus(msgspec.Struct, frozen=True):
    """A device at a premise."""

    device: str
    premise: str
    status: str
    agreement: str
    at: float


class Cis(CimRole):
    """The system of record for customers."""

    def add_premise(self, premise: Premise) -> None:
        """Make a premise known."""
        with self.shelf.state.transaction():
            self.shelf.insert(premise.premise, premise)

    def devices(self) -> list[DeviceStatus]:
        """All devices known, with their status."""
        return self.shelf.select_all(DeviceStatus)

    def device(self, device: str) -> DeviceStatus | None:
        """One device."""
        return self.shelf.select(DeviceStatus, device)

    def _create(self, message: Message, letter: Letter, now: float) -> Reply | None:
        said = self._read(message, now)
        premise = self.shelf.select(Premise, said.premise)
        if premise is None:
            raise CimError(
                "2.16", f"there is no premise {said.premise or '(none named)'}", subject=said.premise
            )
        if not said.agreement:
            raise CimError("2.24", "the linkage names no CustomerAgreement")
        if said.agreement not in premise.agreements:
            others = [one for one in self.shelf.select_all(Premise) if said.agreement in one.agreements]
            code = "2.26" if others else "2.24"
            raise CimError(
                code, f"{said.agreement} is not an agreement at this premise", subject=said.agreement
            )
        self._write(said, said.state, now)
        return None

    def _close(self, message: Message, letter: Letter, now: float) -> Reply | None:
        self._write(self._read(message, now), linkage.REMOVED, now)
        return None

    def _read(self, message: Message, now: float) -> linkage.Linkage:
        if not isinstance(message.payload, MasterDataLinkageConfig):
            raise CimError("1.7")
        return linkage.from_linkage(message.payload, now)

    def _write(self, said: linkage.Linkage, status: str, now: float) -> None:
        at = min(said.at, now)  # a clock that is ahead must not make all later news old
        known = self.shelf.select(DeviceStatus, said.device)
        if known is not None and known.at > at:
            return  # overtaken by news that are newer
        record = DeviceStatus(said.device, said.premise, status, said.agreement, at)
        self.shelf.insert(said.device, record)
        self.shelf.note(now, status, subject=said.device, step=14, detail=f"premise {said.premise}")

    HANDLERS = {
        (Verb.CREATE, "MasterDataLinkageConfig"): _create,
        (Verb.CREATED, "MasterDataLinkageConfig"): _create,
        (Verb.CLOSE, "MasterDataLinkageConfig"): _close,
    }
