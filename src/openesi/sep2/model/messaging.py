"""Messaging."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from openesi.sep2.model._declare import Attribute
from openesi.sep2.model.event import Event
from openesi.sep2.model.identification import SubscribableIdentifiedObject, SubscribableList
from openesi.sep2.model.primitives import String, String20, UInt32
from openesi.sep2.model.simple import LocaleType, PrimacyType, PriorityType

if TYPE_CHECKING:
    from openesi.sep2 import model as sep


class MessagingProgram(SubscribableIdentifiedObject):
    """A source of messages in one language."""

    ActiveTextMessageListLink: sep.ActiveTextMessageListLink | None = None
    locale: LocaleType
    primacy: PrimacyType  # lower comes first
    TextMessageListLink: sep.TextMessageListLink | None = None


class MessagingProgramList(SubscribableList):
    """The sources of messages that the reader may see."""

    MessagingProgram: tuple[sep.MessagingProgram, ...] = ()
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None  # seconds, for the messages below it too


class TextMessage(Event):
    """A message for people. Several may be active at once; none is ever superseded."""

    originator: String20 | None = None  # who speaks
    priority: PriorityType
    textMessage: String  # devices show at least 100 octets


class TextMessageList(SubscribableList):
    """The messages of a program."""

    TextMessage: tuple[sep.TextMessage, ...] = ()
