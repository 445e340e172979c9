"""Subscription and Notification."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from openesi.sep2.model._declare import IEEE_2023, Attribute, Sep
from openesi.sep2.model.identification import List, Resource
from openesi.sep2.model.primitives import AnyURI, Int48, String16, UInt8, UInt32
from openesi.sep2.model.simple import TimeType

if TYPE_CHECKING:
    from openesi.sep2 import model as sep


class Condition(Sep):
    """DOC"""

    attributeIdentifier: UInt8
    lowerThreshold: Int48
    upperThreshold: Int48


class SubscriptionBase(Resource):
    """DOC"""

    subscribedResource: AnyURI


class Subscription(SubscriptionBase):
    """DOC"""

    Condition: sep.Condition | None = None
    encoding: UInt8
    level: String16
    limit: UInt32
    notificationURI: AnyURI


class SubscriptionList(List):
    """DOC"""

    Subscription: tuple[sep.Subscription, ...] = ()
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None


class Notification(SubscriptionBase):
    """DOC"""

    createdDateTime: Annotated[TimeType | None, IEEE_2023] = None
    newResourceURI: AnyURI | None = None
    Resource: sep.Resource | None = None
    status: UInt8
    subscriptionURI: AnyURI


class NotificationList(List):
    """DOC"""

    Notification: tuple[sep.Notification, ...] = ()
