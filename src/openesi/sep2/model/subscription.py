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
    """Tell me only when a reading leaves the range from lowerThreshold to upperThreshold."""

    attributeIdentifier: UInt8  # 0, the reading's value, is the only one defined
    lowerThreshold: Int48
    upperThreshold: Int48


class SubscriptionBase(Resource):
    """What Subscription and Notification share."""

    subscribedResource: AnyURI  # URI without a query


class Subscription(SubscriptionBase):
    """A client's wish to be told of changes to a resource."""

    Condition: sep.Condition | None = None
    encoding: UInt8  # enums.SubscriptionEncoding
    level: String16  # schema level that the client reads: "-S1", or "+S1" with extensions
    limit: UInt32  # members sent along of a list; 0 sends none, and no body of other resources
    notificationURI: AnyURI  # absolute, on the client's own server


class SubscriptionList(List):
    """The subscriptions of one EndDevice."""

    Subscription: tuple[sep.Subscription, ...] = ()
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None


class Notification(SubscriptionBase):
    """A change of a subscribed resource, posted to the client, or the end of the subscription."""

    createdDateTime: Annotated[TimeType | None, IEEE_2023] = None
    newResourceURI: AnyURI | None = None  # absolute; where the resource moved to
    Resource: sep.Resource | None = None  # its new state; its own type goes on the wire as xsi:type
    status: UInt8  # enums.NotificationStatus; all but DEFAULT end the subscription
    subscriptionURI: AnyURI  # absolute


class NotificationList(List):
    """Where a client takes notifications."""

    Notification: tuple[sep.Notification, ...] = ()
