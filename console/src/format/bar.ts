/** The 24 h bar: state intervals laid on a true time axis. A gap stays a gap; nothing is thinner than 2 px. */
import { rollUp, type State } from "@/state/words";

export interface Interval {
  value: string;
  cause: string;
  starts: string;
  ends: string | null;
}

export interface Piece {
  state: State;
  cause: string;
  from: number;
  to: number;
}

/** Intervals cut to [from, to] (milliseconds), oldest first; what is nobody's word is left out. */
export function pieces(intervals: readonly Interval[], from: number, to: number): Piece[] {
  return intervals
    .map((one) => ({
      state: one.value as State,
      cause: one.cause,
      from: Math.max(from, Date.parse(one.starts)),
      to: Math.min(to, one.ends === null ? to : Date.parse(one.ends)),
    }))
    .filter((one) => one.to > one.from)
    .sort((a, b) => a.from - b.from);
}

export interface Cell extends Piece {
  x: number;
  width: number;
}

/** Where each piece lies on `width` px. Worse states come last, so that they are drawn over better ones. */
export function cells(found: readonly Piece[], from: number, to: number, width: number): Cell[] {
  const scale = width / (to - from);
  return found
    .map((one) => {
      const x = (one.from - from) * scale;
      const wide = Math.max(2, (one.to - one.from) * scale);
      return { ...one, x: Math.min(x, width - wide), width: wide };
    })
    .sort((a, b) => rollUp.indexOf(b.state) - rollUp.indexOf(a.state));
}

/** Milliseconds in each state, and how often it changed. */
export function sums(found: readonly Piece[]): { spent: Map<State, number>; changes: number } {
  const spent = new Map<State, number>();
  for (const one of found) spent.set(one.state, (spent.get(one.state) ?? 0) + one.to - one.from);
  let changes = 0;
  for (let i = 1; i < found.length; i++) if (found[i]?.state !== found[i - 1]?.state) changes++;
  return { spent, changes };
}
