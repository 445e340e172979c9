"""``openesi provision``: home devices, from the DR application through the meter into the home and back."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openesi.cli import output
from openesi.cli.options import AsJson, noun_app
from openesi.errors import LocalError, WrongUsage

if TYPE_CHECKING:
    from openesi.provisioning.scenarios import Scenario
    from openesi.provisioning.simulation import Home, Utility
    from openesi.provisioning.world import Line, World

app = noun_app(
    """Provision home devices through an AMI head-end, by IEC 61968 messages and Zigbee Smart Energy.

    \b
    openesi provision demo
    openesi provision demo --scenario wrong-code --page run.html
    openesi provision steps
    """
)

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
    as_json: AsJson = False,
) -> None:
    """Play the use case in one process: 14 steps, 7 actors, no network, nothing to configure.

    \b
    openesi provision demo
    openesi provision demo --scenario cis-down --open 14
    """
    from openesi.provisioning import scenarios

    if show_list:
        rows = [(one.name, one.title, one.ends, one.after) for one in scenarios.SCENARIOS]
        output.write(output.render_table(("name", "what happens", "ends", "then"), rows))
        return
    if scenario not in scenarios.BY_NAME:
        raise WrongUsage(f"there is no scenario {scenario!r}; `openesi provision demo --list` shows them")
    _Stage(scenarios.BY_NAME[scenario], frames=frames, speed=speed, quiet=as_json).play(
        open_step=open_step, page=page, as_json=as_json
    )


@app.command()
def steps(as_json: AsJson = False) -> None:
    """Print the use case as a table: who tells whom what, before and after, and the code that does it.

    \b
    openesi provision steps
    """
    from openesi.provisioning.usecase import STEPS

    if as_json:
        output.write_json([{name: getattr(step, name) for name in step.__slots__} for step in STEPS])
        return
    rows = [(step.number, step.source, step.target, step.message, step.after) for step in STEPS]
    output.write(output.render_table(("step", "from", "to", "message", "after it"), rows))


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

    def play(self, *, open_step: int | None, page: Path | None, as_json: bool) -> None:
        from openesi.provisioning import diagram
        from openesi.provisioning.simulation import build, default_services
        from openesi.provisioning.state import State
        from openesi.provisioning.world import World

        began = time.monotonic()
        state = State(":memory:")
        try:
            world = World(state, now=DEMO_START, watch=self._hear)
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
        finally:
            state.close()
        self._finish(open_step, page, as_json=as_json, took_s=time.monotonic() - began)

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
        self._lines.append(line)
        self._pending.append(line)
        if self._utility is None or self._home is None:
            return
        status = self._utility.dr.status(self._home.device)
        if not self._states or self._states[-1][1] != status.state:
            self._note_state(line.at)

    def _note_state(self, at: float) -> None:
        if self._utility is None or self._home is None:
            return
        status = self._utility.dr.status(self._home.device)
        if self._states and self._states[-1][1] == status.state:
            return
        self._states.append((at, status.state, status.reason))
        newest = self._pending.pop() if self._pending and self._pending[-1].at == at else None
        self._flush()
        from openesi.provisioning import diagram

        self._say(diagram.render_state(status.state, status.reason))
        if newest is not None:
            self._pending.append(newest)

    def _flush(self) -> None:
        from openesi.provisioning import diagram

        lines, self._pending = self._pending, []
        rows = [diagram.Row(line) for line in lines] if self._frames else diagram.collapse(lines)
        for row in rows:
            self._say(diagram.render_row(row, DEMO_START))

    def _end(self, expected: str) -> None:
        if self._utility is None or self._home is None:
            return
        self._flush()
        self._note_state(self._utility.world.now)
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
