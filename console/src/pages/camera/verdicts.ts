/** Pure: what one check measured, the worst first, each with the side of its limit. Concludes nothing of its own. */

export interface Measure {
  of: string;
  name: string;
  value: number | null;
  threshold: number | null;
  verdict: string;
  reason: string;
}

const ORDER = ["bad", "cannot_judge", "good"];

export function worstFirst<T extends Measure>(measures: readonly T[]): T[] {
  const rank = (one: T): number => (ORDER.includes(one.verdict) ? ORDER.indexOf(one.verdict) : 1);
  return [...measures].sort((a, b) => rank(a) - rank(b));
}

/** Measures of which little is bad; of all others much is. */
const LEAST = new Set(["crispness", "crispness_ratio", "difference", "mean", "score", "sharpness", "sharpness_ratio"]);
/** Measures that are no amount: nothing is held against them as a most or a least. */
const NEITHER = new Set(["elevation", "layout"]);

/** Whether the limit is a most or a least. */
export function side(name: string): "max" | "min" | "at" {
  if (NEITHER.has(name)) return "at";
  return LEAST.has(name) ? "min" : "max";
}

/** Three digits that count: 0.0625, 25.971 as 26.0, 1795. */
export function figure(value: number | null): string {
  if (value === null) return "—";
  const size = Math.abs(value);
  if (size >= 100) return value.toFixed(0);
  if (size >= 10) return value.toFixed(1);
  if (size >= 1) return value.toFixed(2);
  return size < 0.0005 ? "0" : String(Number(value.toPrecision(3)));
}

export function tally(measures: readonly Measure[]): { bad: number; unjudged: number; good: number } {
  const n = (verdict: string): number => measures.filter((one) => one.verdict === verdict).length;
  return { bad: n("bad"), unjudged: n("cannot_judge"), good: n("good") };
}
