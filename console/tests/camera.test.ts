import { describe, expect, it } from "vitest";
import words from "@/generated/words.json";
import { groups, type Filed } from "@/pages/camera/evidence_groups";
import { around, DAY, HOUR, isLately, lately, LONGEST, parseRange } from "@/pages/camera/range";
import { stillAge } from "@/pages/camera/still_age";
import { figure, side, tally, worstFirst, type Measure } from "@/pages/camera/verdicts";

const measure = (verdict: string, value: number | null, threshold: number | null, of = "x"): Measure => ({ of, name: "n", value, threshold, verdict, reason: "" });

describe("verdicts", () => {
  it("stand the worst first, otherwise in the order of the check", () => {
    const found = worstFirst([measure("good", 1, 2, "a"), measure("cannot_judge", 1, 2, "b"), measure("bad", 3, 2, "c"), measure("good", 1, 2, "d")]);
    expect(found.map((one) => one.of)).toEqual(["c", "b", "a", "d"]);
    expect(tally(found)).toEqual({ bad: 1, unjudged: 1, good: 2 });
  });

  it("say whether their limit is a most or a least", () => {
    expect(side("patch")).toBe("max");
    expect(side("sharpness_ratio")).toBe("min");
    expect(side("elevation")).toBe("at");
    const known = Object.keys(words.measures);
    expect(known.filter((name) => side(name) === "min")).toEqual(["crispness_ratio", "difference", "mean", "score", "sharpness", "sharpness_ratio"]);
  });

  it("write figures with the digits that count", () => {
    expect([0.56636, 106.32, 25.971, 3.7029, 0.0625, 0.00015514, 0, null].map(figure)).toEqual(["0.566", "106", "26.0", "3.70", "0.0625", "0", "0", "—"]);
  });
});

describe("evidence", () => {
  const filed = (id: string, kind: string, cause: string, filed_at: string, closed_at: string | null = null): Filed => ({ id, kind, cause, taken_at: filed_at, filed_at, closed_at });

  it("stands together by fault, the newest first", () => {
    const found = groups([
      filed("1", "last_good", "noise", "2026-01-01T00:00:00.1Z", "x"),
      filed("2", "first_bad", "noise", "2026-01-01T00:00:00.2Z", "x"),
      filed("5", "difference", "noise", "2026-01-01T00:00:00.3Z", "x"),
      filed("3", "last_good", "stalled", "2026-01-02T00:00:00Z"),
      filed("4", "first_bad", "noise", "2026-01-03T00:00:00Z"),
    ]);
    expect(found.map((one) => [one.cause, one.last_good?.id, one.first_bad?.id])).toEqual([["noise", undefined, "4"], ["stalled", "3", undefined], ["noise", "1", "2"]]);
    expect(found.map((one) => one.difference?.id)).toEqual([undefined, undefined, "5"]);
  });
});

describe("the age of a still", () => {
  const now = Date.parse("2026-01-02T00:00:00Z");
  it("is overdue past one and a half planned intervals, and dim past a day", () => {
    expect(stillAge("2026-01-01T23:55:00Z", now, 300)).toEqual({ seconds: 300, overdue: false, dim: false });
    expect(stillAge("2026-01-01T23:52:29Z", now, 300)).toMatchObject({ overdue: true, dim: false });
    expect(stillAge("2026-01-01T23:00:00Z", now, null)).toMatchObject({ overdue: false });
    expect(stillAge("2025-12-31T23:59:00Z", now, null)).toMatchObject({ dim: true });
    expect(stillAge("2026-01-02T00:00:09Z", now, 1).seconds).toBe(0);
  });
});

describe("the period of a timeline", () => {
  const now = Date.parse("2026-01-31T12:00:00Z");
  it("is seven days to the present unless said", () => {
    expect(parseRange({}, now)).toEqual({ from: now - 7 * DAY, to: now, open: true });
    expect(isLately(parseRange(lately(30 * DAY, now), now), 30 * DAY)).toBe(true);
    expect(isLately(parseRange({}, now), 24 * HOUR)).toBe(false);
  });

  it("never ends after the present, before it began, nor covers more than is kept", () => {
    expect(parseRange({ from: "nonsense", to: "2099-01-01T00:00:00Z" }, now).to).toBe(now);
    expect(parseRange({ from: "2026-01-20T00:00:00Z", to: "2026-01-10T00:00:00Z" }, now)).toEqual({ from: now - 7 * DAY, to: now, open: true });
    expect(parseRange({ from: "2000-01-01T00:00:00Z" }, now).from).toBe(now - LONGEST);
  });

  it("opens around one interval with something to either side", () => {
    const given = around({ from: now - HOUR, to: now }, now);
    expect(given).toEqual({ from: new Date(now - HOUR - 6 * 60_000).toISOString(), to: new Date(now).toISOString() });
  });
});
