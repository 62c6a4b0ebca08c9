import { describe, expect, it } from "vitest";
import { byFreshness, rows, type Fresh } from "@/pages/now/fresh";

const area = (id: string, parent_id: string | null, cameras: number, in_time: number): Fresh => ({ id, name: id, parent_id, cameras, in_time, late: cameras - in_time, never: 0 });

describe("freshness by area", () => {
  const areas = [area("d", null, 30, 26), area("n", "d", 10, 10), area("b", "d", 20, 16), area("v", "b", 5, 5), area("empty", "d", 0, 0)];
  it("goes past a single root, the stalest first, empty ones left out", () => {
    expect(byFreshness(areas, "").map((one) => one.id)).toEqual(["b", "n"]);
  });
  it("shows what lies below what is chosen, or that itself", () => {
    expect(byFreshness(areas, "b").map((one) => one.id)).toEqual(["v"]);
    expect(byFreshness(areas, "v").map((one) => one.id)).toEqual(["v"]);
    expect(byFreshness([area("d", null, 3, 3)], "").map((one) => one.id)).toEqual(["d"]);
    expect(byFreshness([], "")).toEqual([]);
  });
  it("leads to exactly the cameras that a number counts", () => {
    expect(rows("a", "late")).toEqual({ path: "/cameras", query: { area: "a", looked: "late" } });
    expect(rows("", "never")).toEqual({ path: "/cameras", query: { looked: "never" } });
  });
});
