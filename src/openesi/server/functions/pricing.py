"""Pricing: tariffs in rate components, intervals that name a tier, and the price of each block of it (10.5).

Tiers and blocks fit the component's ReadingType. The blocks of an interval begin at 0 and rise; the price of
a block holds for what is used beyond its startValue. Of two intervals of a component that overlap the later
made one counts; without one the price is unknown.
"""

from __future__ import annotations

from itertools import pairwise

from openesi.errors import LocalError
from openesi.sep2 import lists, resources
from openesi.sep2 import model as sep
from openesi.server.documents import read_document
from openesi.server.functions.base import Behaviour, Offer
from openesi.server.functions.billing import expect_link
from openesi.server.view import Gathering, View
from openesi.store import Row, Transaction

MAX_COMPONENTS = 100  # rate components of a tariff, whose intervals may be shown together
MAX_BLOCKS = 17  # without blocks, and 1 to 16 (type ConsumptionBlockType)


def _complete_component(offer: Offer, component: sep.RateComponent) -> sep.RateComponent:
    if offer.old is None and offer.tx.count(offer.path.rpartition("/")[0]) >= MAX_COMPONENTS:
        raise LocalError(f"a tariff has no more than {MAX_COMPONENTS} rate components")
    href = component.ReadingTypeLink.href
    if href.startswith("/") and resources.match(href) is None:
        raise LocalError(f"ReadingTypeLink leads to {href}, and there is no such place")
    if href != f"{offer.path}/rt":
        expect_link(offer.tx, component.ReadingTypeLink, "ReadingType")
    return component


def _complete_interval(offer: Offer, interval: sep.TimeTariffInterval) -> sep.TimeTariffInterval:
    kind = _reading_type(offer.tx, offer.path.partition("/tti/")[0])
    tiers = None if kind is None else kind.numberOfTouTiers
    if tiers is not None and interval.touTier > tiers:
        raise LocalError(f"touTier {interval.touTier} is beyond the {tiers} tiers of its ReadingType")
    return interval


def _complete_block(offer: Offer, block: sep.ConsumptionTariffInterval) -> sep.ConsumptionTariffInterval:
    kind = _reading_type(offer.tx, offer.path.partition("/tti/")[0])
    blocks = None if kind is None else kind.numberOfConsumptionBlocks
    if blocks is not None and block.consumptionBlock > blocks:
        raise LocalError(
            f"consumptionBlock {block.consumptionBlock} is beyond the {blocks} blocks of its ReadingType"
        )
    others = [
        (one.startValue, one.consumptionBlock)
        for one in _blocks(offer.tx, offer.path.rpartition("/")[0], without=offer.path)
    ]
    _check_order(sorted([*others, (block.startValue, block.consumptionBlock)]))
    return block


def _check_order(blocks: list[tuple[int, int]]) -> None:
    """Raise LocalError unless blocks, by their startValue, begin at 0 and rise."""
    if blocks[0][0] != 0:
        raise LocalError(f"the first block begins at startValue 0, not {blocks[0][0]}")
    for (start, number), (next_start, next_number) in pairwise(blocks):
        if next_start == start:
            raise LocalError(f"there is a block that begins at startValue {start} already")
        if next_number <= number:
            raise LocalError(
                f"consumptionBlock {next_number} begins at {next_start}, above {number} at {start}: "
                "blocks rise with their startValue"
            )
    if len(blocks) > MAX_BLOCKS:
        raise LocalError(f"an interval has no more than {MAX_BLOCKS} blocks")


def _blocks(tx: Transaction, listing: str, *, without: str) -> list[sep.ConsumptionTariffInterval]:
    rows = tx.page(listing, limit=MAX_BLOCKS + 1)
    return [read_document(row, sep.ConsumptionTariffInterval) for row in rows if row.path != without]


def _removed_block(tx: Transaction, row: Row) -> None:
    others = _blocks(tx, row.listing or "", without=row.path)
    if others and all(one.startValue for one in others):
        raise LocalError(f"{row.path} is the block that begins at 0: remove the blocks above it first")


def _removed_type(tx: Transaction, row: Row) -> None:
    del tx
    raise LocalError(f"{row.path} says what the prices are for: write over it, or remove the rate component")


def _reading_type(tx: Transaction, component: str) -> sep.ReadingType | None:
    """Return what a rate component counts, if that is known here."""
    row = tx.get(component)
    if row is None:
        return None
    kind = tx.get(read_document(row, sep.RateComponent).ReadingTypeLink.href)
    return None if kind is None else read_document(kind, sep.ReadingType)


# --- the intervals of all components of a tariff (CSIP-AUS 1.3) ---------------------------------------------


def _interval_lists(view: View, path: str) -> list[str]:
    components = path.removesuffix("/tti") + "/rc"
    view.depends.add(components)
    found = [f"{row.path}/tti" for row in view.reader.page(components, limit=MAX_COMPONENTS)]
    view.depends.update(found)
    return found


def _count_of_intervals(view: View, path: str) -> int:
    return sum(view.reader.count(one) for one in _interval_lists(view, path))


def _page_of_intervals(view: View, path: str, window: lists.Window) -> tuple[list[Row], int]:
    bound = None if window.after is None else lists.time_bound(sep.TimeTariffInterval, window.after)
    start, counted = 0 if bound is not None else window.start, _count_of_intervals(view, path)
    if start >= counted:
        return [], counted
    most = start + window.limit
    rows = [
        row for one in _interval_lists(view, path) for row in view.reader.page(one, limit=most, bound=bound)
    ]
    return sorted(rows, key=lambda row: row.sort)[start:most], counted


BEHAVIOURS = {
    "CombinedTimeTariffIntervalList": Behaviour(
        gathering=Gathering(_page_of_intervals, _count_of_intervals),
    ),
    "RateComponent": Behaviour(complete=_complete_component),
    "RateComponentReadingType": Behaviour(removed=_removed_type),
    "TimeTariffInterval": Behaviour(complete=_complete_interval),
    "ConsumptionTariffInterval": Behaviour(complete=_complete_block, removed=_removed_block),
}
