"""Incidents over HTTP: acknowledged, withdrawn, commented, closed, sent again; whoever may not, is late, or repeats."""

from __future__ import annotations

from typing import Any

import pytest

from alerts import incident_rows_store, incident_store, outbox_store
from alerts.incident import Event, advance
from alerts.message import MessageStatus
from config.clock import ManualClock
from config.scope import Role, Scope
from registry.audit_store import page, verify
from registry.principal_store import add_grant
from tests.center.api.test_changes import advanced, events
from tests.support.api_rig import SYSTEM, Answered, Client, Rig, grant_of
from tests.support.api_world import add_district, evidence_id

pytestmark = pytest.mark.usefixtures("no_leaks")
OURS, FOREIGN = "/api/v1/incidents/a-incident", "/api/v1/incidents/b-incident"
ALERTS = Scope.system("alerts")


@pytest.fixture
async def li(rig: Rig) -> Client:
    for number, name in enumerate("ab", 1):
        await add_district(rig.db, rig.core.storage.folder.evidence, name, number)
    return await rig.user("li", Role.OPERATOR, area="a")


async def act(client: Client, what: str, version: int, body: Any = None, of: str = OURS) -> Answered:
    return await client.post(f"{of}/{what}", body, if_match=f'"v{version}"')


async def recover(rig: Rig) -> int:
    """The camera is well again; the incident's version then."""
    async with rig.db.write() as connection:
        before = (await incident_store.get_incident(SYSTEM, connection, "a-incident")).incident
        after = advance(before, Event.RECOVER, rig.db.clock.now())
        await incident_rows_store.update(ALERTS, connection, before, after, "recovered", "")
        return after.version


async def given_up(rig: Rig, name: str) -> str:
    """A message about the incident of district ``name`` that was refused; its id."""
    incident_id = f"{name}-incident"
    async with rig.db.write() as connection:
        now = rig.db.clock.now()
        await outbox_store.announce(ALERTS, connection, {incident_id: None}, [f"hook-{name}"], now)
        (message,) = await outbox_store.told(SYSTEM, connection, incident_id)
        tried = await outbox_store.begin(ALERTS, connection, message, {"words": name})
        assert tried is not None
        await outbox_store.failed(ALERTS, connection, tried, "HTTP 422", 422, None)
    return message.id


async def acts_of(rig: Rig, object_id: str) -> list[tuple[str, str]]:
    """The audit's rows, oldest first."""
    async with rig.db.read() as connection:
        assert (await verify(SYSTEM, connection)).sound
        return [(row.act, row.principal) for row in reversed(await page(SYSTEM, connection, object_id=object_id))]


async def test_incidents_of_several_units_in_one_answer(rig: Rig, li: Client) -> None:
    """Whoever works for several asks for all of them; what lies outside the asker's areas stays outside."""
    zhao = await rig.account("zhao", Role.TECHNICIAN, unit="a-unit")
    async with rig.db.write() as connection:
        await add_grant(SYSTEM, connection, grant_of(zhao, Role.TECHNICIAN, unit="b-unit"))
    both = rig.client()
    await both.log_in("zhao")
    units = sorted(one["unit_id"] for one in (await both.get("/api/v1/session")).json["grants"])
    assert units == ["a-unit", "b-unit"]

    async def found(client: Client, *units: str) -> list[str]:
        page = (await client.get("/api/v1/incidents?" + "&".join(f"unit={one}" for one in units))).json
        assert page["total"] == len(page["items"])
        return sorted(one["id"] for one in page["items"])

    assert await found(both, *units) == ["a-incident", "b-incident"]
    assert await found(both, "b-unit") == ["b-incident"]
    assert await found(li, *units) == ["a-incident"]
    assert await found(li, "b-unit", "nobody") == []
    assert (await li.get("/api/v1/incidents?" + "&".join(f"unit=u{n}" for n in range(51)))).code == "invalid"


async def test_its_life_is_told_in_order(rig: Rig, li: Client) -> None:
    start = (await li.get("/api/v1/changes")).json["after"]
    async with events(li, Last_Event_ID=start) as stream:
        await stream.head()
        done = await act(li, "acknowledge", 1)
        assert (done.status, done.headers["etag"]) == (200, '"v2"')
        assert (done.json["state"], done.json["acknowledged_by"], done.json["version"]) == ("acknowledged", "li", 2)
        back = await act(li, "withdraw", 2)
        assert (back.status, back.json["state"], back.json["acknowledged_by"]) == (200, "open", None)
        said = await li.post(f"{OURS}/comments", {"text": "树枝遮挡"})
        assert (said.status, said.json["version"], said.headers["etag"]) == (201, 4, '"v4"')
        version = await recover(rig)
        closed = await act(li, "close", version, {"cause": "surroundings", "text": "cut"})
        assert (closed.status, closed.json["state"], closed.json["closing"]) == (200, "resolved", "surroundings")
        told: list[tuple[str, int]] = []
        while len(told) < 5:
            kind, _, one = await advanced(rig.db.clock, stream)  # type: ignore[arg-type]
            if kind == "change":
                told.append((one["change"]["act"], one["change"]["version"]))
    story = ["acknowledged", "withdrawn", "comment", "recovered", "closed"]
    assert told == list(zip(story, range(2, 7), strict=True))
    items = (await li.get(f"/api/v1/changes?after={start}")).json["items"]
    assert [(one["kind"], one["object_id"], one["change"]["act"]) for one in items] == [
        ("incident", "a-incident", word) for word in story
    ]
    one = (await li.get(OURS)).json
    assert (one["last_good"], one["first_bad"]) == (evidence_id("a"), None)
    assert one["evidence_until"] > one["recovered_at"]
    entries = [(entry["act"], entry["principal"], entry["text"]) for entry in one["entries"]]
    assert entries == [
        ("opened", "alerts", "unreachable"),
        ("acknowledged", "li", ""),
        ("withdrawn", "li", "was li"),
        ("comment", "li", "树枝遮挡"),
        ("recovered", "alerts", ""),
        ("closed", "li", "cut"),
    ]
    assert await acts_of(rig, "a-incident") == [(f"incident.{word}", who) for word, who, _ in entries]


async def test_the_wrong_state_is_told(rig: Rig, li: Client) -> None:
    for what, body in (("withdraw", None), ("close", {"cause": "power"})):
        answered = await act(li, what, 1, body)
        assert (answered.status, answered.code, answered.json["state"]) == (409, "conflict", "open"), what
    assert (await act(li, "acknowledge", 1)).status == 200
    again = await act(li, "acknowledge", 2)
    assert (again.status, again.code, again.json["state"]) == (409, "conflict", "acknowledged")
    assert (await act(li, "close", 2, {"cause": "false_alarm"})).json["state"] == "resolved"
    assert (await act(li, "acknowledge", 3)).status == 409
    assert [word for word, _ in await acts_of(rig, "a-incident")] == [
        "incident.opened",
        "incident.acknowledged",
        "incident.false_alarm",
    ]


async def test_whoever_is_late_sees_what_stands(rig: Rig, li: Client) -> None:
    assert (await li.post(f"{OURS}/comments", {"text": "x"})).status == 201
    for what, body in (("acknowledge", None), ("withdraw", None), ("close", {"cause": "false_alarm"})):
        late = await act(li, what, 1, body)
        assert (late.status, late.code, late.headers["etag"]) == (412, "changed", '"v2"'), what
        assert late.json["current"]["version"] == 2
        assert late.json["current"]["entries"][-1]["act"] == "comment"
        assert (await li.post(f"{OURS}/{what}", body)).code == "version_required"
        for tag in ('"x"', "*", '"v-1"', '"v99999999999"'):
            assert (await li.post(f"{OURS}/{what}", body, if_match=tag)).status == 412, tag
    assert len(await acts_of(rig, "a-incident")) == 2


async def test_whoever_may_not(rig: Rig, li: Client) -> None:
    message = await given_up(rig, "a")
    viewer = await rig.user("zhao", Role.VIEWER, area="a")
    platform = await rig.token("center", area="a")
    stranger = await rig.user("wu", Role.OPERATOR, area="b")
    elsewhere = await rig.user("admin-b", Role.ADMIN, area="b")
    bodies = {"acknowledge": None, "withdraw": None, "close": {"cause": "false_alarm"}, "comments": {"text": "x"}}
    for what, body in bodies.items():
        for client in (viewer, platform):
            refused = await act(client, what, 1, body)
            assert (refused.status, refused.code, refused.json["permission"]) == (403, "forbidden", "acknowledge")
        foreign, nothing = await act(stranger, what, 1, body), await act(stranger, what, 1, body, OURS + "-not")
        assert (foreign.status, foreign.code) == (404, "not_found")
        assert foreign.json | {"request_id": ""} == nothing.json | {"request_id": ""}
        assert (await act(li, what, 1, body, FOREIGN)).status == 404
        assert (await act(rig.client(), what, 1, body)).status == 401
    assert (await viewer.get(OURS)).json["last_good"] is None  # a picture is not for everybody who may know
    refused = await li.post(f"/api/v1/messages/{message}/resend")
    assert (refused.status, refused.json["permission"]) == (403, "system")
    assert (await elsewhere.post(f"/api/v1/messages/{message}/resend")).status == 404
    assert (await elsewhere.get("/api/v1/messages/dead")).json["items"] == []
    assert [word for word, _ in await acts_of(rig, "a-incident")] == ["incident.opened"]
    assert await acts_of(rig, message) == []


HOSTILE = (
    "<script>alert(1)</script>",
    "'; DROP TABLE incidents; --",
    '=HYPERLINK("http://x")',
    "{{7*7}} ${jndi:ldap://x}",
    "line one\nline two\ttabbed",
    "𠮷" * 2000,
)


async def test_a_comment_is_text_and_nothing_else(rig: Rig, li: Client) -> None:
    for text in HOSTILE:
        assert (await li.post(f"{OURS}/comments", {"text": text})).status == 201
    answered = await li.get(OURS)
    assert "json" in answered.headers["content-type"]
    assert answered.headers["x-content-type-options"] == "nosniff"
    assert [entry["text"] for entry in answered.json["entries"][1:]] == list(HOSTILE)
    wrong: list[Any] = [
        {"text": ""},
        {"text": " \n "},
        {"text": "x" * 2001},
        {"text": "a\x00b"},
        {"text": "a\x1b[2Jb"},
        {"text": "a\u202eb"},
        {"text": ["x"]},
        {"text": None},
        {"text": "x", "principal": "somebody else"},
        {},
        [],
    ]
    for body in wrong:
        refused = await li.post(f"{OURS}/comments", body)
        assert (refused.status, refused.code) == (422, "invalid"), body
    assert (await li.send("POST", f"{OURS}/comments", None, b'{"text": "\xff"}')).status in (400, 422)
    assert (await li.send("POST", f"{OURS}/comments", None, b'{"text": "\\ud800"}')).status in (400, 422)
    assert len(await acts_of(rig, "a-incident")) == 1 + len(HOSTILE)


async def test_a_comment_repeated_under_its_key_is_one(rig: Rig, li: Client) -> None:
    first = await li.post(f"{OURS}/comments", {"text": "once"}, idempotency_key="k-1")
    again = await li.post(f"{OURS}/comments", {"text": "once"}, idempotency_key="k-1")
    assert (first.status, again.status, again.json) == (201, 201, first.json)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["etag"] == first.headers["etag"]
    other = await li.post(f"{OURS}/comments", {"text": "another"}, idempotency_key="k-1")
    assert (other.status, other.code) == (422, "invalid")
    assert (await li.post(f"{OURS}/comments", {"text": "x"}, idempotency_key="k 1")).code == "invalid"
    wang = await rig.user("wang", Role.OPERATOR, area="a")
    hers = await wang.post(f"{OURS}/comments", {"text": "once"}, idempotency_key="k-1")
    assert (hers.status, "idempotency-replayed" in hers.headers) == (201, False)
    comments = [entry["principal"] for entry in (await li.get(OURS)).json["entries"] if entry["act"] == "comment"]
    assert comments == ["li", "wang"]


async def test_a_dead_letter_is_sent_again_once(rig: Rig, li: Client) -> None:
    message, foreign = await given_up(rig, "a"), await given_up(rig, "b")
    keeper = await rig.user("keeper", Role.ADMIN, area="a")
    (dead,) = (await keeper.get("/api/v1/messages/dead")).json["items"]
    assert (dead["id"], dead["incident_id"], dead["answer"], dead["status"]) == (message, "a-incident", 422, "dead")
    done = await keeper.post(f"/api/v1/messages/{message}/resend")
    assert (done.status, done.json["status"]) == (200, "waiting")
    again = await keeper.post(f"/api/v1/messages/{message}/resend")
    assert (again.status, again.code, again.json["status"]) == (409, "conflict", 409)
    for unknown in (foreign, "no-such-message", "0" * 36):
        assert (await keeper.post(f"/api/v1/messages/{unknown}/resend")).status == 404
    assert (await keeper.get("/api/v1/messages/dead")).json["items"] == []
    assert await acts_of(rig, message) == [("message.resend", "keeper")]
    async with rig.db.read() as connection:
        (waiting,) = await outbox_store.told(SYSTEM, connection, "a-incident")
    assert (waiting.id, waiting.status, waiting.body) == (message, MessageStatus.WAITING, {"words": "a"})
    told = (await li.get(OURS)).json["told"]
    assert [(one["id"], one["destination"], one["status"]) for one in told] == [(message, "hook-a", "waiting")]
    assert "words" not in str(told)


async def test_the_system_tells_where_messages_wait(rig: Rig, li: Client, clock: ManualClock) -> None:
    message = await given_up(rig, "a")
    keeper = await rig.user("boss", Role.ADMIN)
    (told,) = (await keeper.get("/api/v1/system")).json["delivery"]
    assert (told["destination"], told["configured"], told["dead"], told["waiting"], told["stuck"]) == (
        "hook-a",
        False,
        1,
        0,
        False,
    )
    assert (await keeper.post(f"/api/v1/messages/{message}/resend")).status == 200
    clock.step(90.0)
    (told,) = (await keeper.get("/api/v1/system")).json["delivery"]
    assert (told["waiting"], told["oldest_seconds"], told["error"]) == (1, 90.0, "HTTP 422")
    assert told["stuck"] is True  # nobody sends there: it is not configured
    assert "http://" not in str(told)
    near = await rig.user("near", Role.ADMIN, area="a")
    for client in (li, near):
        assert (await client.get("/api/v1/system")).json["delivery"] == []
