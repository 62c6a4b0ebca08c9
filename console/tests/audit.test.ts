/** What a row of the audit log says of its act, in the reader's language. */
import { beforeEach, describe, expect, it } from "vitest";
import { i18n } from "@/i18n";
import { facts } from "@/pages/audit/facts";
import { zone } from "@/state/clock";

describe("the facts of an act", () => {
  beforeEach(() => {
    i18n.global.locale.value = "zh";
    zone.value = "Asia/Shanghai";
  });

  it("names facts and values", () => {
    expect(facts({ rows: 1533, verified: true })).toBe("行数：1,533；记录链完整：是");
    expect(facts({ kind: "live", purpose: "duty" })).toBe("方式：实时；事由：值班");
    i18n.global.locale.value = "en";
    expect(facts({ rows: 1533, verified: false })).toBe("rows: 1,533; chain unbroken: no");
  });

  it("writes times in the district's zone and lists in a row", () => {
    expect(facts({ until: "2026-11-22T08:00:00+00:00", networks: ["10.8.0.0/22", "10.9.0.0/24"] })).toBe(
      "有效期至：2026-11-22 16:00:00；网段：10.8.0.0/22，10.9.0.0/24",
    );
  });

  it("shows what it has no word for as it is", () => {
    expect(facts({ strange_fact: { deeper: "x" }, area: null })).toBe("strange_fact：deeper：x；区域：—");
    expect(facts("no map")).toBe("");
  });
});
