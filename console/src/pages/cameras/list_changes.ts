/** Pure: what a change of state does to rows that are shown. */
import type { State } from "@/state/words";

export interface Row {
  id: string;
  area_id: string;
  unit_id: string | null;
  state: State;
  since: string | null;
  cause: string;
  link: string;
  picture: string;
  last_at: string | null;
}

export interface Turn {
  id: string;
  area_id: string | null;
  unit_id: string | null;
  old: string;
  state: State;
  cause: string;
  since: string;
  at: string;
  link: string;
  picture: string;
}

interface Told {
  kind: string;
  object_id: string;
  area_id: string | null;
  unit_id: string | null;
  at: string;
  change: Record<string, unknown>;
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");

/** The changes of state among what was told, the last of each camera. */
export function turns(told: readonly Told[]): Map<string, Turn> {
  const found = new Map<string, Turn>();
  for (const one of told) {
    if (one.kind !== "state" || typeof one.change["state"] !== "string") continue;
    found.set(one.object_id, {
      id: one.object_id,
      area_id: one.area_id,
      unit_id: one.unit_id,
      // What it was before the first of several counts.
      old: found.get(one.object_id)?.old ?? text(one.change["old"]),
      state: one.change["state"] as State,
      cause: text(one.change["cause"]),
      since: text(one.change["since"]) || one.at,
      at: text(one.change["at"]) || one.at,
      link: text(one.change["link"]),
      picture: text(one.change["picture"]),
    });
  }
  return found;
}

export function turned<T extends Row>(row: T, turn: Turn): T {
  const last_at = row.last_at === null || turn.at > row.last_at ? turn.at : row.last_at;
  return { ...row, state: turn.state, since: turn.since, cause: turn.cause, link: turn.link, picture: turn.picture, last_at };
}

/** What a change means for a list that shows only `states` (none: all). */
export function moves(turn: Turn, states: readonly State[]): "enters" | "leaves" | "stays" {
  if (states.length === 0) return "stays";
  const before = states.includes(turn.old as State);
  const after = states.includes(turn.state);
  if (before === after) return "stays";
  return after ? "enters" : "leaves";
}
