/**
 * The rows of the list: pages by cursor as one scrolls, changes in place, what would enter or leave behind a pill.
 * The row under the hand keeps its place: nothing is sorted anew until somebody asks for it.
 */
import { computed, onScopeDispose, ref, shallowRef, triggerRef, watch, type Ref } from "vue";
import { api, asProblem, body, type Problem, type Schemas } from "@/api/client";
import { onChanges, onResync, paintTurn, type Change } from "@/state/feed";
import { lookedAt } from "./check_many";
import { moves, turned, turns, type Turn } from "./list_changes";
import type { State } from "@/state/words";
import { wanted, type Asked } from "./query";

export type Camera = Schemas["CameraItem"];
/** The first page comes at once; further ones are large, for they come while somebody scrolls. */
const FIRST = 60;
const FURTHER = 500;
/** Refreshed at most: as many as one question may name. */
const NAMED = 200;
/** Counts are asked for anew at most so often (milliseconds). */
const PAUSE = 2000;

export interface Head {
  total: number;
  as_of: string;
}

export function useList(shown: Readonly<Ref<boolean>>) {
  const items = shallowRef<Camera[]>([]);
  const head = ref<Head | null>(null);
  const cursor = ref<string | null>(null);
  const busy = ref(false);
  const problem = ref<Problem | null>(null);
  /** Since when changes wait, and which cameras would enter or leave. */
  const entering = ref(new Set<string>());
  const leaving = ref(new Set<string>());
  const waitingSince = ref("");
  const waiting = computed(() => entering.value.size + leaving.value.size);
  /** The filters that the rows are of. */
  const of = ref<Asked | null>(null);
  /** How many there are in each state of what the other filters leave; they follow the feed. */
  const facets = ref<Record<string, number> | null>(null);
  const total = computed(() => {
    const counts = facets.value;
    const states = of.value?.states ?? [];
    if (counts === null) return head.value?.total ?? 0;
    return Object.entries(counts).reduce((sum, [state, n]) => (states.length === 0 || states.includes(state as State) ? sum + n : sum), 0);
  });
  let place = new Map<string, number>();
  let asked: Asked | null = null;
  let run = 0;
  let underWay: AbortController | null = null;

  function page(given: Asked, limit: number, from: string | null, signal?: AbortSignal): Promise<Schemas["CameraPage"]> {
    const query = { ...wanted(given), sort: given.sort, limit, ...(from === null ? {} : { cursor: from }) };
    return body(api.GET("/api/v1/cameras", { params: { query }, ...(signal === undefined ? {} : { signal }) }));
  }

  function seat(): void {
    place = new Map(items.value.map((one, at) => [one.id, at]));
  }

  /** Asks for the first page; a question still under way is let go, for its answer would be of another filter. */
  async function load(given: Asked): Promise<void> {
    asked = given;
    const mine = ++run;
    underWay?.abort();
    underWay = new AbortController();
    busy.value = true;
    try {
      const got = await page(given, FIRST, null, underWay.signal);
      if (mine !== run) return;
      items.value = got.items;
      cursor.value = got.next_cursor ?? null;
      head.value = { total: got.total, as_of: got.as_of };
      of.value = given;
      facets.value = given.states.length === 0 ? got.counts : null;
      if (facets.value === null) void recount();
      problem.value = null;
      settle();
      seat();
    } catch (error) {
      if (mine === run) problem.value = asProblem(error);
    } finally {
      if (mine === run) busy.value = false;
    }
  }

  function settle(): void {
    entering.value = new Set();
    leaving.value = new Set();
    waitingSince.value = "";
  }

  async function more(): Promise<void> {
    if (busy.value || cursor.value === null || asked === null) return;
    const mine = run;
    busy.value = true;
    try {
      const got = await page(asked, FURTHER, cursor.value);
      if (mine !== run) return;
      const known = new Set(place.keys());
      items.value = [...items.value, ...got.items.filter((one) => !known.has(one.id))];
      cursor.value = got.next_cursor ?? null;
      seat();
    } catch (error) {
      const met = asProblem(error);
      // The list was asked by another login, or the cursor is too old: from the beginning.
      if (met.code === "cursor") void reload();
      else if (mine === run) problem.value = met;
    } finally {
      if (mine === run) busy.value = false;
    }
  }

  let counted = 0;
  let counting = 0;

  /** One question for all states: without the filter of states. */
  async function recount(): Promise<void> {
    if (asked === null) return;
    counted = Date.now();
    const mine = run;
    try {
      const got = await page({ ...asked, states: [], sort: "name" }, 1, null);
      await paintTurn();
      if (mine === run) facets.value = got.counts;
    } catch {
      if (mine === run) facets.value = null; // unknown is shown as unknown
    }
  }

  function recountLater(): void {
    if (counting !== 0 || !shown.value) return;
    counting = window.setTimeout(() => {
      counting = 0;
      void recount();
    }, Math.max(250, counted + PAUSE - Date.now()));
  }

  async function reload(): Promise<void> {
    if (asked !== null) await load(asked);
  }

  function change(told: Change[]): void {
    if (asked === null) return;
    let touched = false;
    for (const turn of turns(told).values()) touched = one(turn) || touched;
    for (const other of told) {
      if (other.kind !== "camera") continue;
      const act = String(other.change["act"] ?? "");
      if (act === "removed") mark(leaving, other.object_id, other.at);
      else if (!place.has(other.object_id) && ["added", "adopted", "imported"].includes(act)) mark(entering, other.object_id, other.at);
    }
    if (touched) triggerRef(items);
    if (told.some((other) => other.kind === "state" || other.kind === "camera")) recountLater();
  }

  function one(turn: Turn): boolean {
    if (asked === null) return false;
    const at = place.get(turn.id);
    const move = moves(turn, asked.states);
    if (at === undefined) {
      // Which of them the other filters leave is the service's to say: it is asked when they are to be shown.
      if (move === "enters" && fits(turn)) mark(entering, turn.id, turn.at);
      if (move === "leaves") entering.value.delete(turn.id);
      return false;
    }
    items.value[at] = turned(items.value[at] as Camera, turn) as Camera;
    if (move === "leaves") mark(leaving, turn.id, turn.at);
    else if (move === "enters") leaving.value.delete(turn.id);
    return true;
  }

  let inside: (area: string | null) => boolean = () => true;
  function fits(turn: Turn): boolean {
    if (asked === null || asked.q.trim() !== "" || asked.device !== "" || asked.looked !== "") return false;
    if (asked.unit !== "" && turn.unit_id !== asked.unit) return false;
    return inside(turn.area_id);
  }

  function mark(set: typeof entering, id: string, at: string): void {
    if (waitingSince.value === "") waitingSince.value = at;
    set.value.add(id);
  }

  /** Checks do not enter the feed, only what they changed: when rows in sight were looked at is asked for. */
  async function refresh(ids: readonly string[]): Promise<void> {
    const named = ids.slice(0, NAMED);
    if (named.length === 0) return;
    const got = await body(api.GET("/api/v1/status", { params: { query: { id: [...named], limit: NAMED } } }));
    await paintTurn();
    for (const brief of got.items) {
      lookedAt(brief.camera_id, brief.last_at);
      const at = place.get(brief.camera_id);
      if (at === undefined) continue;
      const before = items.value[at] as Camera;
      // Looked at meanwhile: no longer overdue.
      if ((asked?.looked === "late" || asked?.looked === "never") && brief.last_at !== null && brief.last_at !== before.last_at) mark(leaving, brief.camera_id, got.as_of);
      const { state, since, cause, link, picture, last_at, age, last_good_at } = brief;
      items.value[at] = { ...before, state, since, cause, link, picture, last_at, age, last_good_at };
    }
    if (head.value !== null) head.value = { ...head.value, as_of: got.as_of };
    triggerRef(items);
  }

  watch(shown, (is) => is && head.value !== null && recountLater());
  const stops = [onChanges(change), onResync(() => void reload())];
  onScopeDispose(() => stops.forEach((stop) => stop()));

  return {
    items, head, total, facets, busy, problem, waiting, entering, leaving, waitingSince, cursor,
    load, more, reload, refresh,
    inside: (known: (area: string | null) => boolean) => void (inside = known),
  };
}
