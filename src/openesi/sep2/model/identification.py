"""Resource, List, Link and the ladder of inheritance."""

from __future__ import annotations

from typing import Annotated

from openesi.sep2.model._declare import Attribute, Sep
from openesi.sep2.model.primitives import AnyURI, HexBinary8, String32, SubscribableType, UInt32
from openesi.sep2.model.simple import VersionType, mRIDType


class Link(Sep):
    """A reference to one resource."""

    href: Annotated[AnyURI, Attribute()]  # absolute, or relative to the server that gave it


class ListLink(Link):
    """A reference to a list."""

    # members that the reader may see; absent where the list is on another server
    all: Annotated[UInt32 | None, Attribute()] = None


class Resource(Sep):
    """Anything that has a URI of its own: the root of nearly every type."""

    # absent in what a client posts, for the server chooses it
    href: Annotated[AnyURI | None, Attribute()] = None


class IdentifiedObject(Resource):
    """A resource that stays the same object wherever it is copied to, known by its mRID."""

    mRID: mRIDType
    description: String32 | None = None  # for people; 32 octets of UTF-8
    version: VersionType | None = None  # rises with each change of the object; absent is 0


class List(Resource):
    """A page of a list: some of its members, and how many there are in all."""

    all: Annotated[UInt32, Attribute()]  # members that the reader may see, whatever was asked for
    results: Annotated[UInt32, Attribute()]  # members in this page


class RespondableResource(Resource):
    """A resource whose readers may be asked to answer with a Response."""

    # URI that responses are posted to, perhaps on another server
    replyTo: Annotated[AnyURI | None, Attribute()] = None
    # bits of enums.ResponseRequired; absent is none
    responseRequired: Annotated[HexBinary8 | None, Attribute("00")] = None


class RespondableIdentifiedObject(RespondableResource):
    """An object with an mRID whose readers may be asked for a Response."""

    mRID: mRIDType
    description: String32 | None = None  # for people; 32 octets of UTF-8
    version: VersionType | None = None  # rises with each change of the object; absent is 0


class RespondableSubscribableIdentifiedObject(RespondableResource):
    """An object with an mRID, respondable and subscribable: what an Event is."""

    mRID: mRIDType
    description: String32 | None = None  # for people; 32 octets of UTF-8
    version: VersionType | None = None  # rises with each change of the object; absent is 0
    # enums.Subscribable; absent is not subscribable
    subscribable: Annotated[SubscribableType | None, Attribute("0")] = None


class SubscribableResource(Resource):
    """A resource whose changes a client may have pushed to it."""

    # enums.Subscribable; absent is not subscribable
    subscribable: Annotated[SubscribableType | None, Attribute("0")] = None


class SubscribableIdentifiedObject(SubscribableResource):
    """An object with an mRID whose changes a client may have pushed to it."""

    mRID: mRIDType
    description: String32 | None = None  # for people; 32 octets of UTF-8
    version: VersionType | None = None  # rises with each change of the object; absent is 0


class SubscribableList(SubscribableResource):
    """A page of a list whose changes a client may have pushed to it."""

    all: Annotated[UInt32, Attribute()]  # members that the reader may see, whatever was asked for
    results: Annotated[UInt32, Attribute()]  # members in this page
