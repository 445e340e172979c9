"""``openesi fleet``: many devices as real 2030.5 clients."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from openesi.cli import output
from openesi.cli.loops import run, stopping
from openesi.cli.options import AsJson, DataDir, noun_app
from openesi.cli.units import format_power, parse_duration
from openesi.errors import LocalError, Refused, Unreachable, WrongUsage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from openesi.devices.fleet import Fleet, Summary
    from openesi.devices.house import Credentials
    from openesi.pki import Authority

app = noun_app("Run many devices as real 2030.5 clients.", single=True)

MAX_COUNT = 100_000
MAKERS = 8  # certificates made at a time
LATE_MS = 100.0  # a fleet that is later than that measures itself


@app.command()
def fleet(
    data: DataDir,
    *,
    count: Annotated[int, typer.Option("--count", metavar="N", help="How many devices.")] = 100,
    server: Annotated[
        str,
        typer.Option("--server", envvar="OPENESI_SERVER", metavar="URL", help="As https://localhost:8443."),
    ] = "https://localhost:8443",
    device: Annotated[
        list[str] | None,
        typer.Option(
            "--device",
            metavar="NAME",
            help="As in `openesi run`, inverter if not given; several by turns.",
        ),
    ] = None,
    duration: Annotated[
        str | None,
        typer.Option("--for", metavar="TIME", help="Stop after 90s, 5m, 1h; until told if not given."),
    ] = None,
    starts: Annotated[
        float, typer.Option("--starts", metavar="N", min=0.1, help="New devices each second.")
    ] = 50.0,
    register: Annotated[
        bool, typer.Option(help="Register at the server if it does not know the device.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Run N independent devices, each with a certificate of its own, and sum up what they saw.

    The certificates are made by the authority in DIR, which the server must trust, and kept there.

    \b
    openesi fleet --data DIR --count 1000 --server https://localhost:8443 --for 5m
    openesi fleet --data DIR --count 50 --device thermostat --device evse --for 1m --json
    """
    from openesi.devices.catalogue import DEVICES
    from openesi.devices.fleet import Fleet

    for name in device or ():
        if name not in DEVICES:
            raise WrongUsage(f"There is no device {name!r}. Choose of {', '.join(DEVICES)}.")
    kinds = itertools.cycle([DEVICES[name] for name in device or ["inverter"]])
    if not 0 < count <= MAX_COUNT:
        raise WrongUsage(f"--count is 1 to {MAX_COUNT}.")
    if not server.startswith("https://"):
        raise WrongUsage(f"--server {server!r}: a fleet speaks TLS; write https://HOST:PORT.")
    seconds = None if duration is None else float(parse_duration(duration))
    _check_open_files(count)
    logging.basicConfig(level=logging.ERROR)
    made = Fleet(
        url=server,
        make=lambda now: next(kinds).make(now),
        credentials=_credentials(data, count),
        register=register,
        starts_per_s=starts,
    )
    summary = run(_run(made, seconds, count))
    if as_json:
        output.write_json(summary)
    else:
        output.write(_render(summary))
    if summary.connected == 0:
        _raise_why(summary)


def _raise_why(summary: Summary) -> NoReturn:
    """Say why no device is connected in the end, with the exit code for it."""
    last = f": {summary.last_error}" if summary.last_error else ""
    if summary.refused:
        raise Refused(f"{summary.refused} of {summary.devices} devices are refused{last}")
    if summary.waiting:
        raise Unreachable(f"no device is connected in the end{last}")
    raise LocalError(f"no device was connected in the end{last}")


async def _run(made: Fleet, seconds: float | None, count: int) -> Summary:
    stop = asyncio.create_task(stopping().wait())
    with _progress(count) as report:
        task = asyncio.create_task(made.run(seconds, report=report))
        await asyncio.wait({stop, task}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            stop.cancel()
            return task.result()
        output.say("Hanging up.")
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    return made.summary()


@contextlib.contextmanager
def _bar(name: str, count: int) -> Iterator[Callable[[int, str], None] | None]:
    """Show how many of ``count`` are there, and a line on what they do; nothing where nobody looks."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (
        TextColumn(name), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[doing]}"),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("", total=count, doing="")
        yield lambda done, doing: progress.update(bar, completed=done, doing=doing)


@contextlib.contextmanager
def _progress(count: int) -> Iterator[Callable[[Fleet], None] | None]:
    with _bar("devices", count) as show:
        if show is None:
            yield None
            return

        def report(made: Fleet) -> None:
            said, seconds = made.statistics, max(1.0, made.seconds)
            requests, errors = sum(said.requests.values()), sum(said.failures.values())
            median_ms, late_ms = (1000 * (one.percentile_s(50) or 0) for one in (said.latency, said.lag))
            doing = f"{requests} requests  {requests / seconds:.0f}/s  median {median_ms:.0f} ms"
            doing += f"  {errors} errors" if errors else ""
            doing += (
                f": {output.printable(said.last_error)}" if said.last_error and not made.connected else ""
            )
            doing += f"  this machine is {late_ms:.0f} ms late" if late_ms > LATE_MS else ""
            show(made.connected, doing)

        yield report


def _credentials(data: Path, count: int) -> list[Credentials]:
    """Return the certificates of the fleet; make those that are not there yet."""
    from openesi.devices.house import Credentials
    from openesi.pki import Authority

    authority = Authority.open(data)
    known = set(authority.device_names())
    names = [f"fleet-{number:05}" for number in range(1, count + 1)]
    missing = [name for name in names if name not in known]
    if missing:
        output.say(f"Making {len(missing)} certificates in {authority.directory}.")
        try:
            _make_certificates(authority, missing)
        except OSError as error:
            raise LocalError(
                f"certificates cannot be written to {authority.directory}: {error.strerror}. Those that are "
                "there are kept; the same command goes on from there."
            ) from error
    found = (authority.device(name) for name in names)
    return [Credentials(one.cert, one.key, one.ca, one.pin) for one in found]


def _make_certificates(authority: Authority, names: list[str]) -> None:
    """Make certificates, several at a time: each waits for the disk more than it computes."""
    from concurrent.futures import ThreadPoolExecutor

    now = datetime.now(UTC)
    with _bar("certificates", len(names)) as show, ThreadPoolExecutor(MAKERS) as makers:
        making = [makers.submit(authority.issue_device, name, now=now, pin=111115) for name in names]
        try:
            for done, one in enumerate(making):
                one.result()
                if show is not None:
                    show(done + 1, "")
        finally:
            makers.shutdown(cancel_futures=True)


def _check_open_files(count: int) -> None:
    """Make room for a connection for each device. Raises LocalError where the system does not allow it."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + 200
    if soft >= wanted or soft == resource.RLIM_INFINITY:
        return
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise LocalError(
            f"{count} devices need {wanted} open files, {hard} are allowed. Raise the limit as root (`ulimit "
            f"-Hn {wanted}`, or nofile in /etc/security/limits.conf), or run fewer: --count {hard - 200}."
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _render(summary: Summary) -> str:
    one = summary
    states = (("connected", one.connected), ("waiting", one.waiting), ("refused", one.refused))
    last = f"; the last: {one.last_error}" if one.last_error else ""
    facts: list[tuple[str, output.Cell]] = [
        ("Devices", f"{one.devices}: " + ", ".join(f"{count} {state}" for state, count in states)),
        ("Time", f"{one.duration_s:.0f} s"),
        ("Requests", f"{one.requests}, {one.requests_per_s} a second: {_counts(one.by_method)}"),
        ("Answers", _counts(one.by_status) or "none"),
        ("Errors", f"{_counts(one.errors)}{last}" if one.errors else "none"),
        ("Latency", _percentiles(one.latency_ms)),
        (
            "Handshakes",
            f"{one.handshakes}, {one.handshakes_resumed} resumed: {_percentiles(one.handshake_ms)}",
        ),
        ("This machine", f"{one.own_cpu_s} s CPU, late by {_percentiles(one.own_lag_ms)}"),
        ("Events", f"{one.events_received} received, {one.events_obeyed} obeyed"),
        ("Responses", one.responses_sent),
        ("Power", f"{format_power(one.power_w)} in the end"),
        ("Energy shed", f"{one.energy_shed_wh / 1000:.3f} kWh"),
    ]
    return output.render_facts(facts)


def _counts(counted: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counted.items())


def _percentiles(found_ms: dict[str, float | None]) -> str:
    names = {"p50": "half", "p90": "90 %", "p99": "99 %", "p100": "all"}
    shown = [f"{names[key]} {value:.1f}" for key, value in found_ms.items() if value is not None]
    return ", ".join(shown) + " ms" if shown else "none"
