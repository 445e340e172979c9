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
    """DOC"""

    ActiveTextMessageListLink: sep.ActiveTextMessageListLink | None = None
    locale: LocaleType
    primacy: PrimacyType
    TextMessageListLink: sep.TextMessageListLink | None = None


class MessagingProgramList(SubscribableList):
    """DOC"""

    MessagingProgram: tuple[sep.MessagingProgram, ...] = ()
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None


class TextMessage(Event):
    """DOC"""

    originator: String20 | None = None
    priority: PriorityType
    textMessage: String


class TextMessageList(SubscribableList):
    """DOC"""

    TextMessage: tuple[sep.TextMessage, ...] = ()
