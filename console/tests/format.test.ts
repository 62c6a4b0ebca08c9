import { beforeEach, describe, expect, it } from "vitest";
import { cells, pieces, sums } from "@/format/bar";
import { count, of, percent } from "@/format/number";
import { clock, duration, full } from "@/format/time";
import { setLanguage } from "@/i18n";
import { setTime, setZone } from "@/state/clock";

beforeEach(() => {
  setLanguage("en");
  setZone("Asia/Shanghai");
  setTime("2026-11-22T06:02:31Z");
});

describe("numbers", () => {
  it("round shares down: 100 % is all", () => {
    expect(percent(9999, 10000)).toBe("99.9 %");
    expect(percent(455, 467)).toBe("97.4 %");
    expect(percent(3, 3)).toBe("100 %");
    expect(percent(0, 0)).toBe("—");
  });
  it("carry their denominator", () => {
    expect(of(12, 7500)).toBe("12/7,500");
    expect(count(1234567)).toBe("1,234,567");
  });
});

describe("times", () => {
  it("are the district's, with a date only where it is another", () => {
    expect(clock("2026-11-22T06:01:58Z")).toBe("14:01:58");
    expect(clock("2026-11-21T16:00:00Z")).toBe("00:00:00");
    expect(clock("2026-11-21T15:59:59Z")).toBe("11-21 23:59");
    expect(clock("2025-11-22T06:01:58Z")).toBe("2025-11-22 14:01");
    expect(full("2026-11-22T06:01:58Z")).toBe("2026-11-22 14:01:58");
  });
  it("span two units at most", () => {
    expect(duration(59.9)).toBe("59 s");
    expect(duration(720)).toBe("12 min");
    expect(duration(13_680)).toBe("3 h 48 min");
    expect(duration(93_600)).toBe("1 d 2 h");
    expect(duration(-5)).toBe("0 s");
    setLanguage("zh");
    expect(duration(13_680)).toBe("3 小时 48 分");
  });
});

describe("the 24 h bar", () => {
  const at = (minutes: number): string => new Date(minutes * 60_000).toISOString();
  const day = 1440 * 60_000;
  const found = pieces(
    [
      { value: "ok", cause: "", starts: at(-60), ends: at(600) },
      { value: "offline", cause: "timeout", starts: at(600), ends: at(600.5) },
      { value: "ok", cause: "", starts: at(700), ends: null },
    ],
    0,
    day,
  );
  it("cuts to its span and leaves gaps open", () => {
    expect(found.map((one) => [one.state, one.from / 60_000, one.to / 60_000])).toEqual([["ok", 0, 600], ["offline", 600, 600.5], ["ok", 700, 1440]]);
  });
  it("shows an outage of 30 s in a bar of 200 px, over what is well", () => {
    const drawn = cells(found, 0, day, 200);
    const outage = drawn.at(-1);
    expect(outage?.state).toBe("offline");
    expect(outage?.width).toBe(2);
    for (const cell of drawn) expect(cell.x + cell.width).toBeLessThanOrEqual(200.001);
  });
  it("reads as time in each state", () => {
    const { spent, changes } = sums(found);
    expect(spent.get("offline")).toBe(30_000);
    expect(changes).toBe(2);
  });
});
