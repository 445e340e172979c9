"""The answering side of discovery for one domain on one interface: packets in, packets out, no sockets.

The library ``zeroconf`` was weighed and not taken: it knows neither ``.site`` nor FF05::FB, and has one TXT
record for an instance where the standard adds ``path`` by the subtype that was asked for. One responder of
ours for both domains is less than a library and half a responder beside it.

::

    PROBING (3 times, 250 ms apart) -> ANNOUNCING (twice, 1 s apart) -> ANSWERING
       ^  '-- somebody has the name: take another and begin again        |
       '---------- somebody claims the name: defend it ------------------'
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Final

from openesi.discovery.dns import (
    BadPacket,
    Message,
    Name,
    Question,
    Record,
    Srv,
    Type,
    data_octets,
    fold,
    parse,
    same_data,
    serialize,
)
from openesi.discovery.names import (
    PORT,
    Address,
    Announcement,
    asked_sfdi,
    device_subtype,
    service_name,
    subtype_name,
)

PROBES: Final = 3
PROBE_S: Final = 0.25
ANNOUNCEMENTS: Final = 2
ANNOUNCE_S: Final = 1.0
DEFER_S: Final = 1.0  # after somebody else who probes for the same name goes first
MAX_RENAMES: Final = 15  # then somebody makes fun of us: try only every CALM_S
CALM_S: Final = 5.0
HOST_TTL_S: Final = 120  # of what follows addresses, RFC 6762, 10
OTHER_TTL_S: Final = 4500
LEGACY_TTL_S: Final = 10  # for those who do not listen to what is told later, RFC 6762, 6.7
SHARED_DELAY_S: Final = (0.02, 0.12)  # several servers answer the same question; not at the same time
REPEAT_S: Final = 1.0  # the same is not told to all more often than that
MAX_TOLD: Final = 256  # names remembered for that; each registered device has one of its own
ANSWERS_PER_S: Final = 50  # to a flood of questions, which could also come in somebody else's name
ANSWERS_BURST: Final = 100
MAX_ADDRESSES: Final = 8  # of one interface; the packet shall fit one frame
MAX_SFDIS: Final = 8  # asked for in one packet; each costs a look into the store

_SERVICES: Final = (b"_services", b"_dns-sd", b"_udp")


class State(Enum):
    """Where a responder is with its name."""

    PROBING = auto()
    ANNOUNCING = auto()
    ANSWERING = auto()
    CLOSED = auto()


@dataclass(slots=True)
class Counters:
    """What came in, for whoever wonders why nobody finds the server."""

    packets: int = 0
    bad: int = 0  # no DNS message, or a hostile one
    answers: int = 0
    flooded: int = 0  # not answered, because there were too many
    conflicts: int = 0


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A packet to send after ``after_s``: to whoever asked, or to all."""

    packet: bytes
    to_asker: bool
    after_s: float = 0.0


@dataclass(slots=True)
class Responder:
    """Answers for one server on one link. ``addresses`` are the server's there, the best first."""

    announcement: Announcement
    domain: str
    addresses: tuple[Address, ...]
    random: random.Random = field(default_factory=random.SystemRandom)
    counters: Counters = field(default_factory=Counters)
    state: State = State.PROBING
    _number: int = 1
    _sent: int = 0
    _next: float = 0.0
    _allowance: float = ANSWERS_BURST
    _allowed_at: float = 0.0
    _told: dict[tuple[str, Name], float] = field(default_factory=dict)

    @property
    def instance(self) -> Name:
        """The name of the service instance."""
        return (self.announcement.label(self._number), *service_name(self.domain))

    @property
    def host(self) -> Name:
        """The name of the host it is on."""
        return (self.announcement.label(self._number), self.domain.encode())

    def step(self, now: float) -> tuple[list[bytes], float | None]:
        """Return what is to be told to all now, and when to ask again (None: not by itself)."""
        if self.state not in (State.PROBING, State.ANNOUNCING):
            return [], None
        if now < self._next:
            return [], self._next
        if self.state is State.PROBING:
            if self._sent < PROBES:
                return self._advance(now, PROBE_S, [self._probe()])
            self.state, self._sent = State.ANNOUNCING, 0
        packets = self._announce()
        if self._sent + 1 == ANNOUNCEMENTS:
            self.state = State.ANSWERING
            return packets, None
        return self._advance(now, ANNOUNCE_S, packets)

    def read(self, packet: bytes) -> Message | None:
        """Read a packet; None, counted, for one that is no DNS message."""
        self.counters.packets += 1
        try:
            return parse(packet)
        except BadPacket:
            self.counters.bad += 1
            return None

    def asked_sfdis(self, message: Message) -> frozenset[int]:
        """Return the devices that are asked for: whoever calls ``answer`` must know which are registered."""
        if message.response or self.state in (State.PROBING, State.CLOSED):
            return frozenset()
        asked = (asked_sfdi(one.name) for one in message.questions if _is_in(one.name, self.domain))
        return frozenset([sfdi for sfdi in asked if sfdi is not None][:MAX_SFDIS])

    def answer(
        self,
        message: Message,
        *,
        now: float,
        port: int,
        registered: frozenset[int] = frozenset(),
        group: str = "",
    ) -> list[Outgoing]:
        """Return what to send for a packet that came from ``port`` and was heard in ``group``.

        One packet for each question: the PTR first and alone in Answer, all the rest in Additional, for
        clients that read no more than that.
        """
        if message.response:
            self._check_conflict(message, now)
            return []
        if self.state is State.PROBING:
            self._check_tie(message, now)
        if self.state in (State.PROBING, State.CLOSED):
            return []
        outgoing = []
        for question in message.questions:
            answers, additionals = self._records(question, registered)
            if not answers or _is_known(answers, message.answers):
                continue
            sent = self._outgoing(question, message, answers, additionals, now=now, port=port, group=group)
            if sent is not None:
                outgoing.append(sent)
        self.counters.answers += len(outgoing)
        return outgoing

    def close(self) -> list[bytes]:
        """Return the goodbye: everything that was told holds no longer."""
        was, self.state = self.state, State.CLOSED
        if was is State.PROBING:
            return []
        records = tuple(replace(record, ttl_s=0) for record in self._all_records())
        return [serialize(Message(response=True, answers=records))]

    def _advance(self, now: float, wait_s: float, packets: list[bytes]) -> tuple[list[bytes], float]:
        self._sent += 1
        self._next = now + wait_s
        return packets, self._next

    def _begin_again(self, now: float, wait_s: float) -> None:
        self.state, self._sent, self._next = State.PROBING, 0, now + wait_s

    # Records.

    def _srv(self) -> Record:
        data = Srv(self.announcement.port, self.host)
        return Record(self.instance, Type.SRV, HOST_TTL_S, data, flush=True)

    def _txt(self, path: str | None = None) -> Record:
        return Record(self.instance, Type.TXT, OTHER_TTL_S, self.announcement.txt(path), flush=True)

    def _hosts(self) -> tuple[Record, ...]:
        return tuple(
            Record(self.host, Type.A if one.version == 4 else Type.AAAA, HOST_TTL_S, one.packed, flush=True)
            for one in self.addresses[:MAX_ADDRESSES]
        )

    def _pointer(self, name: Name) -> Record:
        return Record(name, Type.PTR, OTHER_TTL_S, self.instance)

    def _all_records(self) -> tuple[Record, ...]:
        names = [service_name(self.domain)]
        names += [subtype_name(subtype, self.domain) for subtype in self.announcement.subtypes]
        return (*map(self._pointer, names), self._srv(), self._txt(), *self._hosts())

    def _records(
        self, question: Question, registered: frozenset[int]
    ) -> tuple[tuple[Record, ...], tuple[Record, ...]]:
        """Return what answers a question, and what is worth adding."""
        name, wanted = fold(question.name), question.type
        if name in (fold(self.instance), fold(self.host)):
            own = (self._srv(), self._txt()) if name == fold(self.instance) else self._hosts()
            answers = tuple(
                replace(record, name=question.name) for record in own if wanted in (record.type, Type.ANY)
            )
            return answers, self._hosts() if name == fold(self.instance) else ()
        if wanted not in (Type.PTR, Type.ANY):
            return (), ()
        if name == (*_SERVICES, self.domain.encode()):
            return (Record(question.name, Type.PTR, OTHER_TTL_S, service_name(self.domain)),), ()
        path = self._path(name, registered)
        if path is None:
            return (), ()
        return (self._pointer(question.name),), (self._srv(), self._txt(path or None), *self._hosts())

    def _path(self, name: Name, registered: frozenset[int]) -> str | None:
        """Return the path that belongs to a service name, "" if it has none, None if it is not ours."""
        if name == service_name(self.domain):
            return ""
        for subtype, path in self.announcement.subtypes.items():
            if name == subtype_name(subtype, self.domain):
                return path
        sfdi = asked_sfdi(name)
        if sfdi in registered and sfdi is not None:
            ours = name == subtype_name(device_subtype(sfdi), self.domain)
            return self.announcement.subtypes.get("edev") if ours else None
        return None

    # Packets.

    def _probe(self) -> bytes:
        """Ask whether somebody has our name, and say what we would put there.

        Without QU: our sockets hear what is told to all, and nothing else.
        """
        return serialize(
            Message(
                questions=(Question(self.instance, Type.ANY), Question(self.host, Type.ANY)),
                authorities=(replace(self._srv(), flush=False),),
            )
        )

    def _announce(self) -> list[bytes]:
        return [serialize(Message(response=True, answers=self._all_records()))]

    def _outgoing(
        self,
        question: Question,
        asked: Message,
        answers: tuple[Record, ...],
        additionals: tuple[Record, ...],
        *,
        now: float,
        port: int,
        group: str,
    ) -> Outgoing | None:
        if not self._is_affordable(now):
            self.counters.flooded += 1
            return None
        if port != PORT:  # a resolver that knows nothing of multicast
            message = Message(
                id=asked.id,
                response=True,
                questions=(replace(question, unicast=False),),
                answers=tuple(map(_short_lived, answers)),
                additionals=tuple(map(_short_lived, additionals)),
            )
            return Outgoing(serialize(message), to_asker=True)
        if question.unicast:
            message = Message(id=asked.id, response=True, answers=answers, additionals=additionals)
            return Outgoing(serialize(message), to_asker=True)
        shared = answers[0].type == Type.PTR
        if not self._is_news((group, fold(question.name)), now, REPEAT_S if shared else PROBE_S):
            return None
        message = Message(response=True, answers=answers, additionals=additionals)
        after_s = self.random.uniform(*SHARED_DELAY_S) if shared else 0.0
        return Outgoing(serialize(message), to_asker=False, after_s=after_s)

    def _is_affordable(self, now: float) -> bool:
        earned = max(0.0, now - self._allowed_at) * ANSWERS_PER_S
        self._allowance = min(ANSWERS_BURST, self._allowance + earned)
        self._allowed_at = now
        if self._allowance < 1:
            return False
        self._allowance -= 1
        return True

    def _is_news(self, name: tuple[str, Name], now: float, repeat_s: float) -> bool:
        last = self._told.get(name)
        if last is not None and now - last < repeat_s:
            return False
        if len(self._told) >= MAX_TOLD:
            self._told.clear()
        self._told[name] = now
        return True

    # Names that others want, too. Only SRV decides: our own answers on another interface come back to us
    # where the two meet, and differ in their addresses.

    def _check_conflict(self, message: Message, now: float) -> None:
        if self.state is State.CLOSED:
            return
        ours = self._srv()
        theirs = [
            record
            for record in (*message.answers, *message.additionals)
            if record.type == Type.SRV and record.ttl_s > 0 and fold(record.name) == fold(self.instance)
        ]
        if all(same_data(record, ours) for record in theirs):
            return
        self.counters.conflicts += 1
        if self.state is State.PROBING:
            self._number += 1
            self._begin_again(now, PROBE_S if self._number <= MAX_RENAMES else CALM_S)
        else:
            self._begin_again(now, PROBE_S)

    def _check_tie(self, message: Message, now: float) -> None:
        ours = data_octets(self._srv())
        for record in message.authorities:
            same_name = record.type == Type.SRV and fold(record.name) == fold(self.instance)
            if same_name and data_octets(record) > ours:
                self.counters.conflicts += 1
                self._begin_again(now, DEFER_S)
                return


def _short_lived(record: Record) -> Record:
    return replace(record, ttl_s=min(record.ttl_s, LEGACY_TTL_S), flush=False)


def _is_known(answers: tuple[Record, ...], known: tuple[Record, ...]) -> bool:
    """Tell whether who asks has all of it and will keep it for some time (RFC 6762, 7.1)."""
    return all(
        any(
            fold(one.name) == fold(answer.name)
            and one.type == answer.type
            and same_data(one, answer)
            and one.ttl_s * 2 >= answer.ttl_s
            for one in known
        )
        for answer in answers
    )


def _is_in(name: Name, domain: str) -> bool:
    return fold(name[-1:]) == (domain.encode(),)
