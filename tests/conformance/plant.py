"""What a DER client makes of its programs: one schedule for each control, by the rules of the standard.

It walks from DeviceCapability, follows links alone, and answers events as they ask. So what a procedure
asserts about the plant, any client would have come to that reads what the server serves.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from conformance.wire import Element, Wire, child, link, name_of, number, text

RECEIVED, STARTED, COMPLETED, CANCELLED, SUPERSEDED = 1, 2, 3, 6, 7


@dataclass
class Program:
    """A DERProgram as it was found."""

    href: str
    mrid: str
    primacy: int
    document: Element


@dataclass
class Control:
    """A DERControl that the plant knows, and what became of it here."""

    mrid: str
    primacy: int
    document: Element
    lost: set[str] = field(default_factory=set)
    said: list[int] = field(default_factory=list)

    @property
    def start(self) -> int:
        return number(self.document, "interval/start")

    @property
    def end(self) -> int:
        return self.start + number(self.document, "interval/duration")

    @property
    def status(self) -> int:
        return number(self.document, "EventStatus/currentStatus")

    @property
    def modes(self) -> dict[str, Element]:
        base = child(self.document, "DERControlBase")
        return {name_of(one): one for one in base if name_of(one) != "rampTms"}

    @property
    def strength(self) -> tuple[int, int, int]:
        return -self.primacy, number(self.document, "creationTime"), int(self.mrid, 16)


class Plant:
    """One end device behind a wire: its own, or one that an aggregator manages."""

    def __init__(self, wire: Wire, lfdi: str | None = None) -> None:
        self.wire = wire
        self.lfdi = lfdi or wire.lfdi
        self.controls: dict[str, Control] = {}
        self.programs: list[Program] = []
        self.defaults: list[Element] = []
        self.applied: dict[str, str] = {}
        self._clock: str | None = None

    # --- finding --------------------------------------------------------------------------------------

    def dcap(self) -> Element:
        return self.wire.get("/dcap")

    def now(self) -> int:
        """Return the time of the server, which is the time of its events."""
        if self._clock is None:
            self._clock = link(self.dcap(), "TimeLink")
        return number(self.wire.get(self._clock), "currentTime")

    def me(self) -> Element:
        """Return this device's EndDevice."""
        listing = link(self.dcap(), "EndDeviceListLink")
        mine = [one for one in self.wire.members(listing) if text(one, "lFDI") == self.lfdi]
        assert len(mine) == 1, f"{self.lfdi} is listed {len(mine)} times"
        return mine[0]

    def assignments(self) -> list[Element]:
        return self.wire.members(link(self.me(), "FunctionSetAssignmentsListLink"))

    def der(self) -> Element:
        (only,) = self.wire.members(link(self.me(), "DERListLink"))
        return only

    def find_programs(self) -> list[Program]:
        """Return the programs of all assignments, each once, the strongest first."""
        found = {}
        for assignment in self.assignments():
            listing = child(assignment, "DERProgramListLink")
            if listing is None:
                continue
            members = self.wire.members(listing.get("href"))
            assert int(listing.get("all")) == len(members)
            order = [(number(one, "primacy"), -int(text(one, "mRID") or "", 16)) for one in members]
            assert order == sorted(order), "programs are not in the order of the standard"
            for one in members:
                mrid = text(one, "mRID") or ""
                found[mrid] = Program(one.get("href"), mrid, number(one, "primacy"), one)
        return sorted(found.values(), key=lambda program: (program.primacy, -int(program.mrid, 16)))

    def curve(self, control: Element, mode: str) -> Element:
        return self.wire.get(link(child(control, "DERControlBase"), mode))

    # --- doing ----------------------------------------------------------------------------------------

    def step(self) -> dict[str, str]:
        """Poll, decide, answer; return what applies now, by control."""
        now = self.now()
        self._poll(now)
        for control in self._known():
            self._say(control, RECEIVED, bit=1)
            if control.status in (2, 3) and COMPLETED not in control.said:
                self._say(control, CANCELLED)
        self._give_way(now)
        self.applied = self._defaults()
        for control in self._known():
            in_force = control.status in (0, 1) and control.start <= now < control.end
            held = {mode: one for mode, one in control.modes.items() if mode not in control.lost}
            if in_force and held:
                self._say(control, STARTED)
                self.applied |= {mode: value_of(one) for mode, one in held.items()}
            if now >= control.end and STARTED in control.said and held and CANCELLED not in control.said:
                self._say(control, COMPLETED)
        return self.applied

    def _known(self) -> list[Control]:
        return sorted(self.controls.values(), key=lambda one: one.start)

    def _poll(self, now: int) -> None:
        self.programs = self.find_programs()
        self.defaults = []
        for program in self.programs:
            default = child(program.document, "DefaultDERControlLink")
            if default is not None:
                self.defaults.append(self.wire.get(default.get("href")))
            listing = link(program.document, "DERControlListLink")
            members = self.wire.members(listing)
            keys = [
                (
                    number(one, "interval/start"),
                    -number(one, "creationTime"),
                    -int(text(one, "mRID") or "", 16),
                )
                for one in members
            ]
            assert keys == sorted(keys), f"{listing} is not in the order of the standard"
            for one in members:
                mrid = text(one, "mRID") or ""
                known = self.controls.get(mrid)
                if known is None:
                    found = Control(mrid, program.primacy, one)
                    if found.end > now:  # else it came too late to be done
                        self.controls[mrid] = found
                else:
                    known.document, known.primacy = one, program.primacy

    def _give_way(self, now: int) -> None:
        """Note which controls were lost to stronger ones, for good; answer 7 where all of them were.

        What is known to overlap before it starts is lost at once; what runs, when the stronger one starts.
        """
        alive = [one for one in self._known() if one.status in (0, 1, 4)]
        for weaker in alive:
            for stronger in alive:
                meet = weaker.start < stronger.end and stronger.start < weaker.end
                runs = STARTED in weaker.said or weaker.start <= now
                if meet and stronger.strength > weaker.strength and not (runs and stronger.start > now):
                    weaker.lost |= weaker.modes.keys() & stronger.modes.keys()
            if weaker.status == 4:  # the server says so
                weaker.lost |= weaker.modes.keys()
            if weaker.lost >= weaker.modes.keys() and COMPLETED not in weaker.said:
                self._say(weaker, SUPERSEDED)

    def _defaults(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for default in self.defaults:  # the strongest program first
            for one in child(default, "DERControlBase"):
                found.setdefault(name_of(one), value_of(one))
        return found

    def _say(self, control: Control, status: int, *, bit: int = 2) -> None:
        required = int(control.document.get("responseRequired", "00"), 16)
        if status in control.said or not required & bit:
            return
        control.said.append(status)
        self.respond(control, status)

    def respond(self, control: Control, status: int) -> str:
        return self.wire.post(
            control.document.get("replyTo"),
            "DERControlResponse",
            {
                "createdDateTime": self.now(),
                "endDeviceLFDI": self.lfdi,
                "status": status,
                "subject": control.mrid,
            },
        )

    def said(self, description: str) -> list[int]:
        """Return what was answered about the control of that description."""
        (one,) = [c for c in self.controls.values() if text(c.document, "description") == description]
        return one.said

    def control(self, description: str) -> Control:
        (one,) = [c for c in self.controls.values() if text(c.document, "description") == description]
        return one


def value_of(mode: Element) -> str:
    """Return a control's value as text: of quantities value and multiplier, of curves the href."""
    href = mode.get("href")
    if href is not None:
        return str(href)
    parts = [one.text for one in mode]
    return " ".join(map(str, parts)) if parts else str(mode.text)
