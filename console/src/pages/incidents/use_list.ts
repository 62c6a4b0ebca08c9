/**
 * The list of incidents: rows change in place; what is new waits, and what left stays where it is, until somebody asks
 * or nobody touches the list. Rows are asked for again when the feed tells of incidents, at most once a second.
 */
import { computed, onScopeDispose, ref, shallowRef, triggerRef } from "vue";
import { api, asProblem, body, type Problem } from "@/api/client";
import { now } from "@/state/clock";
import { onChanges, onResync, paintTurn, type Change } from "@/state/feed";
import { belongs, settle, type Incident } from "./lines";
import { asked, TABS, type Filters, type Tab, type Wanted } from "./query";

const FIRST = 100;
const MOST = 500;
const PAUSE = 1000;
/** Whether it is a flood is asked at most so often; and anew after a while, for it ends without a word. */
const LOOK = 5000;
const LOOK_AGAIN = 30_000;
/** How new a row is while its mark pulses. */
const FRESH = 10_000;

export function useIncidentList(own: () => readonly string[]) {
  const rows = shallowRef(new Map<string, Incident>());
  const order = shallowRef<string[]>([]);
  const waiting = shallowRef<Incident[]>([]);
  const left = shallowRef<string[]>([]);
  const waitingSince = ref("");
  const counts = ref<Record<Tab, number> | null>(null);
  const flood = ref<{ fresh: number | null; on: boolean }>({ fresh: null, on: false });
  const checked = ref<{ n: number; age: number } | null>(null);
  const asOf = ref("");
  const busy = ref(false);
  const loaded = ref(false);
  const problem = ref<Problem | null>(null);
  const arrived = new Map<string, number>();
  const cursor = ref<string | null>(null);
  const items = computed(() => order.value.map((id) => rows.value.get(id)).filter((one) => one !== undefined));
  let filters: Filters | null = null;
  let wanted: Wanted | null = null;
  let run = 0;
  let last = 0;
  let looked = 0;
  let looking = 0;
  let over = false;
  let timer = 0;

  const page = (query: Wanted, limit: number, from?: string) =>
    body(api.GET("/api/v1/incidents", { params: { query: { ...query, limit, ...(from === undefined ? {} : { cursor: from }) } } }));

  /** All anew, in the service's order. `quiet`: the same list, so that what was not in it is marked as arriving. */
  async function load(given: Filters, quiet = false): Promise<void> {
    filters = given;
    const mine = ++run;
    const query = asked(given, own(), now.value);
    busy.value = true;
    try {
      const [got] = await Promise.all([page(query, FIRST), quiet ? undefined : look(mine)]);
      if (mine !== run) return;
      wanted = query;
      if (quiet) for (const one of got.items) if (!rows.value.has(one.id)) arrived.set(one.id, Date.now());
      rows.value = new Map(got.items.map((one) => [one.id, one]));
      order.value = got.items.map((one) => one.id);
      cursor.value = got.next_cursor ?? null;
      asOf.value = got.as_of;
      waiting.value = [];
      left.value = [];
      waitingSince.value = "";
      problem.value = null;
      loaded.value = true;
      void count(mine, got.total);
    } catch (error) {
      if (mine === run) problem.value = asProblem(error);
    } finally {
      if (mine === run) busy.value = false;
    }
  }

  async function more(): Promise<void> {
    if (cursor.value === null || wanted === null || busy.value) return;
    const mine = run;
    busy.value = true;
    try {
      const got = await page(wanted, MOST, cursor.value);
      if (mine !== run) return;
      for (const one of got.items) rows.value.set(one.id, one);
      const known = new Set(order.value);
      order.value = [...order.value, ...got.items.map((one) => one.id).filter((id) => !known.has(id))];
      cursor.value = got.next_cursor ?? null;
      triggerRef(rows);
    } catch (error) {
      if (mine === run) problem.value = asProblem(error);
    } finally {
      if (mine === run) busy.value = false;
    }
  }

  /** The numbers on the tabs, under the same filters, and whether it is a flood. */
  async function count(mine: number, own_total?: number): Promise<void> {
    if (filters === null) return;
    const given = filters;
    try {
      const totals = await Promise.all(
        TABS.map(async (tab) => {
          if (tab === given.tab && own_total !== undefined) return own_total;
          return (await page(asked({ ...given, tab }, own(), now.value), 1)).total;
        }),
      );
      await paintTurn();
      if (mine !== run) return;
      counts.value = { open: totals[0] ?? 0, recovered: totals[1] ?? 0, resolved: totals[2] ?? 0 };
    } catch {
      if (mine === run) counts.value = null; // unknown is shown as unknown
    }
  }

  /** Whether it is a flood, and how fresh the checks are. */
  async function look(mine: number): Promise<void> {
    looked = Date.now();
    try {
      const overview = await body(api.GET("/api/v1/overview"));
      if (loaded.value) await paintTurn();
      if (mine !== run) return;
      flood.value = { fresh: overview.incidents.new, on: overview.incidents.flood };
      checked.value = overview.checked.oldest_age === null ? null : { n: overview.checked.cameras - overview.checked.never, age: overview.checked.oldest_age };
    } catch {
      if (mine === run) flood.value = { fresh: null, on: false };
    }
    if (flood.value.fresh !== 0) lookIn(LOOK_AGAIN);
  }

  function lookIn(wait: number): void {
    clearTimeout(looking);
    if (!over) looking = window.setTimeout(() => void look(run), Math.max(0, wait));
  }

  async function refresh(): Promise<void> {
    if (filters === null || wanted === null || !loaded.value) return;
    const mine = run;
    try {
      const got = await page(asked(filters, own(), now.value), Math.min(MOST, Math.max(FIRST, order.value.length)));
      await paintTurn();
      if (mine !== run) return;
      for (const one of got.items) if (rows.value.has(one.id)) rows.value.set(one.id, one);
      const { waiting: fresh, left: gone } = settle(order.value, got.items, got.next_cursor == null);
      // Further pages are reached by scrolling; only what would stand before their beginning is new.
      const oldest = order.value.length === 0 ? "" : (rows.value.get(order.value.at(-1) ?? "")?.since ?? "");
      waiting.value = cursor.value === null || filters.sort === "since" ? fresh : fresh.filter((one) => one.since > oldest);
      left.value = gone;
      asOf.value = got.as_of;
      problem.value = null;
      triggerRef(rows);
      if (waiting.value.length === 0) waitingSince.value = "";
      else if (waitingSince.value === "") waitingSince.value = got.as_of;
      if (order.value.length === 0 && waiting.value.length > 0) return await load(filters, true); // nothing is under the hand
      lookIn(looked + LOOK - Date.now());
      await count(mine, got.total);
    } catch (error) {
      if (mine === run) problem.value = asProblem(error);
    }
  }

  function later(): void {
    if (timer !== 0) return;
    timer = window.setTimeout(async () => {
      timer = 0;
      last = Date.now();
      await refresh();
    }, Math.max(100, last + PAUSE - Date.now()));
  }

  /** At once what the feed says itself; the rest is asked for. */
  function change(told: Change[]): void {
    const ours = told.filter((one) => one.kind === "incident");
    if (ours.length === 0 || filters === null) return;
    for (const one of ours) {
      const row = rows.value.get(one.object_id);
      const version = Number(one.change["version"] ?? 0);
      if (row === undefined || version <= row.version) continue;
      const state = String(one.change["state"]) as Incident["state"];
      rows.value.set(row.id, { ...row, state, cause: String(one.change["cause"] ?? row.cause), version });
      if (!belongs(state, filters.tab, filters.unacked) && !left.value.includes(row.id)) left.value = [...left.value, row.id];
    }
    triggerRef(rows);
    later();
  }

  /** An answer to an act: the row as it is now. */
  function take(one: Incident): void {
    if (!rows.value.has(one.id)) return;
    rows.value.set(one.id, one);
    triggerRef(rows);
    later();
  }

  const stops = [onChanges(change), onResync(() => filters !== null && void load(filters, true))];
  onScopeDispose(() => {
    over = true;
    clearTimeout(timer);
    clearTimeout(looking);
    stops.forEach((stop) => stop());
  });

  return {
    items, waiting, left, waitingSince, counts, flood, checked, asOf, busy, loaded, problem, cursor,
    load, more, take,
    show: () => (filters === null ? Promise.resolve() : load(filters, true)),
    fresh: (id: string) => Date.now() - (arrived.get(id) ?? 0) < FRESH,
  };
}
