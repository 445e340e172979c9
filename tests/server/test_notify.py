"""Subscriptions and notifications: what is told, to whom, in which order, and for how long it is tried."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from openesi.pki import Authority
from openesi.sep2 import exi, xml
from openesi.sep2 import model as sep
from openesi.sep2.editions import EDITIONS
from openesi.server import operator
from openesi.server.documents import make_row
from openesi.server.functions.subscription import MAX_SUBSCRIPTIONS
from openesi.server.message import Request, Response
from openesi.server.notify import BACK_OFF_S, Notifier
from openesi.server.service import notifying_context
from openesi.server.tls import TLSSettings
from openesi.server.wire import Wire, serve
from server.esi import START, Esi, lfdi_of, location


class Receiver:
    """A client's notification server over real TLS; ``answer`` decides what it says."""

    def __init__(self, esi: Esi, authority: Authority, name: str = "receiver") -> None:
        self.esi = esi
        self.received: list[sep.Notification] = []
        self.raw: list[Request] = []
        self.status = 201
        self.body = b""
        self.silent = False
        identity = authority.issue_device(name, now=datetime.now(UTC))
        settings = TLSSettings(identity.cert, identity.key, ca_files=authority.trusted_files())
        self.wire: Wire = esi.runner.run(serve(self._take, host="127.0.0.1", tls=settings))

    @property
    def uri(self) -> str:
        return f"https://127.0.0.1:{self.wire.port}/ntfy"

    def _take(self, request: Request) -> Response | Awaitable[Response]:
        self.raw.append(request)
        if self.silent:
            return asyncio.get_running_loop().create_future()
        if self.status == 201:
            decode: Callable[[bytes], sep.Sep] = (
                exi.decode if "exi" in request.headers["content-type"] else xml.parse
            )
            notification = decode(request.body)
            assert isinstance(notification, sep.Notification)
            self.received.append(notification)
        return Response(self.status, self.body)

    def close(self) -> None:
        self.esi.runner.run(self.wire.close(0))


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    made = Authority.create(tmp_path_factory.mktemp("pki"), now=datetime.now(UTC))
    made.issue_server(["localhost"], now=datetime.now(UTC))
    return made


@pytest.fixture
def esi(tmp_path: Path) -> Iterator[Esi]:
    server = Esi(tmp_path, notify_local=True)
    server.register(1)
    yield server
    server.close()


@pytest.fixture
def receiver(esi: Esi, authority: Authority, tmp_path: Path) -> Iterator[Receiver]:
    copied = tmp_path / "copy"
    shutil.copytree(authority.directory.parent, copied)
    made = Receiver(esi, Authority.open(copied))
    yield made
    made.close()


@pytest.fixture
def deliver(esi: Esi, authority: Authority) -> Callable[[], None]:
    """Carry out every errand that is due now."""

    async def work() -> None:
        notifier = Notifier(
            esi.store,
            esi.settings,
            context=notifying_context(authority),
            base_url="https://esi.test",
            clock=lambda: esi.now,
            timeout_s=2.0,
        )
        while tasks := await notifier.work():
            await asyncio.gather(*tasks)
        await notifier.close()

    return lambda: esi.runner.run(work())


def wish(receiver: Receiver, resource: str, **fields: object) -> sep.Subscription:
    values: dict[str, object] = {
        "subscribedResource": resource,
        "encoding": 0,
        "level": "+S1",
        "limit": 10,
        "notificationURI": receiver.uri,
    }
    return sep.Subscription(**(values | fields))  # type: ignore[arg-type]


Deliver = Callable[[], None]


def test_a_change_of_a_list_is_told_as_a_get_would_show_it(
    esi: Esi, receiver: Receiver, deliver: Deliver
) -> None:
    place = location(esi.post("/edev/1/sub", wish(receiver, "/derp/1/derc")))
    deliver()
    assert receiver.received == []
    esi.send_control(start=START + 60, duration_s=60)
    deliver()

    (told,) = receiver.received
    assert (told.subscribedResource, told.status) == ("/derp/1/derc", 0)
    assert told.subscriptionURI == f"https://esi.test{place}"
    assert told.Resource == esi.get("/derp/1/derc?l=10")


def test_events_are_told_when_they_begin_and_end(esi: Esi, receiver: Receiver, deliver: Deliver) -> None:
    esi.post("/edev/1/sub", wish(receiver, "/derp/1/derc"))
    esi.send_control(start=START + 60, duration_s=60)
    deliver()
    for at in (START + 60, START + 120):
        esi.now = at
        esi.ask("GET", "/tm")
        deliver()

    lists = [told.Resource for told in receiver.received]
    statuses = [[one.EventStatus.currentStatus for one in shown.DERControl] for shown in lists]  # type: ignore[union-attr]
    assert statuses == [[0], [1], []]


def test_no_parent_is_told_of_a_change_below_it(esi: Esi, receiver: Receiver, deliver: Deliver) -> None:
    esi.post("/edev/1/sub", wish(receiver, "/derp"))
    esi.post("/edev/1/sub", wish(receiver, "/edev"))
    esi.send_control(start=START + 60, duration_s=60)
    esi.put("/edev/1/ps", sep.PowerStatus(batteryStatus=1, changedTime=1, currentPowerSource=1))
    deliver()
    assert receiver.received == []

    esi.change(lambda tx: operator.add_program(tx, description="new", primacy=5, settings=esi.settings))
    deliver()
    assert [told.subscribedResource for told in receiver.received] == ["/derp"]


def test_changes_of_half_a_minute_are_told_once(esi: Esi, receiver: Receiver, deliver: Deliver) -> None:
    esi.post("/edev/1/sub", wish(receiver, "/derp/1/derc"))
    for number in range(5):
        esi.send_control(start=START + 600 * (number + 1), duration_s=60)
        deliver()
    assert [told.Resource.all for told in receiver.received] == [1]  # type: ignore[union-attr]
    esi.now += 30
    deliver()
    assert [told.Resource.all for told in receiver.received] == [1, 5]  # type: ignore[union-attr]


@pytest.mark.parametrize(("limit", "results"), [(0, 0), (2, 2)])
def test_the_limit_bounds_what_is_sent_along(
    esi: Esi, receiver: Receiver, deliver: Deliver, limit: int, results: int
) -> None:
    esi.post("/edev/1/sub", wish(receiver, "/derp/1/derc", limit=limit))
    for number in range(3):
        esi.send_control(start=START + 600 * (number + 1), duration_s=60)
    deliver()

    assert (receiver.received[0].Resource.all, receiver.received[0].Resource.results) == (3, results)  # type: ignore[union-attr]


def test_exi_is_sent_to_those_who_asked_for_it(esi: Esi, receiver: Receiver, deliver: Deliver) -> None:
    esi.post("/edev/1/sub", wish(receiver, "/edev/1/der/1/ders", encoding=1))
    esi.put("/edev/1/der/1/ders", sep.DERStatus(readingTime=START))
    deliver()

    assert receiver.raw[0].headers["content-type"] == "application/sep-exi; level=-S1"
    assert isinstance(receiver.received[0].Resource, sep.DERStatus)


def test_a_receiver_that_was_away_misses_nothing(esi: Esi, receiver: Receiver, deliver: Deliver) -> None:
    esi.post("/edev/1/sub", wish(receiver, "/derp/1/derc"))
    receiver.status = 503
    esi.send_control(start=START + 6_000, duration_s=60)
    deliver()
    esi.restart()
    receiver.status = 201
    esi.now += 300
    deliver()

    assert [told.Resource.all for told in receiver.received] == [1]  # type: ignore[union-attr]


def test_a_receiver_that_never_answers_is_given_up_and_shown(
    esi: Esi, receiver: Receiver, deliver: Deliver
) -> None:
    place = location(esi.post("/edev/1/sub", wish(receiver, "/derp/1/derc")))
    receiver.status = 500
    esi.send_control(start=START + 10**6, duration_s=60)
    for wait_s in (*BACK_OFF_S, 0):
        deliver()
        esi.now += wait_s
    tried = len(receiver.raw)
    esi.now += 10**5
    deliver()

    assert len(receiver.raw) == tried == len(BACK_OFF_S) + 1
    assert [errand.subscription for errand in esi.look(lambda reader: reader.parked(9))] == [place]


def test_a_name_that_cannot_be_looked_up_is_given_up_too(
    esi: Esi, receiver: Receiver, deliver: Deliver
) -> None:
    place = location(esi.post("/edev/1/sub", wish(receiver, "/derp/1/derc")))
    kept = sep.replace(wish(receiver, "/derp/1/derc"), notificationURI="https://a..b/ntfy")  # refused today
    esi.change(lambda tx: tx.put(make_row(place, kept, listing="/edev/1/sub")))
    esi.send_control(start=START + 10**6, duration_s=60)
    for wait_s in (*BACK_OFF_S, 0):
        deliver()
        esi.now += wait_s

    assert [errand.subscription for errand in esi.look(lambda reader: reader.parked(9))] == [place]


@pytest.mark.parametrize("status", [400, 404, 410, 302])
def test_a_receiver_that_does_not_want_it_ends_the_subscription(
    esi: Esi, receiver: Receiver, deliver: Deliver, status: int
) -> None:
    place = location(esi.post("/edev/1/sub", wish(receiver, "/derp/1/derc")))
    receiver.status = status
    esi.send_control(start=START + 60, duration_s=60)
    deliver()

    assert esi.ask("GET", place).status == 404
    assert len(receiver.raw) == 1


def test_a_receiver_that_answers_with_a_megabyte_is_heard_no_further(
    esi: Esi, receiver: Receiver, deliver: Deliver
) -> None:
    esi.post("/edev/1/sub", wish(receiver, "/derp/1/derc"))
    receiver.body = bytes(1 << 20)
    esi.send_control(start=START + 60, duration_s=60)
    deliver()

    assert len(receiver.received) == 1
    assert esi.look(lambda reader: reader.next_errand()) is None


def test_a_receiver_that_never_answers_delays_no_other(
    esi: Esi, receiver: Receiver, deliver: Deliver, authority: Authority, tmp_path: Path
) -> None:
    shutil.copytree(authority.directory.parent, tmp_path / "other")
    other = Receiver(esi, Authority.open(tmp_path / "other"), "other")
    for each in (receiver, other):
        esi.post("/edev/1/sub", wish(each, "/derp/1/derc"))
    receiver.silent = True
    esi.send_control(start=START + 60, duration_s=60)
    deliver()

    assert len(other.received) == 1
    assert esi.look(lambda reader: reader.next_errand()) == START + BACK_OFF_S[0]
    other.close()


def test_a_deleted_resource_is_told_and_ends_the_subscription(
    esi: Esi, receiver: Receiver, deliver: Deliver
) -> None:
    path = esi.send_control(start=START + 60, duration_s=60)
    place = location(esi.post("/edev/1/sub", wish(receiver, path)))
    esi.change(lambda tx: tx.delete(path))
    deliver()

    assert [(told.status, told.Resource) for told in receiver.received] == [(4, None)]
    assert esi.ask("GET", place).status == 404


def test_the_same_wish_again_renews_it(esi: Esi, receiver: Receiver) -> None:
    first = esi.post("/edev/1/sub", wish(receiver, "/derp"))
    again = esi.post("/edev/1/sub", wish(receiver, "/derp?l=5", limit=3))

    assert (first.status, again.status) == (201, 204)
    assert location(first) == location(again)
    assert [one.limit for one in esi.get("/edev/1/sub?l=9").Subscription] == [3]


def test_an_aggregator_subscribes_for_all_it_speaks_for_at_its_own_device(tmp_path: Path) -> None:
    esi = Esi(tmp_path, edition=EDITIONS["csip-aus-1.2"])
    own = esi.register(1)
    esi.change(
        lambda tx: operator.set_rights(
            tx, tx.find("/edev", lfdi_of(1)), settings=esi.settings, aggregator=True
        )
    )
    managed = esi.register(2, aggregator=1)

    def places(device: int) -> list[str | None]:
        found = [esi.get(path, device=device).SubscriptionListLink for path in (own, managed)[device - 1 :]]
        return [one.href if one is not None else None for one in found]

    def subscribe(number: int) -> int:
        uri = f"https://receiver.test/{number}"
        return esi.post(
            f"{own}/sub",
            sep.Subscription(
                subscribedResource="/edev", encoding=0, level="+S1", limit=1, notificationURI=uri
            ),
        ).status

    assert places(1) == [f"{own}/sub", None]
    assert places(2) == [f"{managed}/sub"], "it may come itself"
    assert {subscribe(number) for number in range(2 * MAX_SUBSCRIPTIONS)} == {201}
    assert subscribe(2 * MAX_SUBSCRIPTIONS) == 400
    esi.register(3, aggregator=1)
    assert subscribe(2 * MAX_SUBSCRIPTIONS) == 201
    esi.close()


def test_a_deleted_subscription_hears_nothing(esi: Esi, receiver: Receiver, deliver: Deliver) -> None:
    place = location(esi.post("/edev/1/sub", wish(receiver, "/derp/1/derc")))
    assert esi.ask("DELETE", place).status == 204
    esi.send_control(start=START + 60, duration_s=60)
    deliver()

    assert receiver.raw == []


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"subscribedResource": "/edev/2"}, 404),
        ({"subscribedResource": "/nothing"}, 404),
        ({"subscribedResource": "/tm"}, 400),
        ({"subscribedResource": "/edev/1/der"}, 400),
        ({"encoding": 2}, 400),
        ({"notificationURI": "http://192.0.2.1/ntfy"}, 400),
        ({"notificationURI": "https://user@192.0.2.1/ntfy"}, 400),
        ({"notificationURI": "https://224.0.0.1/ntfy"}, 400),
        ({"notificationURI": "https://192.0.2.1:99999/ntfy"}, 400),
        ({"notificationURI": "/ntfy"}, 400),
        ({"notificationURI": "https://[::1/ntfy"}, 400),
        ({"notificationURI": "https://[no-address]/ntfy"}, 400),
        ({"notificationURI": "https://a..b/ntfy"}, 400),
        ({"notificationURI": f"https://{'a' * 64}.example/ntfy"}, 400),
        ({"notificationURI": "https://\u2100.example/ntfy"}, 400),
        ({"notificationURI": "https://example/\u00e9"}, 400),
        ({"subscribedResource": "//[/derp"}, 400),
        ({"Condition": sep.Condition(attributeIdentifier=0, lowerThreshold=0, upperThreshold=1)}, 400),
    ],
)
def test_subscriptions_that_cannot_be_are_refused(
    esi: Esi, receiver: Receiver, fields: dict[str, object], status: int
) -> None:
    esi.register(2)

    wanted = sep.replace(wish(receiver, "/derp"), **fields)
    assert esi.post("/edev/1/sub", wanted).status == status
    assert esi.get("/edev/1/sub").all == 0


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]", "localhost", "169.254.1.1", "[fe80::1]", "[::ffff:127.0.0.1]", "0.0.0.0"]
)
def test_this_machine_is_no_target_unless_allowed(tmp_path: Path, host: str) -> None:
    server = Esi(tmp_path)
    server.register(1)
    subscription = sep.Subscription(
        subscribedResource="/derp", encoding=0, level="+S1", limit=1, notificationURI=f"https://{host}/ntfy"
    )

    assert server.post("/edev/1/sub", subscription).status == 400
    server.close()


def test_readings_are_told_when_they_leave_their_range(
    esi: Esi, receiver: Receiver, deliver: Deliver
) -> None:
    mirror = sep.MirrorUsagePoint(
        mRID=b"\1",
        roleFlags=b"\x08",
        serviceCategoryKind=0,
        status=1,
        deviceLFDI=lfdi_of(1),
        MirrorMeterReading=(
            sep.MirrorMeterReading(
                mRID=b"\2", ReadingType=sep.ReadingType(uom=38), Reading=sep.Reading(value=5)
            ),
        ),
    )
    place = location(esi.post("/mup", mirror))
    condition = sep.Condition(attributeIdentifier=0, lowerThreshold=0, upperThreshold=10)
    esi.post("/edev/1/sub", wish(receiver, "/upt/1/mr/1/r", Condition=condition))
    for value in (7, 11, 8):
        esi.post(place, sep.MirrorMeterReading(mRID=b"\2", Reading=sep.Reading(value=value)))
        esi.now += 60
        deliver()

    assert [told.Resource.value for told in receiver.received] == [11]  # type: ignore[union-attr]
