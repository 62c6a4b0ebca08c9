/** Proposals of one tab: all of them, since a network has some hundred at most; new ones wait while rows are marked. */
import { onScopeDispose, ref, shallowRef } from "vue";
import { api, asProblem, body, type Problem, type Schemas } from "@/api/client";
import { now } from "@/state/clock";
import { onChanges, onResync } from "@/state/feed";
import { merge, type How, type Proposal, type Tab } from "./rows";

const PAGE = 500;
const MOST = 5000;
const PAUSE = 1500;

export interface Wanted {
  tab: Tab;
  q: string;
  area: string;
  how: How | "";
}

export function useProposals(held: () => boolean) {
  const rows = shallowRef<Proposal[]>([]);
  const waiting = shallowRef<Proposal[]>([]);
  const gone = shallowRef(new Set<string>());
  const counts = ref<Record<string, number> | null>(null);
  const asOf = ref("");
  const busy = ref(false);
  const loaded = ref(false);
  const problem = ref<Problem | null>(null);
  const discovery = shallowRef<Schemas["DiscoveryOut"] | null>(null);
  const noDiscovery = ref(false);
  let wanted: Wanted | null = null;
  let run = 0;
  let timer = 0;

  async function ask(given: Wanted, mine: number): Promise<Proposal[] | null> {
    const all: Proposal[] = [];
    let cursor: string | null | undefined;
    do {
      const query = { status: [given.tab], limit: PAGE, ...(given.q ? { q: given.q } : {}), ...(given.area ? { area: given.area } : {}), ...(given.how ? { how: [given.how] } : {}), ...(cursor ? { cursor } : {}) };
      const got: Schemas["ProposalPage"] = await body(api.GET("/api/v1/proposals", { params: { query } }));
      if (mine !== run) return null;
      all.push(...got.items);
      counts.value = got.counts as Record<string, number>;
      cursor = got.next_cursor;
    } while (cursor && all.length < MOST);
    asOf.value = new Date(now.value).toISOString();
    return all;
  }

  async function load(given: Wanted): Promise<void> {
    wanted = given;
    const mine = ++run;
    busy.value = true;
    try {
      const all = await ask(given, mine);
      if (all === null) return;
      rows.value = all;
      waiting.value = [];
      gone.value = new Set();
      loaded.value = true;
      problem.value = null;
    } catch (error) {
      if (mine === run) problem.value = asProblem(error);
    } finally {
      if (mine === run) busy.value = false;
    }
  }

  async function refresh(): Promise<void> {
    if (wanted === null || busy.value) return;
    const mine = run;
    try {
      const all = await ask(wanted, mine);
      if (all === null) return;
      problem.value = null;
      if (!held()) {
        rows.value = all;
        waiting.value = [];
        gone.value = new Set();
        return;
      }
      ({ rows: rows.value, waiting: waiting.value, gone: gone.value } = merge(rows.value, all));
    } catch (error) {
      if (mine === run) problem.value = asProblem(error);
    }
  }

  async function look(): Promise<void> {
    if (noDiscovery.value) return;
    try {
      discovery.value = await body(api.GET("/api/v1/discovery"));
    } catch (error) {
      if (asProblem(error).status === 403) noDiscovery.value = true;
      discovery.value = null;
    }
  }

  const later = (): void => {
    if (timer !== 0) return;
    timer = window.setTimeout(async () => {
      timer = 0;
      await refresh();
    }, PAUSE);
  };
  void look();
  /** While a search goes on it is asked how far it is; otherwise now and then, for rounds of the settings. */
  let beat = 0;
  const pulse = window.setInterval(() => {
    beat += 1;
    const running = discovery.value !== null && (discovery.value.now !== null || discovery.value.waiting.length > 0);
    if (!document.hidden && (running || beat % 15 === 0)) void look();
  }, 2000);
  const stops = [onChanges((told) => told.some((one) => one.kind === "proposal") && later()), onResync(() => wanted !== null && void refresh())];
  onScopeDispose(() => {
    clearTimeout(timer);
    clearInterval(pulse);
    stops.forEach((stop) => stop());
  });
  return { rows, waiting, gone, counts, asOf, busy, loaded, problem, discovery, noDiscovery, load, refresh, look };
}
