"""What the roles that speak IEC 61968 share: reading, checking, answering, asking."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, Final

from openesi.provisioning.cim import xml
from openesi.provisioning.cim.codes import EVENTS, CimError, Verb
from openesi.provisioning.cim.model import (
    Error,
    Header,
    Kind,
    Level,
    Message,
    ObjectId,
    Payload,
    Reply,
    Result,
    moment,
)
from openesi.provisioning.letters import Language, Letter
from openesi.provisioning.roles.base import Role, Transient
from openesi.provisioning.state import INBOX_KEEP_S, INBOX_ROWS, State

# Older messages are refused: their ids may be forgotten, so they could be replays.
MAX_AGE_S: Final = INBOX_KEEP_S - 3600.0
MAX_AHEAD_S: Final = 300.0  # clocks of good faith differ by less
MAX_ID: Final = 128  # characters of a MessageID; it is a key in the database
# Refusals that time may mend: the same letter is sent again, and handled again.
_TRANSIENT: Final = ("3.", "5.1", "5.2", "7.1")

Handler = Callable[[Any, Message, Letter, float], "Reply | None"]


class CimRole(Role):
    """A role with a table of what it takes. ``peers`` are the sources it believes."""

    # (verb, noun) -> method; the whole interface of a role in one table
    HANDLERS: dict[tuple[Verb, str], Handler] = {}

    def __init__(self, name: str, state: State, *, peers: frozenset[str]) -> None:
        super().__init__(name, state)
        self._peers = peers

    # -- receiving

    def _handle(self, letter: Letter, now: float) -> tuple[bytes, bool]:
        message: Message | None = None
        try:
            message = xml.parse(letter.body)
            self.check(message, letter, now)
            if message.kind is Kind.RESPONSE:
                self._on_late_reply(message, letter, now)
                return xml.serialize(self.answer(message, now, Reply(Result=Result.OK))), True
            handler = self._handler(message)
            with self.shelf.state.attempt():
                reply = handler(self, message, letter, now) or Reply(Result=Result.OK)
            return xml.serialize(self.answer(message, now, reply)), True
        except CimError as error:
            self.shelf.note(now, "refused", subject=letter.subject, step=letter.step, detail=error.reason)
            return xml.serialize(self.refuse(message, now, error)), not _is_transient(error.code)

    def check(self, message: Message, letter: Letter, now: float) -> None:
        """Refuse what is not from a peer, not for now, or without an id. Raises ``CimError``."""
        header = message.head
        if self.shelf.state.inbox_rows >= INBOX_ROWS:
            raise CimError("3.2", "too many messages came lately; send it again later")
        if header.Source is None or header.Timestamp is None or header.MessageID is None:
            raise CimError("1.5", "Source, Timestamp and MessageID are needed here")
        if not 0 < len(header.MessageID) <= MAX_ID:
            raise CimError("1.8", f"a MessageID has 1 to {MAX_ID} characters")
        if header.Source not in self._peers or header.Source != letter.source:
            raise CimError("2.14", f"{header.Source[:64]} is not known here, or is not who called")
        age = now - header.Timestamp.timestamp()
        if age > MAX_AGE_S:
            raise CimError("7.7", f"the message is {age / 3600:.0f} hours old; send a new one")
        if age < -MAX_AHEAD_S:
            raise CimError("7.7", f"the message is {-age:.0f} s ahead of time; check the clocks")

    def _handler(self, message: Message) -> Handler:
        verb, noun = message.head.Verb, message.head.Noun
        handler = self.HANDLERS.get((verb, noun))
        if handler is not None:
            return handler
        nouns = {known for _, known in self.HANDLERS}
        if noun not in nouns:
            raise CimError("2.5", f"{noun[:64]}; served here: {', '.join(sorted(nouns))}")
        verbs = sorted(known for known, of in self.HANDLERS if of == noun)
        raise CimError("2.9", f"{verb} for {noun}; served here: {', '.join(verbs)}")

    def _refuse_reuse(self, letter: Letter, now: float) -> bytes:
        error = CimError("2.15", "this MessageID was used for another message")
        self.shelf.note(now, "refused", subject=letter.subject, detail=error.reason)
        try:
            return xml.serialize(self.refuse(xml.parse(letter.body), now, error))
        except CimError:
            return xml.serialize(self.refuse(None, now, error))

    def answer(self, message: Message, now: float, reply: Reply) -> Message:
        """The response to a message."""
        header = message.head
        return Message(
            kind=Kind.RESPONSE,
            header=Header(
                Verb=Verb.REPLY,
                Noun=header.Noun,
                Timestamp=moment(now),
                Source=self.name,
                MessageID=str(uuid.uuid4()),
                CorrelationID=header.CorrelationID or header.MessageID,
            ),
            reply=reply,
        )

    def refuse(self, message: Message | None, now: float, error: CimError) -> Message:
        """The response, or the fault, that carries an error."""
        subject = ObjectId(value=error.subject) if error.subject else None
        reply = Reply(
            Result=Result.FAILED,
            Error=(Error(code=error.code, level=Level.FATAL, reason=error.reason, ID=subject),),
        )
        if message is None or message.header is None:
            return Message(kind=Kind.FAULT, reply=reply)
        return self.answer(message, now, reply)

    # -- asking

    def ask(
        self,
        target: str,
        verb: Verb,
        payload: Payload,
        *,
        now: float,
        step: int = 0,
        correlation: str,
        subject: str = "",
        reply_address: str | None = None,
        give_up: float | None = None,
        identifier: str = "",
    ) -> str:
        """Send a message.

        returns its MessageID. Its answer arrives in ``_on_accepted`` or ``_on_refused``.
        """
        noun = type(payload).__name__
        identifier = identifier or str(uuid.uuid4())
        header = Header(
            Verb=verb,
            Noun=noun,
            Timestamp=moment(now),
            Source=self.name,
            AsyncReplyFlag=True if reply_address else None,
            ReplyAddress=reply_address,
            AckRequired=True,
            MessageID=identifier,
            CorrelationID=correlation,
        )
        kind = Kind.EVENT if verb in EVENTS else Kind.REQUEST
        message = Message(kind=kind, header=header, payload=payload)
        return self.post(
            target,
            Language.CIM,
            xml.serialize(message),
            label=f"{verb.capitalize()}{noun}",
            now=now,
            step=step,
            correlation=correlation,
            subject=subject,
            identifier=identifier,
            give_up=give_up,
        )

    def _on_reply(self, letter: Letter, reply: bytes, now: float) -> None:
        try:
            message = xml.parse(reply)
        except CimError as error:
            raise Transient(f"the answer cannot be read: {error}") from error
        if message.reply is None:
            raise Transient("the answer holds no Reply")
        if message.reply.ok:
            self._on_accepted(letter, message.reply, now)
        elif _is_transient(message.reply.code):
            raise Transient(message.reply.reason)
        else:
            reason = f"{message.reply.code} {message.reply.reason}"
            self.shelf.note(now, "was refused", subject=letter.subject, step=letter.step, detail=reason)
            self._on_refused(letter, message.reply, now)

    def _on_accepted(self, letter: Letter, reply: Reply, now: float) -> None:
        """A message of ours was accepted."""

    def _on_refused(self, letter: Letter, reply: Reply, now: float) -> None:
        """A message of ours was refused for good."""

    def _on_late_reply(self, message: Message, letter: Letter, now: float) -> None:
        """An answer that came as a message of its own, to the ReplyAddress."""
        raise CimError("2.9", "no answers are awaited here")


def _is_transient(code: str) -> bool:
    return code.startswith(_TRANSIENT)
