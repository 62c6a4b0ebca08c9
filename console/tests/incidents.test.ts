import { beforeEach, describe, expect, it } from "vitest";
import { belongs, lasts, lines, settle, unacknowledged, type Incident } from "@/pages/incidents/lines";
import { asked, narrowing, parse, unitsOf, write } from "@/pages/incidents/query";
import { others } from "@/pages/incidents/reach";
import { heard, type Heard } from "@/state/incident_sound";
import { useDraft } from "@/pages/incidents/draft";

const T0 = Date.parse("2026-11-22T06:00:00Z");
let next = 0;

function incident(part: Partial<Incident> = {}): Incident {
  const id = part.id ?? `i${next++}`;
  return {
    id, kind: "fault", state: "open", cause: "covered", since: new Date(T0).toISOString(), opened_at: new Date(T0).toISOString(), recovered_at: null, resolved_at: null,
    acknowledged_by: null, acknowledged_at: null, closing: null, camera_id: `c-${id}`, camera_name: id, gb_id: null, point_id: null, point_name: null, point_code: null,
    area_id: "a", unit_id: null, group_kind: null, group_id: null, group_name: null, cameras: 1, parent_id: null, children: 0, children_standing: 0, version: 1, ...part,
  };
}
const calm = { turned: new Map<string, boolean>(), children: new Map<string, Incident[]>(), floodFrom: null };
const keys = (found: ReturnType<typeof lines>): string[] => found.map((line) => line.key);

describe("addresses", () => {
  it("come back as they went", () => {
    const query = { status: "recovered", ack: "no", kind: "offline", area: "x", unit: "mine", q: "NVR", since: "8h", sort: "since" };
    expect(write(parse(query))).toEqual({ ...query, open: undefined });
  });
  it("leave out what is usual, and what nobody can mean", () => {
    expect(Object.values(write(parse({ status: "all", kind: "smoke", since: "tomorrow-ish", sort: "-since" }))).every((one) => one === undefined)).toBe(true);
  });
  it("ask the service for one tab, parts under their parent", () => {
    expect(asked(parse({}), [], T0)).toEqual({ state: ["open", "acknowledged"], sort: "-since", top: true });
    expect(asked(parse({ ack: "no", since: "1h" }), [], T0 + 12_345)).toEqual({ state: ["open", "acknowledged"], ack: false, since: "2026-11-22T05:00:00.000Z", sort: "-since", top: true });
  });
  it("look into parts for a place or a word", () => {
    expect(asked(parse({ q: "gate" }), [], T0).top).toBeUndefined();
    expect(asked(parse({ area: "x" }), [], T0).top).toBeUndefined();
  });
  it("take one's own units for `mine`, and nothing where the scope says it", () => {
    expect(asked(parse({ unit: "mine" }), ["u1", "u2"], T0)).toMatchObject({ unit: ["u1", "u2"] });
    expect(asked(parse({ unit: "mine" }), [], T0)).toEqual({ state: ["open", "acknowledged"], sort: "-since", top: true });
    expect(narrowing(parse({ unit: "mine" }))).toEqual([]);
    expect(unitsOf([{ unit_id: "u2" }, { unit_id: null }, { unit_id: "u1" }, { unit_id: "u2" }, {}])).toEqual(["u1", "u2"]);
    expect(narrowing(parse({ unit: "u2", q: "x", ack: "no" }))).toEqual(["unacked", "unit", "q"]);
  });
});

describe("lines", () => {
  it("say how many parts, and show them once asked", () => {
    const parent = incident({ id: "p", children: 3 });
    expect(keys(lines([parent], calm))).toEqual(["p", "children:p"]);
    const parts = [incident({ id: "x", parent_id: "p" }), incident({ id: "y", parent_id: "p" })];
    const open = { ...calm, turned: new Map([["children:p", true]]), children: new Map([["p", parts]]) };
    expect(keys(lines([parent], open))).toEqual(["p", "children:p", "x", "y", "fewer:p"]);
    expect(lines([parent], open)[4]).toMatchObject({ n: 1 });
  });
  it("hold a part once, though the answer has it too", () => {
    const found = [incident({ id: "p", children: 1 }), incident({ id: "x", parent_id: "p" })];
    expect(keys(lines(found, calm))).toEqual(["p", "children:p", "x"]);
    const open = { ...calm, turned: new Map([["children:p", true]]), children: new Map([["p", [found[1] as Incident]]]) };
    expect(keys(lines(found, open))).toEqual(["p", "children:p", "x"]);
  });
  it("group a flood by area, and leave alone what was there before and what has parts", () => {
    const many = Array.from({ length: 12 }, (_, at) => incident({ id: `n${at}`, area_id: at < 10 ? "a" : "b", ...(at === 0 ? { acknowledged_at: "2026-11-22T06:00:01Z", state: "acknowledged" as const } : {}) }));
    const old = incident({ id: "old", opened_at: new Date(T0 - 3_600_000).toISOString() });
    const parent = incident({ id: "p", children: 2 });
    const flood = { ...calm, floodFrom: T0 - 600_000 };
    const found = lines([parent, ...many, old], flood);
    expect(keys(found)).toEqual(["p", "children:p", "group:a", "group:b", "n10", "n11", "old"]);
    expect(found[2]).toMatchObject({ unacked: 9, open: false });
    expect(keys(lines(many, { ...flood, turned: new Map([["group:a", true]]) }))).toHaveLength(14);
  });
});

describe("what a fresh answer means", () => {
  it("keeps rows in place: new ones wait, gone ones are named only where the answer is whole", () => {
    const answer = [incident({ id: "new" }), incident({ id: "b" })];
    expect(settle(["a", "b"], answer, true)).toMatchObject({ left: ["a"], waiting: [{ id: "new" }] });
    expect(settle(["a", "b"], answer, false).left).toEqual([]);
  });
  it("tells which tab a state belongs on", () => {
    expect([belongs("acknowledged", "open", false), belongs("acknowledged", "open", true), belongs("recovered", "open", false), belongs("recovered", "recovered", true)]).toEqual([true, false, false, true]);
  });
  it("tells what nobody has acknowledged", () => {
    expect([incident(), incident({ state: "recovered" }), incident({ acknowledged_at: "x" }), incident({ state: "resolved" })].map(unacknowledged)).toEqual([true, true, false, false]);
  });
  it("lasts until it recovered", () => {
    expect(lasts(incident(), T0 + 90_000)).toBe(90);
    expect(lasts(incident({ recovered_at: new Date(T0 + 30_000).toISOString() }), T0 + 90_000)).toBe(30);
  });
});

describe("others on the way", () => {
  const steps = [
    { kind: "device", id: "d", name: "cam", cameras: null, counts: null },
    { kind: "switch", id: "s", name: "SW-12", cameras: 5, counts: { ok: 4, fault: 1 } },
    { kind: "link", id: "l", name: "up", cameras: 1, counts: { fault: 1 } },
  ];
  it("leave out the one that is down", () => {
    expect(others(steps, true)).toEqual([{ kind: "switch", id: "s", name: "SW-12", ok: 4, n: 4, without: true }]);
  });
  it("count all once it is over", () => {
    expect(others(steps, false).map((one) => [one.ok, one.n])).toEqual([[4, 5], [0, 1]]);
  });
});

describe("drafts", () => {
  beforeEach(() => sessionStorage.clear());
  it("outlive the page, keep their key for the same words, and go when sent", () => {
    const first = useDraft(() => "xl-draft-a");
    first.text.value = "树枝遮挡";
    const key = first.key();
    const again = useDraft(() => "xl-draft-a");
    expect(again.text.value).toBe("树枝遮挡");
    expect(again.key()).toBe(key);
    again.text.value = "树枝遮挡，已剪";
    expect(again.key()).not.toBe(key);
    again.sent();
    expect(useDraft(() => "xl-draft-a").text.value).toBe("");
    expect(sessionStorage.length).toBe(0);
  });
});

describe("the sound", () => {
  const quiet: Heard = { begun: [], sounded: 0, flooded: false };
  const told = (counts: [number, number][]): boolean[] => {
    let state = quiet;
    return counts.map(([count, second]) => {
      const { after, sound } = heard(state, count, T0 + second * 1000);
      state = after;
      return sound;
    });
  };
  it("comes once for what begins together", () => {
    expect(told([[1, 0], [3, 4], [1, 30]])).toEqual([true, false, true]);
  });
  it("comes once in a flood, and again after it", () => {
    expect(told([[11, 0], [1, 60], [1, 120], [1, 1000]])).toEqual([true, false, false, true]);
  });
});
