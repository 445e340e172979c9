"""Events, the answers to them, subscriptions."""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import Final


class EventState(IntEnum):
    """``EventStatus.currentStatus``: how far an event has come."""

    SCHEDULED = 0
    ACTIVE = 1
    CANCELLED = 2  # stops at once
    CANCELLED_WITH_RANDOMIZATION = 3  # stops within the larger of its randomization bounds
    SUPERSEDED = 4  # deprecated in 2023
    COMPLETED = 5  # since 2023; an event of 2018 that has ended leaves its list


class ResponseRequired(IntFlag):
    """``responseRequired``: which answers a server asks for."""

    RECEIVED = 1 << 0
    SPECIFIC = 1 << 1  # changes of state: started, completed, superseded, ...
    USER = 1 << 2  # what the user did: opted out, acknowledged, ...


class ResponseStatus(IntEnum):
    """``Response.status`` (2018, table 27): what a client did with an event."""

    RECEIVED = 1
    STARTED = 2
    COMPLETED = 3  # ran to its end
    OPTED_OUT = 4
    OPTED_IN = 5  # back after having opted out
    CANCELLED = 6
    SUPERSEDED = 7
    PARTIAL_OPT_OUT = 8  # ended, and the user was out for a part at the end
    PARTIAL_OPT_IN = 9  # ended, and the user was in for a part
    COMPLETED_WITHOUT_PARTICIPATION = 10  # ended, and the user was out
    ACKNOWLEDGED = 11  # by the user
    CANNOT_DISPLAY = 12
    ABORTED_FOR_OTHER_SERVER = 13  # a better event of another server took its place
    ABORTED_FOR_OTHER_PROGRAM = 14  # a better event of another program took its place
    REJECTED_NOT_APPLICABLE = 252  # the device does not have, or has not enabled, the control
    REJECTED_INVALID = 253  # values that cannot be used
    REJECTED_EXPIRED = 254  # it was over when it came


class ResponseStatus2023(IntEnum):
    """The codes that mean something else in 2023; all other codes are those of ``ResponseStatus``.

    Known from one implementation, not from the text of the edition.
    """

    SUPERSEDED_BY_OTHER_SERVER = 12
    SUPERSEDED_BY_OTHER_PROGRAM = 13
    RESUMED = 14
    NOT_SUPPORTED = 251


class Subscribable(IntEnum):
    """``subscribable``: which subscriptions a resource takes."""

    NO = 0
    UNCONDITIONAL = 1
    CONDITIONAL = 2
    BOTH = 3


class NotificationStatus(IntEnum):
    """``Notification.status``: all but DEFAULT end the subscription."""

    DEFAULT = 0
    CANCELLED = 1  # no reason given
    MOVED = 2  # newResourceURI says where to
    DEFINITION_CHANGED = 3
    DELETED = 4


class SubscriptionEncoding(IntEnum):
    """``Subscription.encoding``: how the client wants its notifications."""

    XML = 0
    EXI = 1


class Primacy(IntEnum):
    """``primacy``: who runs a program; of two that disagree the lower number is obeyed.

    65 to 191 are free for users (``PRIMACY_USER_DEFINED``), all others reserved.
    """

    IN_HOME_ENERGY_MANAGEMENT = 0
    CONTRACTED_PREMISES_SERVICE_PROVIDER = 1
    NON_CONTRACTUAL_SERVICE_PROVIDER = 2


PRIMACY_USER_DEFINED: Final = range(65, 192)
