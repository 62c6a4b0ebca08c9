import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { contrast, deuteranope, difference, hex, lab, over, type Rgb } from "./colour";

const css = readFileSync("src/style/tokens.css", "utf8");

function block(selector: string): Map<string, Rgb> {
  const begin = css.indexOf(`${selector} {`);
  const body = css.slice(begin, css.indexOf("}", begin));
  return new Map([...body.matchAll(/--([a-z0-9_-]+): (#[0-9a-f]{6});/g)].map((found) => [found[1] ?? "", hex(found[2] ?? "")]));
}

const states = ["ok", "fault", "offline", "cannot_judge", "unknown", "maintenance"].map((one) => `state-${one}`);

describe("CIEDE2000", () => {
  it("gives the known differences (Sharma, Wu and Dalal, table 1, through sRGB where it can)", () => {
    expect(difference([255, 255, 255], [255, 255, 255])).toBe(0);
    expect(difference([255, 0, 0], [0, 255, 0])).toBeCloseTo(86.61, 1);
    expect(difference([0, 0, 0], [255, 255, 255])).toBeCloseTo(100, 3);
  });
});

for (const [theme, selector] of [["dark", ":root, .dark-room"], ["light", ':root[data-theme="light"]']] as const) {
  describe(`${theme} theme`, () => {
    const tokens = block(selector);
    const get = (name: string): Rgb => {
      const found = tokens.get(name);
      if (found === undefined) throw new Error(`${theme} lacks --${name}`);
      return found;
    };
    const surfaces = ["page", "panel", "raised"].map(get);
    const least = (colour: Rgb): number => Math.min(...surfaces.map((surface) => contrast(colour, surface)));

    it.each(["text-1", "text-2", "text-3"])("%s is text on every surface", (name) => expect(least(get(name))).toBeGreaterThanOrEqual(4.5));
    it.each(["edge", "focus", ...states])("%s is seen on every surface", (name) => expect(least(get(name))).toBeGreaterThanOrEqual(3));
    it("the primary button's text is read", () => expect(contrast(get("on-primary"), get("focus"))).toBeGreaterThanOrEqual(4.5));
    it.each(states.slice(1))("text on a chip of %s is read", (name) => expect(contrast(get("on-chip"), get(name))).toBeGreaterThanOrEqual(4.5));

    const pairs = states.flatMap((one, at) => states.slice(at + 1).map((other) => [one, other] as const));
    it.each(pairs)("%s and %s are apart for the colour-blind", (one, other) => {
      expect(difference(deuteranope(get(one)), deuteranope(get(other)))).toBeGreaterThanOrEqual(11);
    });
    it.each(pairs)("%s and %s are apart in grey", (one, other) => {
      expect(Math.abs(lab(get(one))[0] - lab(get(other))[0])).toBeGreaterThanOrEqual(4.5);
    });
  });
}

describe("plates over pictures", () => {
  const [, red, green, blue, alpha] = (/--plate: rgb\((\d+) (\d+) (\d+) \/ (\d+)%\)/.exec(css) ?? []).map(Number);
  const plate: Rgb = [red ?? 0, green ?? 0, blue ?? 0];
  it.each([[[255, 255, 255]], [[0, 0, 0]]] as [Rgb][])("over %s their text and marks are read", (picture) => {
    const ground = over(plate, (alpha ?? 0) / 100, picture);
    expect(contrast([255, 255, 255], ground)).toBeGreaterThanOrEqual(4.5);
    const tokens = block(":root, .dark-room");
    for (const state of states) expect(contrast(tokens.get(state) ?? [0, 0, 0], ground)).toBeGreaterThanOrEqual(3);
  });
});
