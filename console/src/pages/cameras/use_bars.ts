/** The 24 h bars of the rows in sight, many in one question; kept while the page is open, turned by the feed. */
import { onScopeDispose, shallowReactive } from "vue";
import { api, body } from "@/api/client";
import type { Interval } from "@/format/bar";
import { onChanges, onResync } from "@/state/feed";
import { turns } from "./list_changes";

const TOGETHER = 100;
const KEPT = 1000;
const PATIENCE = 120;

export function useBars() {
  const known = shallowReactive(new Map<string, readonly Interval[]>());
  const asked = new Set<string>();
  let wantedNow = new Set<string>();
  let timer = 0;

  /** A row came into sight. */
  function want(id: string): void {
    if (known.has(id) || asked.has(id)) return;
    wantedNow.add(id);
    if (timer === 0) timer = window.setTimeout(ask, PATIENCE);
  }

  /** It left again before anybody asked: scrolling past is no reason to. */
  function unwant(id: string): void {
    wantedNow.delete(id);
  }

  function ask(): void {
    timer = 0;
    const ids = [...wantedNow].slice(0, TOGETHER);
    ids.forEach((id) => wantedNow.delete(id));
    if (ids.length === 0) return;
    ids.forEach((id) => asked.add(id));
    if (wantedNow.size > 0) timer = window.setTimeout(ask, PATIENCE);
    void answer(ids);
  }

  async function answer(ids: string[]): Promise<void> {
    try {
      const got = await body(api.GET("/api/v1/timelines", { params: { query: { camera: ids } } }));
      for (const row of got.items) known.set(row.camera_id, row.items);
      for (const id of [...known.keys()].slice(0, Math.max(0, known.size - KEPT))) known.delete(id);
    } catch {
      // A bar that is not there is blank, which reads as unknown: the list itself tells what is wrong.
    } finally {
      ids.forEach((id) => asked.delete(id));
    }
  }

  const stops = [
    onChanges((told) => {
      for (const turn of turns(told).values()) {
        const before = known.get(turn.id);
        if (before === undefined) continue;
        const closed = before.map((one) => (one.ends === null ? { ...one, ends: turn.since } : one));
        known.set(turn.id, [...closed, { value: turn.state, cause: turn.cause, starts: turn.since, ends: null }]);
      }
    }),
    onResync(() => {
      const shown = [...known.keys()];
      known.clear();
      wantedNow = new Set(shown.slice(-TOGETHER));
      if (timer === 0) timer = window.setTimeout(ask, PATIENCE);
    }),
  ];
  onScopeDispose(() => {
    clearTimeout(timer);
    stops.forEach((stop) => stop());
  });
  return { known, want, unwant };
}

export type Bars = ReturnType<typeof useBars>;
