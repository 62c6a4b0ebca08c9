import { describe, expect, it } from "vitest";
import { COLUMNS, DEFAULT_COLUMNS, template } from "@/pages/cameras/columns";
import { moves, turned, turns, type Row } from "@/pages/cameras/list_changes";
import { cleaned, filtered, parse, wanted, write } from "@/pages/cameras/query";
import { line, rows, worst, type Area } from "@/pages/cameras/tree";
import { wallAddress } from "@/pages/cameras/wall_address";

const area = (id: string, parent_id: string | null, counts: Record<string, number> = {}): Area => ({ id, name: id, parent_id, counts, total: 1 });

describe("the address of the list", () => {
  it("reads what it wrote", () => {
    const asked = parse({ q: "新华", state: "fault,offline", area: "a-1", unit: "u", sort: "-since", cols: "day,name,unit" });
    expect(asked.states).toEqual(["offline", "fault"]);
    expect(asked.columns).toEqual(["name", "unit", "day"]);
    expect(parse(write(asked))).toEqual(asked);
  });

  it("knows overdue ones, and asks for them by the service's word", () => {
    const asked = parse({ looked: "late", area: "a-1" });
    expect(write(asked)).toEqual({ looked: "late", area: "a-1" });
    expect(wanted(asked)).toEqual({ looked: "late", area: "a-1" });
    expect([parse({ looked: "soon" }).looked, filtered(asked)]).toEqual(["", true]);
  });

  it("leaves out what is as always, and what it does not know", () => {
    expect(write(parse({}))).toEqual({});
    const asked = parse({ state: "good,<b>", area: "a b", sort: "drop table", cols: "password", q: ["x", "y"] });
    expect(asked).toMatchObject({ states: [], area: "", sort: "state", q: "x" });
    expect(asked.columns).toEqual(DEFAULT_COLUMNS);
  });

  it("asks the service only for what filters", () => {
    expect(wanted(parse({ q: "  ", state: "ok" }))).toEqual({ state: ["ok"] });
    expect(filtered(parse({ sort: "name", cols: "name" }))).toBe(false);
    expect(filtered(parse({ q: "x" }))).toBe(true);
  });

  it("lets no control characters out, and no more than the service takes", () => {
    expect(cleaned("a\u0000\u202eb\n")).toBe("ab");
    expect(cleaned("路".repeat(300))).toHaveLength(200);
  });
});

describe("columns", () => {
  it("have a width each, after mark and state", () => {
    const wide = template([...COLUMNS], "zh");
    expect(wide.split(/ (?=calc|minmax)/)).toHaveLength(COLUMNS.length + 2);
    expect(wide).not.toContain("undefined");
  });
});

describe("the tree", () => {
  const areas = [area("d", null), area("n", "d"), area("v10", "n"), area("v2", "n"), area("b", "d"), area("x", "elsewhere")];

  it("hides what is below a closed area, and roots what lies outside one's areas", () => {
    expect(rows(areas, new Set()).map((one) => one.area.id)).toEqual(["d", "x"]);
    expect(rows(areas, new Set(["d"])).map((one) => [one.area.id, one.depth])).toEqual([["d", 0], ["b", 1], ["n", 1], ["x", 0]]);
    expect(rows(areas, new Set(["d", "n"])).map((one) => one.area.id)).toEqual(["d", "b", "n", "v2", "v10", "x"]);
    expect(rows(areas, new Set(["n"])).map((one) => one.area.id)).toEqual(["d", "x"]);
  });

  it("goes up without end in no circle", () => {
    expect(line(areas, "v2")).toEqual(["v2", "n", "d"]);
    expect(line([area("a", "b"), area("b", "a")], "a")).toEqual(["a", "b"]);
    expect(line(areas, "nowhere")).toEqual([]);
  });

  it("marks the two worst states in the order of the trade, never the normal one", () => {
    expect(worst({ ok: 9, maintenance: 1, fault: 2, offline: 3 })).toEqual([{ state: "offline", n: 3 }, { state: "fault", n: 2 }]);
    expect(worst({ ok: 9 })).toEqual([]);
  });
});

describe("changes of rows", () => {
  const told = (object_id: string, change: Record<string, unknown>, kind = "state") => ({ kind, object_id, area_id: "a", unit_id: null, at: "2026-01-01T00:00:05Z", change });
  const row: Row = { id: "c", area_id: "a", unit_id: null, state: "ok", since: null, cause: "", link: "up", picture: "good", last_at: null };

  it("keeps the last of several, and what it was before the first", () => {
    const found = turns([told("c", { state: "fault", old: "ok", cause: "covered", since: "s1" }), told("c", { state: "offline", old: "fault", cause: "refused", since: "s2" }), told("c", {}, "camera")]);
    expect(found.size).toBe(1);
    expect(found.get("c")).toMatchObject({ old: "ok", state: "offline", cause: "refused", since: "s2" });
  });

  it("changes a row in its place", () => {
    const turn = turns([told("c", { state: "fault", old: "ok", cause: "covered", since: "s1", at: "2026-01-01T00:00:04Z" })]).get("c");
    expect(turned(row, turn!)).toMatchObject({ id: "c", state: "fault", cause: "covered", since: "s1", last_at: "2026-01-01T00:00:04Z" });
    expect(row.state).toBe("ok");
  });

  it("says what enters and leaves a filter of states", () => {
    const turn = turns([told("c", { state: "offline", old: "fault" })]).get("c")!;
    expect(moves(turn, [])).toBe("stays");
    expect(moves(turn, ["offline"])).toBe("enters");
    expect(moves(turn, ["fault"])).toBe("leaves");
    expect(moves(turn, ["fault", "offline"])).toBe("stays");
  });
});

describe("the wall", () => {
  it("takes the smallest layout that holds them, sixteen at most", () => {
    const ids = Array.from({ length: 20 }, (_, at) => `c${at}`);
    expect(wallAddress(ids.slice(0, 1)).query["layout"]).toBe("1");
    expect(wallAddress(ids.slice(0, 5)).query["layout"]).toBe("9");
    expect(wallAddress(ids).query["cams"]?.split(",")).toHaveLength(16);
  });
});
