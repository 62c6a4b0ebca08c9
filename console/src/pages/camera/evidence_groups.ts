/** Pure: filed pictures by the fault they belong to, the newest first: last good beside first bad, and what differs. */

export interface Filed {
  id: string;
  kind: string;
  cause: string;
  taken_at: string;
  filed_at: string;
  closed_at: string | null;
}

export interface Group {
  cause: string;
  closed_at: string | null;
  filed_at: string;
  last_good: Filed | null;
  first_bad: Filed | null;
  difference: Filed | null;
}

/** Pictures of one fault are filed in one go. */
const TOGETHER = 5_000;

export function groups(filed: readonly Filed[]): Group[] {
  const out: Group[] = [];
  const newest = [...filed].sort((a, b) => b.filed_at.localeCompare(a.filed_at));
  for (const one of newest) {
    const slot = one.kind === "last_good" || one.kind === "difference" ? one.kind : "first_bad";
    const near = out.find((group) => group.cause === one.cause && group[slot] === null && Math.abs(Date.parse(group.filed_at) - Date.parse(one.filed_at)) < TOGETHER);
    if (near !== undefined) near[slot] = one;
    else out.push({ cause: one.cause, closed_at: one.closed_at, filed_at: one.filed_at, last_good: null, first_bad: null, difference: null, [slot]: one });
  }
  return out;
}
