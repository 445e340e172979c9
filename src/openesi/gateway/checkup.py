"""``openesi gateway doctor``: one line a check, the fix beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from openesi.errors import OpenESIError
from openesi.gateway.certificate import read_fingerprint
from openesi.gateway.clock import WARN_SKEW_S
from openesi.gateway.commands import SCHEDULES_OFF
from openesi.gateway.files import CERTIFICATE_FILE
from openesi.gateway.fragments import JoinStatus
from openesi.gateway.inspect import Findings
from openesi.gateway.users import UserStore

WEAK_PERCENT = 30


@dataclass(frozen=True, slots=True)
class Check:
    """One finding; ``fix`` is what to do, empty when nothing is to be done."""

    name: str
    result: Literal["ok", "warn", "fail"]
    detail: str
    fix: str = ""


def check(inspect: Callable[[], Findings], *, data: Path, users: UserStore) -> list[Check]:
    """Look at everything a gateway needs. ``inspect`` reads the dongle and may raise what it runs into."""
    try:
        findings = inspect()
    except OpenESIError as error:
        return [Check("dongle", "fail", str(error)), *_check_files(data, users)]
    return [*_check_dongle(findings), *_check_meter(findings), *_check_files(data, users)]


def _check_dongle(findings: Findings) -> list[Check]:
    if findings.device is None:
        fix = "unplug it and plug it in again; on a virtual machine pass it through as USB 2"
        return [Check("dongle", "fail", "it does not say who it is", fix)]
    return [Check("dongle", "ok", f"{findings.device.model_id}, MAC {findings.device.device_mac_id}")]


def _check_meter(findings: Findings) -> list[Check]:
    checks = []
    network = findings.network
    status = JoinStatus.UNKNOWN if network is None else network.status
    if status is JoinStatus.CONNECTED:
        checks.append(Check("meter", "ok", status.words))
    else:
        fix = "give the utility the MAC and install code that `openesi gateway info` shows"
        checks.append(Check("meter", "fail", status.words, fix))
    strength = None if network is None else network.link_strength_percent
    if strength is not None:
        weak = strength < WEAK_PERCENT
        fix = "move the dongle closer to the meter: within 10 m, few walls" if weak else ""
        checks.append(Check("link", "warn" if weak else "ok", f"{strength} %", fix))
    for event in SCHEDULES_OFF:
        proof = findings.schedules.get(event)
        if proof is None:
            checks.append(
                Check(f"{event} polling", "warn", "the dongle did not read its schedule back", "try again")
            )
        elif proof.enabled:
            fix = "this firmware does not obey: ask the maker for a newer one"
            checks.append(Check(f"{event} polling", "fail", "still on", fix))
        else:
            checks.append(Check(f"{event} polling", "ok", "off, read back from the dongle"))
    return [*checks, *_check_reading(findings)]


def _check_reading(findings: Findings) -> list[Check]:
    if findings.power_w is None or findings.meter_time_s is None or findings.host_time_s is None:
        return [Check("reading", "fail", "no power reading came", "wait a minute and try again")]
    skew_s = round(findings.meter_time_s - findings.host_time_s)
    checks = [Check("reading", "ok", f"{findings.power_w:g} W")]
    if abs(skew_s) > WARN_SKEW_S:
        fix = "set this machine's clock (NTP); readings keep the meter's time either way"
        checks.append(Check("clock", "warn", f"the meter's clock is {skew_s:+d} s from this machine's", fix))
    else:
        checks.append(Check("clock", "ok", f"within {WARN_SKEW_S} s of the meter's"))
    return checks


def _check_files(data: Path, users: UserStore) -> list[Check]:
    checks = []
    try:
        names = users.names()
        if names:
            checks.append(Check("users", "ok", ", ".join(name for name, _ in names)))
        else:
            fix = f"openesi gateway user add NAME --data {data}"
            checks.append(Check("users", "fail", "nobody can log in", fix))
    except OpenESIError as error:
        checks.append(Check("users", "fail", str(error)))
    certificate = data / CERTIFICATE_FILE
    if certificate.exists():
        checks.append(Check("certificate", "ok", f"SHA-256 {read_fingerprint(certificate)}"))
    else:
        checks.append(Check("certificate", "warn", "none yet", "it is made when the gateway first runs"))
    return checks
