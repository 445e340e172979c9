"""Thousands of home devices through one head-end, 5 % of all messages lost: python -m bench.provisioning

Everything is real but the clock and the wires: SQLite on disk, IEC 61968 XML, sealed keys, frames of the air
secured with AES-CCM, and a full key establishment (ECQV and ECMQV) for each device: a dozen scalar
multiplications, in Python the larger part of the time. ``--stand-in`` puts a hash in place of these, and only
these, to see the rest.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import random
import secrets
import statistics
import tempfile
import time
from collections import Counter
from pathlib import Path

from openesi.provisioning.lifecycle import State as Stage
from openesi.provisioning.roles.cis import DeviceStatus
from openesi.provisioning.se import cbke, curve
from openesi.provisioning.simulation import build, default_services
from openesi.provisioning.state import State
from openesi.provisioning.usecase import STEPS
from openesi.provisioning.world import World

START = 1_790_000_000.0
LOSS = 0.05
BATCH = 500  # homes whose windows are opened within one minute
RESULTS = Path(__file__).parent / "results" / "provisioning.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--devices", type=int, default=10_000)
    parser.add_argument("--stand-in", action="store_true", help="a hash in place of the elliptic curve")
    options = parser.parse_args()
    wanted = options.devices
    if options.stand_in:
        stand_in()
    with tempfile.TemporaryDirectory() as folder:
        report = run(wanted, Path(folder) / "state.db")
    report["elliptic_curve"] = not options.stand_in
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=2) + "\n")
    if report["confirmed"] != wanted:
        raise SystemExit(f"{wanted - report['confirmed']} devices were lost: {report['stages']}")


def run(wanted: int, path: Path) -> dict:
    dice = random.Random(1)
    state = State(path)
    world = World(state, now=START)
    began = time.perf_counter()
    utility = build(state, world, homes=wanted, services=default_services())
    built_s = time.perf_counter() - began

    utility.disturb(loss=LOSS, delay_s=0.2, dice=dice)
    began = time.perf_counter()
    for first in range(0, wanted, BATCH):
        with state.transaction():
            for home in utility.homes[first : first + BATCH]:
                utility.open_window(home, duration_s=7200)
        world.run(world.now + 30)
        for home in utility.homes[first : first + BATCH]:
            utility.install(home, rejoin_s=120)
        world.run(world.now + 30)
        done = sum(
            home.appliance is not None and home.appliance.state.name == "ACTIVE" for home in utility.homes
        )
        print(f"\r{first + BATCH:>6} windows opened, {done:>6} devices active", end="", flush=True)
    world.run(world.now + 7200)
    ran_s = time.perf_counter() - began
    print()

    stages = Counter(one.state for one in utility.dr.devices())
    accounts = {one.device for one in utility.cis.shelf.select_all(DeviceStatus) if one.status == "Joined"}
    report = {
        "devices": wanted,
        "loss": LOSS,
        "confirmed": stages[Stage.CONFIRMED],
        "joined_in_cis": len(accounts),
        "stages": dict(stages),
        "letters": sum(world.sent.values()),
        "setup_s": round(built_s, 1),
        "run_s": round(ran_s, 1),
        "devices_per_s": round(wanted / ran_s, 1),
        "steps": latencies(state),
    }
    state.close()
    show(report)
    return report


def stand_in() -> None:
    """Put a hash where the scalar multiplications are; messages keep their sizes."""

    def generate(entropy=secrets.token_bytes):
        return cbke.KeyPair(1, entropy(curve.POINT_BYTES))

    def issue(self, *, eui64, entropy=secrets.token_bytes):
        return cbke.Identity(cbke.Certificate(entropy(curve.POINT_BYTES), eui64, self.name), 1)

    def agree(own, ephemeral, *, peer, peer_ephemeral, authority):
        joined = b"".join(sorted((ephemeral.public, peer_ephemeral)))
        return cbke.derive_keys(hashlib.sha256(joined).digest()[: curve.FIELD_BYTES])

    cbke.generate_key_pair, cbke.agree = generate, agree
    cbke.CertificateAuthority.issue = issue


def latencies(state: State) -> dict:
    """From the journal: simulated seconds from the window's request to the end of each step."""
    seen: dict[str, dict[int, float]] = {}
    after = 0
    while entries := state.select_journal(after=after, limit=10_000):
        after = entries[-1].number
        for entry in entries:
            if entry.step:
                seen.setdefault(entry.subject, {}).setdefault(entry.step, entry.at)
    gaps: dict[int, list[float]] = {}
    for times in seen.values():
        known = sorted(times)
        for before, now in itertools.pairwise(known):
            gaps.setdefault(now, []).append(max(0.0, times[now] - times[before]))
    return {
        step: {
            "median_s": round(statistics.median(values), 2),
            "p99_s": round(sorted(values)[int(len(values) * 0.99)], 2),
            "max_s": round(max(values), 2),
        }
        for step, values in sorted(gaps.items())
    }


def show(report: dict) -> None:
    print(
        f"{report['devices']} devices, {report['loss']:.0%} of messages, answers and frames lost: "
        f"{report['confirmed']} confirmed, {report['joined_in_cis']} joined in the CIS"
    )
    print(f"{report['letters']} letters in {report['run_s']} s: {report['devices_per_s']} devices a second")
    print("\nSimulated seconds since the step before, as the actors wrote them down")
    print("step  message                          median     p99     max")
    names = {step.number: step.message for step in STEPS}
    for step, row in report["steps"].items():
        print(f"{step:>4}  {names[step][:30]:<30} {row['median_s']:>8} {row['p99_s']:>7} {row['max_s']:>7}")


if __name__ == "__main__":
    main()
