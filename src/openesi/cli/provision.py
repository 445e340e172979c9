"""``openesi provision``: home devices, from the DR application through the meter into the home and back."""

from __future__ import annotations

import contextlib
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openesi.cli import output, provision_records
from openesi.cli.options import AsJson, DataDir, TimeZone, noun_app, time_zone
from openesi.errors import LocalError, WrongUsage

if TYPE_CHECKING:
    from openesi.provisioning.board import Board
    from openesi.provisioning.scenarios import Scenario
    from openesi.provisioning.simulation import Home, Utility
    from openesi.provisioning.state import Entry, State
    from openesi.provisioning.world import Line, World

app = noun_app(
    """Provision home devices through an AMI head-end, by IEC 61968 messages and Zigbee Smart Energy.

    \b
    openesi provision demo
    openesi provision demo --scenario wrong-code --page run.html
    openesi provision steps
    """
)

JOURNAL_OF_ONE = 10_000  # lines; a device leaves about sixty each time
WebPort = Annotated[
    int | None,
    typer.Option(
        metavar="PORT", help="Show it live on a page of this machine, at this port; 0 takes a free one."
    ),
]
DEMO_START = 1_790_000_000.0  # a fixed moment, so that two runs print the same times


@app.command()
def demo(
    *,
    scenario: Annotated[
        str, typer.Option("--scenario", metavar="NAME", help="What happens; --list shows the names.")
    ] = "normal",
    show_list: Annotated[bool, typer.Option("--list", help="List the scenarios and stop.")] = False,
    frames: Annotated[bool, typer.Option("--frames", help="Show every frame of the air.")] = False,
    open_step: Annotated[
        int | None, typer.Option("--open", min=1, max=14, help="Print the messages of this step at the end.")
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the run as a page; every message can be opened."),
    ] = None,
    speed: Annotated[
        float,
        typer.Option(min=0, metavar="X", help="Play X times as fast as real time; 0 does not wait at all."),
    ] = 0,
    web_port: WebPort = None,
    as_json: AsJson = False,
) -> None:
    """Play the use case in one process: 14 steps, 7 actors, no network, nothing to configure.

    With --web-port it is played in real time (or at --speed) on a page as well, until Ctrl-C.

    \b
    openesi provision demo
    openesi provision demo --web-port 8090
    openesi provision demo --scenario cis-down --open 14
    """
    from openesi.provisioning import scenarios

    if show_list:
        rows = [(one.name, one.title, one.ends, one.after) for one in scenarios.SCENARIOS]
        output.write(output.render_table(("name", "what happens", "ends", "then"), rows))
        return
    if scenario not in scenarios.BY_NAME:
        raise WrongUsage(f"there is no scenario {scenario!r}; `openesi provision demo --list` shows them")
    stage = _Stage(scenarios.BY_NAME[scenario], frames=frames, speed=speed, quiet=as_json)
    stage.play(open_step=open_step, page=page, web_port=web_port, as_json=as_json)


@app.command()
def steps(
    device: Annotated[
        str, typer.Argument(metavar="[DEVICE]", help="Hold the journal of this device against it.")
    ] = "",
    *,
    data: Annotated[
        Path | None,
        typer.Option("--data", envvar="OPENESI_DATA", metavar="DIR", help="Where its journal is."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print the use case as a table: who tells whom what, before and after, and the code that does it.

    With a DEVICE: which steps the journal of DIR knows of, since its last request.

    \b
    openesi provision steps
    openesi provision steps 000D6F0000123456 --data DIR
    """
    from openesi.provisioning.usecase import STEPS

    if device:
        if data is None:
            raise WrongUsage("say with --data DIR where the device's journal is")
        _read_aloud(device, data, as_json=as_json)
        return
    if as_json:
        output.write_json([{name: getattr(step, name) for name in step.__slots__} for step in STEPS])
        return
    rows = [(step.number, step.source, step.target, step.message, step.after) for step in STEPS]
    output.write(output.render_table(("step", "from", "to", "message", "after it"), rows))


Role = Annotated[
    list[str] | None,
    typer.Option(
        "--role", metavar="ROLE", help="DR-APPLICATION, AMI-HEADEND, SEP2-HEADEND or CIS; all if none."
    ),
]
Device = Annotated[str, typer.Argument(metavar="DEVICE", help="MAC address, or LFDI of a 2030.5 device.")]


@app.command()
def serve(
    data: DataDir,
    *,
    cert: Annotated[Path, typer.Option(help="Server certificate, PEM.")],
    key: Annotated[Path, typer.Option(help="Its key, PEM.")],
    role: Role = None,
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen at; 0 takes a free one.")] = 9443,
    users: Annotated[
        Path | None, typer.Option(metavar="FILE", help='JSON, {"NAME": "secret"}, of callers; mode 600.')
    ] = None,
    client_ca: Annotated[
        Path | None, typer.Option(metavar="FILE", help="CA of callers that show a certificate.")
    ] = None,
    peer: Annotated[
        list[str] | None, typer.Option("--peer", metavar="ROLE=URL", help="Where a role is that is not here.")
    ] = None,
    secret_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Our secret, to call peers with.")
    ] = None,
    ca: Annotated[Path | None, typer.Option(metavar="FILE", help="CA of the peers.")] = None,
    subscriber: Annotated[
        list[str] | None,
        typer.Option(
            "--subscriber", metavar="ROLE", help="Who gets step 14: CIS, and others that have a --peer."
        ),
    ] = None,
    sep2_api: Annotated[
        str | None, typer.Option(metavar="URL", help="Operator's API of an OpenESI server, for SEP2-HEADEND.")
    ] = None,
    sep2_token: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Its operator's token; found by itself for a server on this machine."
        ),
    ] = None,
    homes: Annotated[int, typer.Option(min=1, max=1000, help="Simulated homes behind the head-end.")] = 1,
    install: Annotated[
        bool, typer.Option(help="Let their devices look for a meter until they find it.")
    ] = False,
    loss: Annotated[
        float, typer.Option(min=0, max=90, metavar="PERCENT", help="Messages the simulated network loses.")
    ] = 0,
    delay: Annotated[
        float, typer.Option(min=0, max=3600, metavar="S", help="How much longer a message takes, at most.")
    ] = 0,
    radio: Annotated[
        str | None,
        typer.Option(
            metavar="PORT", help="Put the first meter on a real radio: /dev/ttyUSB0, socket://HOST:PORT."
        ),
    ] = None,
    identity: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Its Smart Energy certificate and key, JSON, mode 600."),
    ] = None,
    broker: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Reach roles elsewhere over a broker: stomps://USER@HOST:PORT."),
    ] = None,
    broker_secret: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Our secret at the broker; mode 600.")
    ] = None,
    timezone: TimeZone = "UTC",
    web_port: WebPort = None,
) -> None:
    """Run roles of the use case in real time; messages come and go as SOAP or REST over HTTPS.

    Callers need a certificate (--client-ca) or a user name and secret (--users). The AMI network, meters and
    devices behind AMI-HEADEND are simulated, but for a meter with a --radio. Prints one line
    `ready https://...` when it is up.

    \b
    openesi provision serve --data DIR --cert server.pem --key server.key --users users.json
    """
    from openesi.cli.provision_host import Options, run

    if users is None and client_ca is None:
        raise WrongUsage("callers have to prove who they are: give --users FILE or --client-ca FILE, or both")
    if (radio is None) != (identity is None):
        raise WrongUsage("--radio and --identity go together: who the meter is, is in its certificate")
    run(
        Options(
            data=data,
            roles=tuple(role or ()),
            host=host,
            port=port,
            certificate=cert,
            key=key,
            users=users,
            client_ca=client_ca,
            peers=tuple(peer or ()),
            secret_file=secret_file,
            ca=ca,
            subscribers=tuple(subscriber or ()),
            sep2_api=sep2_api,
            sep2_token=sep2_token,
            homes=homes,
            install=install,
            radio=radio,
            identity=identity,
            web_port=web_port,
            broker=broker,
            broker_secret=broker_secret,
            zone=time_zone(timezone),
            loss=loss / 100,
            delay_s=delay,
        )
    )


@app.command()
def window(
    device: Device,
    data: DataDir,
    *,
    minutes: Annotated[float, typer.Option(min=1, help="How long the window is open.")] = 60,
    close: Annotated[bool, typer.Option("--close", help="Close the window instead.")] = False,
) -> None:
    """Open a window for a device (step 1); a running `serve` on the same DIR sends the message.

    \b
    openesi provision window 000D6F0000123456 --data DIR
    """
    from openesi.cli.provision_host import dr_application

    with dr_application(data) as dr:
        if close:
            dr.cancel_window(device, time.time())
        else:
            output.write(dr.open_window(device, time.time(), duration_s=minutes * 60))


@app.command()
def remove(device: Device, data: DataDir) -> None:
    """Put a device out of the home, and end its enrolment.

    \b
    openesi provision remove 000D6F0000123456 --data DIR
    """
    from openesi.cli.provision_host import dr_application

    with dr_application(data) as dr:
        dr.remove(device, time.time())


@app.command()
def retry(device: Device, data: DataDir) -> None:
    """Send step 14 again, after what the CIS refused has been corrected.

    \b
    openesi provision retry 000D6F0000123456 --data DIR
    """
    from openesi.cli.provision_host import dr_application

    with dr_application(data) as dr:
        dr.retry(device, time.time())


@app.command("import")
def import_device(
    device: Device,
    data: DataDir,
    *,
    install_code: Annotated[str, typer.Option(help="The code on the label with its CRC; a PIN for 2030.5.")],
    device_type: Annotated[str, typer.Option("--type", help="ProgCtlThermostat, LoadControlDevice, ...")],
    account: Annotated[str, typer.Option(help="The customer's account.")] = "",
    program: Annotated[str, typer.Option(help="The program the customer is enrolled in.")] = "",
) -> None:
    """Make a device known to the DR application; its install code is checked at once.

    \b
    openesi provision import 000D6F0000123456 --data DIR --type ProgCtlThermostat \\
        --install-code 83FED3407A932B70
    """
    from openesi.cli.provision_host import dr_application
    from openesi.provisioning.roles.dr_application import Device as Imported

    with dr_application(data) as dr:
        known = dr.add_device(Imported(device, device_type, install_code, account, program), time.time())
        output.write(known.device)


@app.command()
def status(data: DataDir, as_json: AsJson = False) -> None:
    """Show where every device stands, and what to do where one has ended.

    \b
    openesi provision status --data DIR
    """
    from openesi.cli.provision_host import dr_application
    from openesi.provisioning.lifecycle import RECOVERY

    with dr_application(data) as dr:
        found = dr.devices()
    if as_json:
        output.write_json(found)
        return
    rows = [(one.device, one.state, one.reason, RECOVERY.get(one.state, "")) for one in found]
    output.write(output.render_table(("device", "state", "reason", "what to do"), rows))


@app.command()
def log(
    data: DataDir,
    *,
    device: Annotated[str, typer.Option(help="Of one device only.")] = "",
    last: Annotated[int, typer.Option(min=1, max=100_000, metavar="N", help="The newest N lines.")] = 1000,
    open_line: Annotated[
        int | None, typer.Option("--open", metavar="N", help="Print the message of line N.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read the journal: every message received and every change of state, with time and actor.

    \b
    openesi provision log --data DIR --device 000D6F0000123456
    openesi provision log --data DIR --open 3
    """
    from openesi.cli.provision_host import state_in
    from openesi.provisioning.diagram import render_body

    with state_in(data) as state:
        if open_line:
            entries = state.select_journal(after=open_line - 1, limit=1)
        else:
            entries = state.select_newest(subject=device.upper(), limit=last)
    if open_line:
        if not entries or entries[0].number != open_line or entries[0].body is None:
            raise LocalError(f"line {open_line} has no message; `openesi provision log` shows the lines")
        output.write(render_body(entries[0].body))
        return
    if as_json:
        output.write_json([_entry_json(entry) for entry in entries])
        return
    rows = [
        (
            entry.number,
            _time(entry.at),
            entry.role,
            entry.step or None,
            entry.event,
            entry.detail,
        )
        for entry in entries
    ]
    output.write(output.render_table(("line", "time", "actor", "step", "event", "detail"), rows))


@app.command()
def send(
    what: Annotated[
        str, typer.Argument(metavar="WHAT", help="open or close (step 1), provisioned (13), joined (14).")
    ],
    device: Device,
    *,
    to: Annotated[str, typer.Option(metavar="URL", help="Base address of the process that is called.")] = "",
    source: Annotated[
        str, typer.Option("--as", metavar="NAME", help="Who we are.", show_default="whose step it is")
    ] = "",
    meter: Annotated[str, typer.Option(help="Meter number.")] = "",
    premise: Annotated[str, typer.Option(help="Premise, for step 14.")] = "",
    agreement: Annotated[str, typer.Option(help="Agreement, for step 14.")] = "",
    device_type: Annotated[str, typer.Option("--type", help="Device type.")] = "ProgCtlThermostat",
    install_code: Annotated[str, typer.Option(help="The code on the label, or a PIN.")] = "",
    minutes: Annotated[float, typer.Option(min=1, help="How long the window is.")] = 60,
    secret_file: Annotated[Path | None, typer.Option(metavar="FILE", help="Our secret.")] = None,
    cert: Annotated[Path | None, typer.Option(help="Our certificate, PEM.")] = None,
    key: Annotated[Path | None, typer.Option(help="Its key, PEM.")] = None,
    ca: Annotated[Path | None, typer.Option(metavar="FILE", help="CA of the process that is called.")] = None,
    rest: Annotated[bool, typer.Option("--rest", help="Plain REST in place of SOAP.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the message and send nothing.")] = False,
) -> None:
    """Send the message of one step by hand and print the answer.

    \b
    openesi provision send open 000D6F0000123456 --meter M-55512345 --install-code 83FED3407A932B70 --dry-run
    """
    from openesi.cli.provision_host import Call, by_hand

    call = Call(what, device, source, meter, premise, agreement, device_type, install_code, minutes)
    output.write(
        by_hand(call, to=to, secret_file=secret_file, cert=cert, key=key, ca=ca, rest=rest, dry_run=dry_run)
    )


app.command()(provision_records.program)
app.command()(provision_records.customer)
app.command()(provision_records.meter)


class _Stage:
    """One run of a scenario on the terminal."""

    def __init__(self, scenario: Scenario, *, frames: bool, speed: float, quiet: bool) -> None:
        self._scenario = scenario
        self._frames = frames
        self._speed = speed
        self._quiet = quiet
        self._lines: list[Line] = []
        self._states: list[tuple[float, str, str]] = []
        self._pending: list[Line] = []
        self._utility: Utility | None = None
        self._home: Home | None = None
        self._board: Board | None = None

    def play(self, *, open_step: int | None, page: Path | None, web_port: int | None, as_json: bool) -> None:
        from openesi.provisioning.state import State

        began = time.monotonic()
        state = State(":memory:")
        try:
            if web_port is None:
                self._run(state)
                self._finish(open_step, page, as_json=as_json, took_s=time.monotonic() - began)
            else:
                self._play_on_page(state, web_port, open_step, page, as_json=as_json)
        finally:
            state.close()

    def _play_on_page(
        self, state: State, port: int, open_step: int | None, page: Path | None, *, as_json: bool
    ) -> None:
        from openesi.cli.provision_page import showing
        from openesi.provisioning.board import Board

        began = time.monotonic()
        self._board = Board(state, start=DEMO_START)
        self._speed = self._speed or 1.0
        with showing(self._board, title=self._scenario.title, host="127.0.0.1", port=port) as url:
            output.write(f"ready {url}")
            self._run(state)
            self._finish(open_step, page, as_json=as_json, took_s=time.monotonic() - began)
            output.say(f"The page stays at {url} until you press Ctrl-C.")
            with contextlib.suppress(KeyboardInterrupt):
                threading.Event().wait()

    def _run(self, state: State) -> None:
        from openesi.provisioning import diagram
        from openesi.provisioning.simulation import build, default_services
        from openesi.provisioning.world import World

        world = World(state, now=DEMO_START, watch=self._hear, settled=self._settled)
        utility = self._utility = build(state, world, services=default_services())
        home = self._home = utility.homes[0]
        self._say(f"{self._scenario.title}.\n\n{diagram.render_head()}")
        for act in self._scenario.acts(utility, home):
            self._act(world, act.text, act.do, act.watch_s)
        self._end(self._scenario.ends)
        for act in self._scenario.recovery(utility, home):
            self._act(world, act.text, act.do, act.watch_s)
        if self._scenario.after is not self._scenario.ends:
            self._end(self._scenario.after)

    def _act(self, world: World, text: str, do: object, watch_s: float) -> None:
        self._flush()
        self._say(f"\n{text}")
        if callable(do):
            do()
        end = world.now + watch_s
        while self._speed and (due := world.next_event()) is not None and due <= end:
            self._wait(due - world.now)
            world.run(due)
            self._flush()
        if self._speed:
            self._wait(end - world.now)
        world.run(end)
        self._flush()

    def _wait(self, seconds: float) -> None:
        """Let real time pass; a spinner says what for where it takes a while."""
        pause = seconds / self._speed
        if pause < 1:
            time.sleep(max(0.0, pause))
            return
        from rich.console import Console

        with Console(stderr=True).status(f"nothing happens for {seconds:.0f} s ({pause:.0f} s here)"):
            time.sleep(pause)

    def _hear(self, line: Line) -> None:
        self._note_state()
        self._lines.append(line)
        self._pending.append(line)
        if self._board is not None:
            self._board.hear(line)

    def _settled(self) -> None:
        self._note_state()
        if self._board is not None:
            self._board.look()

    def _note_state(self) -> None:
        """Say where the device stands, if that is new."""
        from openesi.provisioning import diagram

        if self._utility is None or self._home is None:
            return
        status = self._utility.dr.status(self._home.device)
        if self._states and self._states[-1][1] == status.state:
            return
        self._states.append((self._utility.world.now, status.state, status.reason))
        self._flush()
        self._say(diagram.render_state(status.state, status.reason))

    def _flush(self) -> None:
        from openesi.provisioning import diagram

        lines, self._pending = self._pending, []
        rows = [diagram.Row(line) for line in lines] if self._frames else diagram.collapse(lines)
        for row in rows:
            self._say(diagram.render_row(row, DEMO_START))

    def _end(self, expected: str) -> None:
        if self._utility is None or self._home is None:
            return
        self._settled()
        self._flush()
        status = self._utility.dr.status(self._home.device)
        if status.state != expected:
            raise LocalError(f"the scenario ended in {status.state}, not in {expected}; please report this")
        account = self._utility.cis.device(self._home.device)
        order = self._utility.head_end.order(self._home.device)
        from openesi.provisioning.lifecycle import RECOVERY

        self._say("")
        self._say(f"DR application  {status.state}  {status.reason}".rstrip())
        self._say(f"Head-end        {order.state if order else 'no request'}")
        self._say(
            f"CIS             {f'{account.status} at {account.premise}' if account else 'device unknown'}"
        )
        if status.state in RECOVERY:
            self._say(f"What to do      {RECOVERY[status.state]}")

    def _finish(self, open_step: int | None, page: Path | None, *, as_json: bool, took_s: float) -> None:
        from openesi.provisioning import diagram

        if as_json:
            for line in self._lines:
                output.write_json_line(_line_json(line))
        if page is not None:
            text = diagram.render_page(
                self._scenario.title, self._lines, start=DEMO_START, states=self._states
            )
            page.write_text(text)
            output.say(f"wrote {page}")
        for line in self._lines:
            if line.step == open_step:
                output.write(f"\n-- step {line.step}: {line.label}, {line.source} to {line.target}")
                output.write(diagram.render_body(line.body))
        messages = sum(not line.radio for line in self._lines)
        air = len(self._lines) - messages
        output.say(f"\n{messages} messages and {air} frames of the air in {took_s:.2f} s.")

    def _say(self, text: str) -> None:
        if not self._quiet:
            output.write(text)


def _time(at: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def _read_aloud(device: str, data: Path, *, as_json: bool) -> None:
    from openesi.cli.provision_host import state_in
    from openesi.provisioning.usecase import read_aloud

    with state_in(data) as state:
        told = read_aloud(state.select_newest(subject=device.upper(), limit=JOURNAL_OF_ONE))
    if as_json:
        output.write_json(
            [
                {"step": one.step.number, "message": one.step.message, "at": one.at, "actor": one.actor}
                | {"event": one.event, "detail": one.detail}
                for one in told
            ]
        )
        return
    rows = [
        (
            one.step.number,
            f"{one.step.source} to {one.step.target}: {one.step.message}",
            _time(one.at)[11:23] if one.at is not None else "not yet",
            f"{one.actor}: {one.event}" if one.actor else "",
        )
        for one in told
    ]
    output.write(output.render_table(("step", "the use case", "time", "the journal"), rows))


def _entry_json(entry: Entry) -> dict[str, object]:
    from openesi.provisioning.diagram import render_body

    shown = {name: getattr(entry, name) for name in entry.__slots__}
    return shown | {"body": render_body(entry.body) if entry.body else None}


def _line_json(line: Line) -> dict[str, object]:
    from openesi.provisioning import diagram

    return {
        "at": line.at,
        "from": line.source,
        "to": line.target,
        "step": line.step,
        "label": line.label,
        "note": line.note,
        "radio": line.radio,
        "body": diagram.render_body(line.body),
    }
