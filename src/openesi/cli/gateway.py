"""``openesi gateway``: read a smart meter and serve it in the home."""

from __future__ import annotations

import getpass
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from openesi.cli.options import AsJson, DataDir, noun_app
from openesi.cli.output import render_facts, render_table, say, write, write_json
from openesi.errors import LocalError, OpenESIError, Unreachable, WrongUsage
from openesi.gateway.files import CACHE_FILE, USERS_FILE
from openesi.gateway.users import Role, UserStore

if TYPE_CHECKING:
    from openesi.gateway.inspect import Findings

app = noun_app(
    """Read a smart meter and serve it in the home.

    \b
    openesi gateway user add anna
    openesi gateway run --source serial:
    openesi gateway emulate --pty
    """
)
users_app = noun_app("Who may read: add, list and remove users.")
app.add_typer(users_app, name="user")

DEFAULT_DATA = Path("openesi-data")
DEFAULT_HOST = "0.0.0.0"  # noqa: S104, the home network is whom it is for
SOURCE_HELP = (
    "serial:/dev/ttyUSB0, serial: (finds the dongle), tcp://HOST:PORT, sep2:https://HOST:PORT, emulator:"
)

SourceOption = Annotated[str, typer.Option("--source", metavar="SOURCE", help=SOURCE_HELP)]
Interval = Annotated[
    int, typer.Option("--interval", metavar="SECONDS", help="How often power is read, 4 or more.")
]
EnergyInterval = Annotated[
    int, typer.Option("--energy-interval", metavar="SECONDS", help="How often the energy register is read.")
]
MeterOption = Annotated[
    str, typer.Option("--meter", metavar="MAC", help="Which meter, if the dongle has several.")
]


Host = Annotated[str, typer.Option(help="Address to answer on.")]
Port = Annotated[int, typer.Option(help="Port to answer on; 0 takes a free one.")]
KeepCache = Annotated[
    bool, typer.Option("--cache-file/--no-cache-file", help="Keep the 48 hours in a file, over restarts.")
]
GreenButton = Annotated[bool, typer.Option(help="Offer Green Button files.")]
Mqtt = Annotated[
    str,
    typer.Option(
        envvar="OPENESI_GATEWAY_MQTT",
        metavar="URL",
        help="Publish to mqtt://USER:PASSWORD@HOST:1883, or mqtts://.",
    ),
]
HttpOnly = Annotated[
    bool, typer.Option("--insecure-http", help="Plain HTTP, on a loopback address only: for tests.")
]
Cert = Annotated[str, typer.Option(metavar="PEM", help="For sep2: this gateway's certificate.")]
Key = Annotated[str, typer.Option(metavar="PEM", help="For sep2: its key.")]
Ca = Annotated[str, typer.Option(metavar="PEM", help="For sep2: who vouches for the meter.")]
ServerLfdi = Annotated[
    str, typer.Option(metavar="HEX", help="For sep2: the LFDI by which the meter is known.")
]


@app.command()
def run(
    source: SourceOption = "serial:",
    data: DataDir = DEFAULT_DATA,
    host: Host = DEFAULT_HOST,
    port: Port = 8444,
    interval: Interval = 4,
    energy_interval: EnergyInterval = 60,
    meter: MeterOption = "",
    keep: KeepCache = False,
    green_button: GreenButton = True,
    mqtt: Mqtt = "",
    http_only: HttpOnly = False,
    cert: Cert = "",
    key: Key = "",
    ca: Ca = "",
    server_lfdi: ServerLfdi = "",
) -> None:
    """Read the meter, keep 48 hours, answer on the LAN. Prints `ready URL` when it does.

    \b
    openesi gateway run --source serial:/dev/ttyUSB0
    openesi gateway run --source tcp://192.168.1.5:2000 --mqtt mqtt://hub.local
    """
    from openesi.gateway.__main__ import RunSettings
    from openesi.gateway.sources import parse_source

    if http_only and host not in ("127.0.0.1", "::1", "localhost"):
        raise WrongUsage(
            "--insecure-http is for loopback only: add --host 127.0.0.1, or leave it out for HTTPS"
        )
    settings = RunSettings(
        source=source,
        data=str(data),
        host=host,
        port=port,
        interval_s=interval,
        energy_interval_s=energy_interval,
        meter_mac_id=meter,
        keep_cache=keep,
        green_button=green_button,
        mqtt=mqtt,
        plain_http=http_only,
        cert=cert,
        key=key,
        ca=ca,
        server_lfdi=server_lfdi,
    )
    parse_source(source, settings.to_reading())  # what is wrong is told now
    if mqtt:
        _check_broker(mqtt)
    # The libraries of the command line are 12 MB that a gateway would carry for months.
    command = [sys.executable, "-m", "openesi.gateway"]
    os.execve(sys.executable, command, settings.to_environment())  # noqa: S606


@app.command()
def emulate(
    pty: Annotated[
        bool, typer.Option("--pty", help="On a pseudo-terminal (the default); prints its path.")
    ] = False,
    tcp: Annotated[
        int | None, typer.Option("--tcp", metavar="PORT", help="On this TCP port; 0 takes a free one.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address for --tcp; there is no authentication.")] = "127.0.0.1",
    link: Annotated[
        Path | None, typer.Option(help="With --pty: a symbolic link to it, with a name that stays.")
    ] = None,
    speed: Annotated[
        float, typer.Option(help="How much faster the meter's clock and load run, up to 60.")
    ] = 1.0,
    solar: Annotated[
        int, typer.Option(metavar="WATTS", help="Peak of the sun on the roof; 0 for none.")
    ] = 3500,
    fault: Annotated[
        list[str] | None, typer.Option(metavar="KIND@START+LENGTH", help="A fault, in seconds.")
    ] = None,
    faults: Annotated[Path | None, typer.Option(metavar="FILE", help="A script of such faults.")] = None,
) -> None:
    """Be a dongle with a meter behind it: a day's load, sun, and faults by script.

    \b
    openesi gateway emulate --pty --link /tmp/raven
    openesi gateway emulate --tcp 2000 --fault silence@60+30 --fault unplug@200+10
    """
    from openesi.gateway.emulate import run_on_pty, run_on_tcp
    from openesi.gateway.emulator import Emulator, parse_faults
    from openesi.gateway.load import House

    if pty and tcp is not None:
        raise LocalError("choose one of --pty and --tcp")
    script = "\n".join([*(fault or []), faults.read_text() if faults is not None else ""])
    emulator = Emulator(
        started=time.monotonic(),
        meter_time_s=int(time.time()),
        house=House(solar_peak_w=solar),
        faults=parse_faults(script),
        speed=speed,
    )
    stop = _stop_on_signals()
    if tcp is not None:
        run_on_tcp(emulator, stop, host=host, port=tcp, opened=lambda at: _say_source(f"tcp://{host}:{at}"))
    else:
        run_on_pty(emulator, stop, opened=lambda path: _say_source(f"serial:{path}"), link=link)


@app.command()
def info(
    source: SourceOption = "serial:",
    meter: MeterOption = "",
    as_json: AsJson = False,
) -> None:
    """Show the dongle: MAC and install code for the utility's form, join state, link, what it polls by
    itself.

    The install code is as good as a password until the utility has registered the dongle.

    \b
    openesi gateway info
    openesi gateway info --source serial:/dev/ttyUSB0 --json
    """
    findings = _inspect(source, meter)
    if as_json:
        write_json(_to_json(source, findings))
    else:
        write(render_facts([(name, str(value)) for name, value in _facts(source, findings)]))


@app.command()
def doctor(
    source: SourceOption = "serial:",
    data: DataDir = DEFAULT_DATA,
    meter: MeterOption = "",
    as_json: AsJson = False,
) -> None:
    """Check dongle, meter, users and certificate; say what is wrong and what mends it. Fails if something is.

    \b
    openesi gateway doctor
    openesi gateway doctor --source tcp://192.168.1.5:2000
    """
    from openesi.gateway.checkup import check

    checks = check(lambda: _inspect(source, meter), data=data, users=UserStore(data / USERS_FILE))
    if as_json:
        write_json([{"check": c.name, "result": c.result, "detail": c.detail, "fix": c.fix} for c in checks])
    else:
        for each in checks:
            write(
                f"{each.result:<4}  {each.name}: {each.detail}" + (f"\n      {each.fix}" if each.fix else "")
            )
    if any(each.result == "fail" for each in checks):
        raise typer.Exit(1)


@app.command()
def forget(data: DataDir = DEFAULT_DATA) -> None:
    """Remove the cache file of a gateway that is not running.

    \b
    openesi gateway forget --data openesi-data
    """
    from openesi.gateway.archive import forget as forget_file

    say("The cache file is gone." if forget_file(data / CACHE_FILE) else "There was no cache file.")


@users_app.command("add")
def add_user(
    name: str,
    data: DataDir = DEFAULT_DATA,
    role: Annotated[
        Role, typer.Option(help="reader sees everything, quality only how well it works.")
    ] = Role.READER,
) -> None:
    """Add a user, or give one a new password: from a prompt, or from standard input.

    \b
    openesi gateway user add anna
    printf '%s\\n' "$PASSWORD" | openesi gateway user add anna
    """
    UserStore(data / USERS_FILE).insert(name, _ask_password(), role=role)
    say(f"{name} may log in.")


@users_app.command("list")
def list_users(data: DataDir = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """List the users and what they may see.

    \b
    openesi gateway user list
    """
    users = UserStore(data / USERS_FILE).names()
    if as_json:
        write_json([{"name": name, "role": role.value} for name, role in users])
    else:
        write(render_table(["name", "role"], [[name, role.value] for name, role in users]))


@users_app.command("remove")
def remove_user(name: str, data: DataDir = DEFAULT_DATA) -> None:
    """Take a user away; a running gateway notices at once.

    \b
    openesi gateway user remove anna
    """
    UserStore(data / USERS_FILE).remove(name)
    say(f"{name} may not log in any more.")


def _say_source(source: str) -> None:
    write(source)
    sys.stdout.flush()
    say(f"Read it with: openesi gateway run --source {source}")


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _ask_password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        raise LocalError("the two passwords are not the same; nothing was changed")
    return password


def _check_broker(url: str) -> None:
    try:
        from openesi.gateway.mqtt import Broker
    except ModuleNotFoundError as error:
        raise OpenESIError("--mqtt needs aiomqtt. Run: python -m pip install 'openesi[mqtt]'") from error
    Broker.parse(url)


def _inspect(source: str, meter: str) -> Findings:
    from openesi.gateway.inspect import inspect_dongle
    from openesi.gateway.sources import Settings, parse_source

    findings = inspect_dongle(parse_source(source, Settings(meter_mac_id=meter)))
    if findings.device is None and findings.reason:
        raise Unreachable(
            f"{findings.reason}. If the gateway is running, it has the dongle to itself: stop it first, "
            "or ask it for /meter/electricity/status"
        )
    return findings


def _to_json(source: str, findings: Findings) -> dict[str, object]:
    device, network = findings.device, findings.network
    return {
        "source": source,
        "mac": None if device is None else device.device_mac_id,
        "install_code": None if device is None else device.install_code,
        "model": None if device is None else device.model_id,
        "manufacturer": None if device is None else device.manufacturer,
        "firmware": None if device is None else device.fw_version,
        "meter": None if network is None else network.meter_mac_id,
        "status": None if network is None else network.status.wire,
        "status_words": None if network is None else network.status.words,
        "channel": None if network is None else network.channel,
        "link_strength_percent": None if network is None else network.link_strength_percent,
        "schedules": {name: proof.enabled for name, proof in sorted(findings.schedules.items())},
        "power_w": findings.power_w,
    }


def _facts(source: str, findings: Findings) -> list[tuple[str, object]]:
    facts = _to_json(source, findings)
    schedules = {
        name: "on" if on else "off" for name, on in cast("dict[str, bool]", facts["schedules"]).items()
    }
    strength = facts["link_strength_percent"]
    return [
        ("dongle", f"{facts['manufacturer']} {facts['model']}, firmware {facts['firmware']}"),
        ("MAC", facts["mac"]),
        ("install code", facts["install_code"]),
        ("meter", facts["meter"]),
        ("state", f"{facts['status']}: {facts['status_words']}"),
        ("link strength", "not told" if strength is None else f"{strength} % on channel {facts['channel']}"),
        ("price polling", schedules.get("price", "not told")),
        ("message polling", schedules.get("message", "not told")),
        ("power now", "no reading yet" if findings.power_w is None else f"{findings.power_w:g} W"),
    ]
