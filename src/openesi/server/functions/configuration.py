"""Configuration: what a user or the operator sets on a device, and at which prices it responds.

Device and operator may both write it; each change is noted in the server's log (IEEE 2030.5-2018, 9.7). A
PriceResponseCfg is for one rate component that its device may see, and there is one for each. A device's own
with thresholds that cross is kept, and void by the standard; the operator is told.
"""

from __future__ import annotations

from openesi.errors import LocalError
from openesi.sep2 import model as sep
from openesi.server.documents import read_document
from openesi.server.errors import Refusal
from openesi.server.functions import log_event
from openesi.server.functions.base import Behaviour, Change, Offer, Outcome, replace_document
from openesi.server.functions.billing import expect_link
from openesi.store import Transaction


def _put(change: Change, configuration: sep.Configuration) -> Outcome:
    before = change.tx.get(change.path)
    outcome = replace_document(change, configuration)
    if before is None or read_document(before, sep.Configuration) != configuration:
        _note(change.tx, change.now, change)
    return outcome


def _offered(offer: Offer, configuration: sep.Configuration) -> None:
    if offer.old != configuration:
        _note(offer.tx, offer.now, offer)


def _note(tx: Transaction, now: int, where: Change | Offer) -> None:
    log_event.note(tx, now, where.settings, log_event.CONFIGURATION_UPDATED, details=where.path)


def _check_prices(change: Change, prices: sep.PriceResponseCfg) -> sep.PriceResponseCfg:
    """Refuse prices of a rate component that is not there for this client."""
    href = prices.RateComponentLink.href
    if not change.view.may_follow(href, "RateComponent"):
        raise Refusal(400, f"RateComponentLink leads to {href[:80]!r}, which is no RateComponent here")
    return prices


def _complete_prices(offer: Offer, prices: sep.PriceResponseCfg) -> sep.PriceResponseCfg:
    expect_link(offer.tx, prices.RateComponentLink, "RateComponent")
    if prices.consumeThreshold >= prices.maxReductionThreshold:
        raise LocalError("consumeThreshold is not below maxReductionThreshold: the device would ignore it")
    return prices


BEHAVIOURS = {
    "Configuration": Behaviour(put=_put, offered=_offered),
    "PriceResponseCfgList": Behaviour(check=_check_prices),
    "PriceResponseCfg": Behaviour(check=_check_prices, complete=_complete_prices),
}
