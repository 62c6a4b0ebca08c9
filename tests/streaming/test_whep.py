"""WHEP over a true listener: tickets, tokens, sessions, what each refusal is, and the register of it all."""

from __future__ import annotations

from registry.view import ViewMoment
from tests.support.live_rig import LiveRig
from tests.support.relay_rig import peer


async def test_a_ticket_opens_a_picture_and_both_its_ends_are_on_record(town: LiveRig) -> None:
    async with peer() as viewer:
        place, ticket = await town.watch(viewer)
        first, second = await viewer.frame(), await viewer.frame()
        assert second.pts > first.pts
        assert [row.moment for row in await town.register()] == [ViewMoment.BEGIN]
        ended = await town.whep("DELETE", place, ticket)
        assert ended.status == 200
        await town.until(lambda: town.ends())
    assert await town.ends() == ["ended"]
    assert town.views.relay.capacity.total == 0
