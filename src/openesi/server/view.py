"""What a client sees: rows of the store as documents with their hrefs, links and counts.

A view remembers what it looked at (``depends``) and until when it holds (``until``), so that its answer can
be kept as bytes and dropped when one of these changes. ``personal`` tells that others may see something else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

from openesi.sep2 import events, lists, resources, schema
from openesi.sep2 import model as sep
from openesi.sep2.enums import EventState, Subscribable
from openesi.sep2.lists import Window
from openesi.sep2.resources import Access, Match, Resource
from openesi.server.caller import Caller
from openesi.server.documents import GIVEN_LINKS, blank, read_document
from openesi.server.errors import Refusal, not_found
from openesi.server.rates import tag_of
from openesi.server.settings import Settings, Unwritten
from openesi.store import ALIAS, PUBLIC, Reader, Row, list_tag

Generate = Callable[["View", Match, str], sep.Sep]

# Nothing stands there, and CurrentDERProgram must not be used by clients (conformance test BASIC-024).
NOT_LINKED = frozenset({"CurrentDERProgramLink", "AssociatedUsagePointLink"})

NEVER_BLANK = frozenset({"ConnectionPoint"})  # an empty identifier would be a wrong one

# What clients of CSIP-AUS look for before they register (test S-ALL-02); they find it empty.
BEFORE_REGISTRATION = frozenset({"MirrorUsagePointList"})

MAX_SUMMARY = 17  # consumption blocks sent along with an interval: all there can be


class Gathering(NamedTuple):
    """How a list is put together that is more than what stands below it.

    ``page`` returns the rows of a window and how many there are in all; None: as of every other list.
    ``total`` counts them without a query; None: so are they counted, too.
    """

    page: Callable[[View, str, Window], tuple[list[Row], int] | None]
    total: Callable[[View, str], int] | None = None


IsLinked = Callable[["View", str, int], bool]
"""Tells whether a list at a path, with so many members, is linked."""


class Special(NamedTuple):
    """What function sets do otherwise than the tree, by the name of the resource."""

    generated: Mapping[str, Generate]
    gathered: Mapping[str, Gathering]
    linked: Mapping[str, IsLinked]


AS_STORED = Special({}, {}, {})


class View:
    """One look at the tree by one client (None: the operator, who sees everything) at one time (s)."""

    def __init__(
        self,
        reader: Reader,
        *,
        now: float,
        caller: Caller | None,
        settings: Settings,
        special: Special = AS_STORED,
    ) -> None:
        self.reader = reader
        self.now = now
        self.caller = caller
        self.settings = settings
        self.depends: set[str] = set()
        self.until: float = float("inf")
        self.personal = False
        self._rows: dict[str, Row | None] = {}
        self._special = special

    def document(self, match: Match, path: str, window: Window) -> sep.Sep:
        """Return what a GET of ``path`` shows. Raises Refusal (404) where nothing is, for this client."""
        self.check_access(match, path)
        resource = match.resource
        if resource.item is not None:
            self._check_parents(path)
            return self._list(resource, path, window)
        generate = self._special.generated.get(resource.name)
        if generate is not None:
            return self.with_links(generate(self, match, path), resource, path)
        row = self.row(path)
        if row is not None and _is_leaving(resource, row):
            raise not_found(path)
        return self.show(row) if row else self.with_links(self._unwritten(resource, path), resource, path)

    def row(self, path: str) -> Row | None:
        """Return the row at ``path`` and remember having looked: a look is of one moment."""
        if path not in self._rows:
            self.depends.add(path)
            self._rows[path] = self.reader.get(path)
        return self._rows[path]

    def check_access(self, match: Match, path: str) -> None:
        """Raise Refusal (404) unless the client may know of ``path`` (IEEE 2030.5-2018, clause 6.2)."""
        if self.caller is None:
            return
        added_by = getattr(match.resource.model, "extension", None)
        if added_by is not None and not self._speaks(added_by.tag):
            raise not_found(path)
        if match.resource.access is Access.CERTIFIED:
            return
        if not self._may_follow(match.resource):
            raise not_found(path)
        self.personal = self.personal or match.resource.access is Access.OWN
        for place in resources.instances_above(path):
            row = self.row(place)
            if row is not None and not self._may_see(row):
                raise not_found(path)

    def check_place(self, match: Match, path: str) -> None:
        """Raise Refusal unless the client may write at ``path`` and everything above it exists."""
        self.check_access(match, path)
        if self.caller is not None and not (
            self.caller.registered or match.resource.access is Access.CERTIFIED
        ):
            raise not_found(path)
        self._check_parents(path)
        is_member = match.resource.path.endswith("{}")
        if is_member and self.row(path) is None:
            raise not_found(path)

    def may_follow(self, href: str, name: str) -> bool:
        """Tell whether a resource of that name stands at ``href``, for this client to see."""
        match = resources.match(href)
        if match is None or match.resource.name != name or self.row(href) is None:
            return False
        try:
            self.check_access(match, href)
        except Refusal:
            return False
        return True

    def show(self, row: Row) -> sep.Sep:
        """Return the document of a row as it stands now, with href and links; of an alias what it shows."""
        if row.type == ALIAS:
            row = self.behind(row)
        self.depends.add(row.path)
        if row.due is not None:
            self.until = min(self.until, row.due)
        document = read_document(row, sep.Sep)
        if isinstance(document, sep.Event):
            document = self._with_known_status(document)
        match = resources.match(row.path)
        assert match is not None
        shown = self.with_links(document, match.resource, row.path)
        return self._summed_up(shown, row.path) if isinstance(shown, sep.TimeTariffInterval) else shown

    def _summed_up(self, interval: sep.TimeTariffInterval, path: str) -> sep.TimeTariffInterval:
        """Send the blocks of an interval along to those whose profile has that (CSIP-AUS 1.3)."""
        if not self._speaks("csip-aus-1.3"):
            return interval
        blocks = self._list(
            resources.by_name("ConsumptionTariffIntervalList"), f"{path}/cti", Window(limit=MAX_SUMMARY)
        )
        assert isinstance(blocks, sep.ConsumptionTariffIntervalList)
        return sep.replace(interval, ConsumptionTariffIntervalListSummary=blocks)

    def with_links(self, document: sep.Sep, resource: Resource, path: str) -> sep.Sep:
        """Return ``document`` with its href and with links to what stands below it; stored links stay."""
        changes: dict[str, Any] = {}
        if isinstance(document, sep.Resource):
            changes["href"] = path
        names = names_in(type(document), self._tags)
        if "subscribable" in names:
            changes["subscribable"] = subscribable(resource, self._tags)
        if "pollRate" in names and getattr(document, "pollRate", None) is None:
            changes["pollRate"] = self.settings.poll_rate(type(document).__name__)
        return sep.replace(document, **changes, **self._links(document, resource, path))

    def _links(self, document: sep.Sep, resource: Resource, path: str) -> dict[str, Any]:
        links: dict[str, Any] = {}
        for field in resources.link_fields(type(document)):
            given = getattr(document, field.name)
            if given is not None:
                links[field.name] = self._recounted(given) if self._leads_somewhere(field, given) else None
            elif field.name not in NOT_LINKED:
                links[field.name] = self._tree_link(field, resource, path)
        for field in resources.link_holders(type(document)):
            held = getattr(document, field.name)
            if held is not None:
                links[field.name] = sep.replace(held, **self._links(held, resource, path))
        return links

    def count(self, resource: Resource, path: str) -> int:
        """Return ``all`` of a list as this client sees it."""
        gathering = self._special.gathered.get(resource.name)
        if gathering is not None and gathering.total is not None:
            return gathering.total(self, path)
        source, scope, state = self._source(resource, path)
        return self.reader.count(source, scope=scope, state=state)

    def watched(self, resource: Resource, path: str) -> set[str]:
        """Return the tags whose change is a change of what is shown at ``path``, and of nothing below it."""
        told = (
            {tag_of(resource.model.__name__)} if "pollRate" in names_in(resource.model, self._tags) else set()
        )
        if resource.item is None:
            return {path, *told}
        source, scope, _ = self._source(resource, path)
        return {list_tag(source, scope), *told}

    def _list(self, resource: Resource, path: str, window: Window) -> sep.Sep:
        item = schema.list_item(resource.model)
        assert item is not None
        assert resource.item is not None
        if self.caller is not None:
            window = replace(window, limit=min(window.limit, self.caller.edition.most_results))
        gathering = self._special.gathered.get(resource.name)
        page = gathering.page(self, path, window) if gathering is not None else None
        rows, counted = page or (self._members(resource, path, window), self.count(resource, path))
        values: dict[str, Any] = {
            "href": path,
            "all": counted,
            "results": len(rows),
            item.name: tuple(self.show(row) for row in rows),
        }
        names = names_in(resource.model, self._tags)
        if "subscribable" in names:
            values["subscribable"] = subscribable(resource, self._tags)
        if "pollRate" in names:
            values["pollRate"] = self.settings.poll_rate(resource.model.__name__)
        make: Callable[..., sep.Sep] = resource.model
        return make(**values)

    def _members(self, resource: Resource, path: str, window: Window) -> list[Row]:
        assert resource.item is not None
        bound = None if window.after is None else lists.time_bound(resource.item, window.after)
        source, scope, state = self._source(resource, path)
        start = window.start if bound is None else 0
        return self.reader.page(
            source, scope=scope, start=start, limit=window.limit, bound=bound, state=state
        )

    def behind(self, alias: Row) -> Row:
        """Return the row that an alias shows."""
        assert alias.key is not None
        row = self.row(alias.key.decode())
        assert row is not None, "the store removes aliases with what they show"
        return row

    def _source(self, resource: Resource, path: str) -> tuple[str, bytes | None, int | None]:
        """Return which list is shown at ``path``, whose members, in which state; remember having looked."""
        source, state = path, None
        if resource.is_active_list:
            base = resources.base_list(resource)
            source = path.rpartition("/")[0] + base.path[base.path.rindex("/") :]
            state = EventState.ACTIVE
        scope = None
        if self.caller is not None and resource.published:
            scope = PUBLIC
        elif self.caller is not None and resource.scoped:
            scope = self.caller.lfdi
            self.personal = True
        self.depends.add(list_tag(source, scope))
        return source, scope, state

    def _may_see(self, row: Row) -> bool:
        if self.caller is None or row.scope in (None, PUBLIC):
            return True
        if self.caller.lfdi in (row.scope, row.key):
            return True
        return row.path in self.caller.groups or self._is_assigned(row)

    def _is_assigned(self, row: Row) -> bool:
        """Tell whether a group of this client is assigned a resource; remember having looked."""
        assert self.caller is not None
        listings = [f"{group}{row.listing}" for group in sorted(self.caller.groups)]
        self.depends.update(listings)
        return any(self.reader.find(listing, row.path.encode()) is not None for listing in listings)

    def _with_known_status(self, event: sep.Event) -> sep.Event:
        """Show a status as the client's edition has it.

        2023 has Completed, and always says potentiallySuperseded: its clients find out for themselves. To
        others an ended event stays Active.
        """
        if self._speaks("2023"):
            return sep.replace(event, EventStatus=sep.replace(event.EventStatus, potentiallySuperseded=True))
        if event.EventStatus.currentStatus != EventState.COMPLETED:
            return event
        return events.with_status(event, EventState.ACTIVE, events.earliest_start(event))

    @property
    def _tags(self) -> frozenset[str]:
        return (self.caller.edition if self.caller is not None else self.settings.edition).tags

    def _speaks(self, tag: str) -> bool:
        return tag in self._tags

    def _leads_somewhere(self, field: schema.Field, link: sep.Link) -> bool:
        """Tell whether a stored link is shown: not one of the operator's to what was removed.

        What a device said stays as it said it, and a control is what it was when its curve is gone.
        """
        target = resources.match(link.href)
        if field.minimum or field.name in GIVEN_LINKS or field.type is sep.DERCurveLink or target is None:
            return True
        return target.resource.item is not None or self._answers(target.resource, link.href)

    def _answers(self, resource: Resource, href: str) -> bool:
        """Tell whether something stands at a place, or its device may put it there."""
        return (
            "PUT" in resource.methods
            or resource.name in self._special.generated
            or self.row(href) is not None
        )

    def _recounted(self, link: sep.Link) -> sep.Link:
        """Bring ``all`` of a stored link up to date where the list is ours."""
        target = resources.match(link.href)
        if target is None or target.resource.item is None or not isinstance(link, sep.ListLink):
            return link
        return sep.replace(link, all=self.count(target.resource, link.href))

    def _tree_link(self, field: schema.Field, resource: Resource, path: str) -> sep.Link | None:
        assert not isinstance(field.type, schema.ValueType)
        if field.extension is not None and not self._speaks(field.extension.tag):
            return None
        target = resources.link_target(resource, field.name)
        if target is None or not self._may_follow(target):
            return None
        if target.is_active_list and self._speaks("2023"):  # deprecated: they are not offered any more
            return None
        href = resources.place_of(target, resource, path)
        if target.item is not None:
            counted = self.count(target, href)
            is_linked = self._special.linked.get(target.name)
            if is_linked is not None and not is_linked(self, href, counted):
                return None
            if not counted and self._is_left_out(target):
                return None
            return self._link(field.type, href=href, all=counted)
        return self._link(field.type, href=href) if self._answers(target, href) else None

    def _is_left_out(self, target: Resource) -> bool:
        """Tell whether an empty list of an assignment is not linked; Australians subscribe to it early."""
        return target.is_assigned and not (
            target.name == "GroupDERProgramList" and self._speaks("csip-aus-1.2")
        )

    @staticmethod
    def _link(kind: type[sep.Sep], **values: Any) -> sep.Link:
        assert issubclass(kind, sep.Link)
        return kind(**values)

    def _may_follow(self, target: Resource) -> bool:
        if self.caller is None or target.access is Access.CERTIFIED or self.caller.registered:
            return True
        return target.name in BEFORE_REGISTRATION and self._speaks("csip-aus-1.2")

    def _unwritten(self, resource: Resource, path: str) -> sep.Sep:
        """Answer for a resource that its device has not written yet: see ``Settings.unwritten``."""
        never = resource.path.endswith("{}") or "PUT" not in resource.methods or resource.name in NEVER_BLANK
        if never or self.settings.unwritten is Unwritten.NOT_FOUND:
            raise not_found(path)
        self._check_parents(path)
        return blank(resource.model)

    def _check_parents(self, path: str) -> None:
        """Raise Refusal (404) unless every instance above ``path`` exists."""
        for place in resources.instances_above(path):
            if place != path and self.row(place) is None:
                raise not_found(path)


def _is_leaving(resource: Resource, row: Row) -> bool:
    """Tell whether a member has left its list but for what is still to be told of it; ended events stay."""
    return resource.path.endswith("{}") and row.listing is None and row.state is None


def devices_of(reader: Reader, lfdi: bytes) -> int:
    """Return for how many devices a client speaks, at least one: bounds are for each of them."""
    return max(1, reader.count("/edev", scope=lfdi))


# --- what a type has ----------------------------------------------------------------------------------------


@cache
def names_in(cls: type[sep.Sep], tags: frozenset[str]) -> frozenset[str]:
    """Return the names of the fields that a type has in an edition, known by its tags."""
    return frozenset(
        field.name for field in schema.fields(cls) if field.extension is None or field.extension.tag in tags
    )


def subscribable(resource: Resource, tags: frozenset[str] = frozenset()) -> Subscribable:
    """Return how a resource can be subscribed to in an edition; conditions are for readings alone.

    What is put together from other lists is not: each of those is.
    """
    if "subscribable" not in names_in(resource.model, tags) or resource.is_gathered:
        return Subscribable.NO
    return Subscribable.BOTH if resource.model is sep.Reading else Subscribable.UNCONDITIONAL
