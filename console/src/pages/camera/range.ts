/** Pure: the period that a timeline shows, in the address as two times; without an end it runs to the present. */

export interface Range {
  from: number;
  to: number;
  /** Whether it ends with the present. */
  open: boolean;
}

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
export const LONGEST = 93 * DAY;

function moment(given: unknown): number | null {
  if (typeof given !== "string") return null;
  const at = Date.parse(given);
  return Number.isFinite(at) ? at : null;
}

export function parseRange(query: Record<string, unknown>, now: number, usual = 7 * DAY): Range {
  const end = moment(query["to"]);
  const to = end === null ? now : Math.min(end, now);
  const from = moment(query["from"]) ?? to - usual;
  if (from >= to) return { from: now - usual, to: now, open: true };
  return { from: Math.max(from, to - LONGEST), to, open: end === null };
}

/** The buttons' periods: to the minute, so that an address does not change at every glance. */
export function lately(span: number, now: number): { from: string } {
  return { from: new Date(Math.floor((now - span) / 60_000) * 60_000).toISOString() };
}

export function isLately(range: Range, span: number): boolean {
  return range.open && Math.abs(range.to - range.from - span) < span * 0.02;
}

/** Around one interval: a tenth more on both sides, at least five minutes. */
export function around(one: { from: number; to: number }, now: number): { from: string; to: string } {
  const more = Math.max((one.to - one.from) / 10, 5 * 60_000);
  return { from: new Date(one.from - more).toISOString(), to: new Date(Math.min(now, one.to + more)).toISOString() };
}
