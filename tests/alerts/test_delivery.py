"""Messages reach a receiver that fails in every way: at least once, in order, with the same key, or visibly dead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest
import pytest_asyncio
from pydantic import SecretStr

from alerts import incident_store, outbox_store
from alerts.cleaning import Cleaned, Cleaning, KeptDays
from alerts.delivery import TRY_ENDS, Delivery, DeliverySettings
from alerts.message import BackOff, MessageStatus, judge
from alerts.opener import Opener, OpenerPolicy
from alerts.queue_store import Queue, queues
from alerts.webhook import Destination, Webhook
from config.clock import ManualClock
from config.errors import Kind, XueliangError
from config.scope import Grant, Permission, Scope
from registry.audit_store import page
from tests.support.alerts_world import SYSTEM, World
from tests.support.certificate import certificate
from tests.support.receiver import FAILURES, SECRET, Receiver, receiving

ONE = ["east-camera-0001"]
TWO = ["east-camera-0002"]


@pytest_asyncio.fixture
async def receiver(world: World) -> AsyncIterator[Receiver]:
    async with receiving(world.clock.now) as found:
        yield found


def destination(port: int, name: str = "hook") -> Destination:
    return Destination(name, f"http://127.0.0.1:{port}/in?x=1", SecretStr(SECRET))


def worker(world: World, port: int, *, give_up: float = 3600.0) -> Delivery:
    sender = Webhook(Opener(OpenerPolicy(allow_loopback=True)), world.clock, 0.5)
    settings = DeliverySettings("https://xueliang.example/", BackOff(2.0, 600.0, give_up))
    return Delivery(
        world.db,
        world.clock,
        Random(1),
        sender,
        [destination(port)],
        settings,
        topology=lambda: world.topology,
        look=world.sink.state,
        rules=world.keeper.rules,
    )


async def drain(world: World, delivery: Delivery, port: int, tries: int = 30, step: float = 700.0) -> None:
    """Let time pass until nothing is left to do."""
    for _ in range(tries):
        while await delivery.run_once(destination(port)):
            pass
        world.later(step)


async def test_a_message_says_what_where_since_when_and_nothing_more(world: World, receiver: Receiver) -> None:
    await world.bad(ONE)
    incident = (await world.standing())[0]
    world.soon()
    assert await worker(world, receiver.port).run_once(destination(receiver.port))
    said = receiver.got[0].content
    assert said == {
        "version": 1,
        "event": "firing",
        "incident_id": incident.id,
        "kind": "fault",
        "kind_name": {"zh": "故障", "en": "fault"},
        "camera": {"id": ONE[0], "name": "Camera 1", "code": None, "gb_id": None, "point": "Point 1"},
        "group": None,
        "cameras": 1,
        "since": incident.since.isoformat(),
        "recovered_at": None,
        "cause": "covered",
        "cause_name": {"zh": "遮挡", "en": "covered"},
        "link": f"https://xueliang.example/incidents/{incident.id}",
    }
    told = await world.told(incident.id)
    assert [(m.status, m.answer, m.id) for m in told] == [(MessageStatus.DELIVERED, 204, receiver.got[0].key)]


@pytest.mark.parametrize("how", FAILURES)
async def test_a_receiver_that_fails_gets_the_same_message_again(world: World, receiver: Receiver, how: str) -> None:
    receiver.plan = [how]
    await world.bad(ONE)
    incident = (await world.standing())[0]
    world.soon()
    delivery = worker(world, receiver.port)
    assert await delivery.run_once(destination(receiver.port))
    (message,) = await world.told(incident.id)
    assert message.status is MessageStatus.WAITING
    assert message.error
    assert message.due_at >= world.clock.now()
    await drain(world, delivery, receiver.port, 3)
    assert [got.how for got in receiver.got] == [how, "ok"]
    assert receiver.got[0].key == receiver.got[1].key == message.id
    assert receiver.got[0].body == receiver.got[1].body
    assert [m.status for m in await world.told(incident.id)] == [MessageStatus.DELIVERED]


async def test_retry_after_is_heeded(world: World, receiver: Receiver) -> None:
    receiver.plan = ["429"]
    await world.bad(ONE)
    world.soon()
    delivery = worker(world, receiver.port)
    await delivery.run_once(destination(receiver.port))
    (message,) = await world.told((await world.standing())[0].id)
    assert (message.due_at - world.clock.now()).total_seconds() == pytest.approx(120.0)
    world.later(119.0)
    assert not await delivery.run_once(destination(receiver.port))


def test_a_date_to_come_back_at_and_one_too_far(clock: ManualClock) -> None:
    for asked, pause in (("Wed, 01 Jan 2200 00:00:00 GMT", 3600.0), ("99999999", 3600.0), ("-5", 2.0), ("soon", 2.0)):
        found = judge(503, asked, clock.now())
        assert not found.delivered
        assert found.again
        assert BackOff().pause(1, Random(1), found.asked) <= pause
        assert pause == 2.0 or BackOff().pause(1, Random(1), found.asked) == pause


async def test_what_may_be_mended_there_is_tried_again(world: World, receiver: Receiver) -> None:
    """A wrong password, a path that is not there yet, a proxy without its server: the same message, until it is
    taken, and the end of the incident after it."""
    codes = ["401", "403", "404", "407", "408", "409", "410", "425", "451", "500", "501", "502", "503", "507", "301"]
    receiver.plan = list(codes)
    await world.bad(ONE)
    world.soon()
    delivery = worker(world, receiver.port, give_up=1e6)
    await delivery.run_once(destination(receiver.port))
    await world.up(ONE)
    await drain(world, delivery, receiver.port, len(codes) + 2)
    assert [got.how for got in receiver.got] == [*codes, "ok", "ok"]
    assert len({got.key for got in receiver.got[:-1]}) == 1
    assert len({got.body for got in receiver.got[:-1]}) == 1
    assert [got.content["event"] for got in receiver.got[-2:]] == ["firing", "resolved"]


async def test_no_way_to_the_receiver(world: World, receiver: Receiver, tmp_path: Path) -> None:
    """The message waits, says why, and goes under its key once the receiver is there, or where it is now."""
    async with receiving(world.clock.now) as gone:
        port = gone.port
    await world.bad(ONE)
    (incident,) = await world.standing()
    delivery = worker(world, receiver.port)
    _, context = certificate(tmp_path, "receiver.example")
    async with receiving(world.clock.now, context) as unknown:
        for url, said in (
            (f"http://127.0.0.1:{port}/", "refused: "),
            ("http://nowhere.invalid/", "unreachable: "),
            (f"https://127.0.0.1:{unknown.port}/", "protocol: no trusted TLS connection"),
            ("http://169.254.169.254/", "not_allowed: "),
        ):
            world.later(700.0)
            assert await delivery.run_once(Destination("hook", url, SecretStr(SECRET)))
            (message,) = await world.told(incident.id)
            assert message.status is MessageStatus.WAITING
            assert message.error.startswith(said)
        assert unknown.got == []
    world.later(700.0)
    await drain(world, delivery, receiver.port, 2)
    assert [got.key for got in receiver.got] == [message.id]


async def test_a_refused_message_is_dead_does_not_block_and_is_sent_again_by_a_person(
    world: World, receiver: Receiver
) -> None:
    receiver.plan = ["422"]
    await world.bad(ONE)
    await world.bad(TWO)
    world.soon()
    delivery = worker(world, receiver.port)
    await drain(world, delivery, receiver.port, 2)
    assert [got.how for got in receiver.got] == ["422", "ok"]
    async with world.db.read() as connection:
        (dead,), more = await outbox_store.dead_letters(SYSTEM, connection)
    assert (dead.answer, dead.id, more) == (422, receiver.got[0].key, None)
    await world.up(ONE)
    await drain(world, delivery, receiver.port, 2)
    assert len(receiver.got) == 2  # no resolved before its firing was delivered
    async with world.db.write() as connection:
        again = await outbox_store.resend(SYSTEM, connection, dead.id)
    assert again.status is MessageStatus.WAITING
    await drain(world, delivery, receiver.port, 2)
    sent = [(got.content["event"], got.content["incident_id"]) for got in receiver.got[2:]]
    assert sent == [("firing", dead.incident_id), ("resolved", dead.incident_id)]
    assert receiver.got[2].key == dead.id
    assert receiver.got[2].body == receiver.got[0].body
    with pytest.raises(XueliangError) as caught:
        async with world.db.write() as connection:
            await outbox_store.resend(SYSTEM, connection, dead.id)
    assert caught.value.kind is Kind.CONFLICT


async def test_given_up_after_its_time(world: World, receiver: Receiver) -> None:
    receiver.plan = ["500"] * 100
    await world.bad(ONE)
    world.soon()
    delivery = worker(world, receiver.port)
    await drain(world, delivery, receiver.port, 12)
    (message,) = await world.told((await world.standing())[0].id)
    assert message.status is MessageStatus.DEAD
    assert delivery.counts["hook", "dead"] == 1
    assert 2 < message.attempts < 20


async def test_order_of_one_receiver_is_kept_while_it_fails(world: World, receiver: Receiver) -> None:
    receiver.plan = ["500", "hang", "reset"]
    await world.bad(ONE)
    world.soon()
    delivery = worker(world, receiver.port)
    await delivery.run_once(destination(receiver.port))
    await world.bad(TWO)
    await world.up(ONE)
    world.soon()
    await drain(world, delivery, receiver.port, 8)
    sent = [(got.content["event"], got.content["camera"]["id"]) for got in receiver.got if got.how == "ok"]
    assert sent == [("firing", ONE[0]), ("firing", TWO[0]), ("resolved", ONE[0])]


async def test_a_recorder_down_is_one_message_and_one_resolved(world: World, receiver: Receiver) -> None:
    await world.down(world.ids[:4])
    delivery = worker(world, receiver.port)
    await drain(world, delivery, receiver.port, 3)
    await world.up(world.ids[:4])
    await drain(world, delivery, receiver.port, 3)
    sent = [(got.content["event"], got.content["group"]["name"], got.content["cameras"]) for got in receiver.got]
    assert sent == [("firing", "NVR east", 4), ("resolved", "NVR east", 4)]
    assert receiver.got[1].content["recovered_at"]


async def test_a_camera_waits_until_its_recorder_has_answered(world: World, receiver: Receiver) -> None:
    """Nobody told yet whether the others are gone too: the message waits, and goes when one of them answers."""
    await world.down(ONE)
    world.soon()
    delivery = worker(world, receiver.port)
    await drain(world, delivery, receiver.port, 3, 1.0)
    assert receiver.got == []
    await world.up(TWO)
    await drain(world, delivery, receiver.port, 3, 6.0)
    assert [got.content["camera"]["id"] for got in receiver.got] == ONE


async def test_the_wait_for_the_others_has_an_end(world: World, receiver: Receiver) -> None:
    await world.down(ONE)
    await drain(world, worker(world, receiver.port), receiver.port, 3, 241.0)
    assert [got.content["camera"]["id"] for got in receiver.got] == ONE


async def test_a_clock_set_back_delays_nothing(world: World, receiver: Receiver) -> None:
    receiver.plan = ["500"]
    await world.bad(ONE)
    world.soon()
    delivery = worker(world, receiver.port)
    await delivery.run_once(destination(receiver.port))
    world.clock.step(-3600.0)
    await drain(world, delivery, receiver.port, 1)
    assert [got.how for got in receiver.got] == ["500", "ok"]


async def test_the_worker_runs_until_it_is_cancelled(world: World, receiver: Receiver) -> None:
    await world.bad(ONE)
    world.soon()
    arrived = asyncio.Event()
    receiver.on_message = lambda got: arrived.set()
    running = asyncio.create_task(worker(world, receiver.port).run())
    async with asyncio.timeout(10):
        await arrived.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert running.cancelled()


async def test_dead_letters_are_for_those_who_keep_the_system_there(world: World, receiver: Receiver) -> None:
    receiver.plan = ["400", "400"]
    await world.bad(["east-camera-0001", "west-camera-0001"])
    await drain(world, worker(world, receiver.port), receiver.port, 2)
    both = frozenset({Permission.READ, Permission.SYSTEM})
    east = Scope("wang", (Grant(both, area_id="east"),))
    reader = Scope("li", (Grant(frozenset({Permission.READ}), area_id="east"),))
    async with world.db.read() as connection:
        everything, _ = await outbox_store.dead_letters(SYSTEM, connection)
        hers, _ = await outbox_store.dead_letters(east, connection)
        assert (await outbox_store.dead_letters(reader, connection))[0] == []
        seen = {s.incident.id for s in (await incident_store.list_incidents(east, connection))[0]}
    assert len(everything) == 2
    assert [m.incident_id for m in hers] == list(seen)
    foreign = next(m for m in everything if m not in hers)
    for scope, message in ((east, foreign), (reader, hers[0])):
        with pytest.raises(XueliangError) as caught:
            async with world.db.write() as connection:
                await outbox_store.resend(scope, connection, message.id)
        assert caught.value.kind is Kind.NOT_FOUND


async def test_what_waits_and_for_how_long(world: World, receiver: Receiver) -> None:
    async def queue() -> Queue:
        async with world.db.read() as connection:
            return (await queues(SYSTEM, connection, world.clock.now())).get("hook", Queue())

    assert await queue() == Queue()
    await world.bad([*ONE, *TWO])
    assert (await queue()).oldest_seconds == 0.0  # not due yet
    world.soon()
    assert (await queue()).oldest_seconds == pytest.approx(1.0, abs=0.1)
    receiver.plan = ["500", "422"]
    delivery = worker(world, receiver.port)
    await delivery.run_once(destination(receiver.port))
    world.later(598.0)  # the second waits behind the first
    found = await queue()
    assert found.oldest_seconds == pytest.approx(599.0, abs=0.1)
    assert (found.stuck, found.error) == (False, "HTTP 500")
    world.later(1.0)
    assert (await queue()).stuck
    await drain(world, delivery, receiver.port, 3)
    assert (await queue()).counts == {MessageStatus.DEAD: 1, MessageStatus.DELIVERED: 1}
    assert not (await queue()).stuck
    assert {end: delivery.counts["hook", end] for end in TRY_ENDS} == {"delivered": 1, "failed": 1, "dead": 1}


async def test_what_is_long_over_is_deleted(world: World, receiver: Receiver) -> None:
    """What was told goes first, then the incident with its story; what stands, or is still to be told, stays."""
    cleaning, delivery = Cleaning(world.db, KeptDays(1095, 90)), worker(world, receiver.port)
    await world.down(world.ids[:4])
    await world.bad(["west-camera-0001"])
    await drain(world, delivery, receiver.port, 2)
    await world.up(world.ids[:4])
    await drain(world, delivery, receiver.port, 2)
    receiver.plan = ["422"]
    await world.bad(["west-camera-0002"])
    await drain(world, delivery, receiver.port, 2)
    await world.up(["west-camera-0002"])  # nobody was told, and the end waits for that
    world.later(89 * 86_400.0)
    assert await cleaning.run_once() == Cleaned(0, 0)
    world.later(2 * 86_400.0)
    # Two of the recorder, one never sent of each of its cameras, and the two that nobody takes.
    assert await cleaning.run_once() == Cleaned(8, 0)
    assert len(await world.shown()) == 7
    world.later(1005 * 86_400.0)
    assert await cleaning.run_once() == Cleaned(0, 6)
    assert await cleaning.run_once() == Cleaned(0, 0)
    left = {shown.incident.camera_id for shown in await world.shown()}
    assert left == {"west-camera-0001"}
    async with world.db.read() as connection:
        acts = [(row.act, row.details) for row in await page(SYSTEM, connection, act="alerts.clean")]
    assert acts == [
        ("alerts.clean", '{"incidents": 6, "messages": 0}'),
        ("alerts.clean", '{"incidents": 0, "messages": 8}'),
    ]
    await world.up(["west-camera-0001"])  # whoever was told of it years ago is told of its end
    await drain(world, delivery, receiver.port, 2)
    last = receiver.got[-1].content
    assert (last["event"], last["camera"]["id"]) == ("resolved", "west-camera-0001")
