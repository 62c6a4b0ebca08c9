/** Pure: the filters of the list of incidents in an address, and as the service is asked. */
import type { LocationQuery, LocationQueryRaw } from "vue-router";

export type Tab = "open" | "recovered" | "resolved";
export const TABS: readonly Tab[] = ["open", "recovered", "resolved"];
export const SINCE: Record<string, number> = { "1h": 3_600_000, "8h": 28_800_000, "24h": 86_400_000, "7d": 604_800_000 };
export type Kind = "offline" | "fault";

export interface Filters {
  tab: Tab;
  /** Only those that nobody has acknowledged. */
  unacked: boolean;
  kind: Kind | "";
  area: string;
  /** An id, or `mine`: the units that this login is of. */
  unit: string;
  q: string;
  /** A key of `SINCE`, or a moment; empty for any. */
  since: string;
  sort: "-since" | "since";
}

const first = (value: LocationQuery[string] | undefined): string => String((Array.isArray(value) ? value[0] : value) ?? "");

function moment(text: string): string {
  return text in SINCE || !Number.isNaN(Date.parse(text)) ? text : "";
}

export function parse(query: LocationQuery): Filters {
  const status = first(query["status"]) as Tab;
  const kind = first(query["kind"]);
  return {
    tab: TABS.includes(status) ? status : "open",
    unacked: first(query["ack"]) === "no",
    kind: kind === "offline" || kind === "fault" ? kind : "",
    area: first(query["area"]),
    unit: first(query["unit"]),
    q: first(query["q"]).slice(0, 200),
    since: moment(first(query["since"])),
    sort: first(query["sort"]) === "since" ? "since" : "-since",
  };
}

/** What is usual is left out of the address. */
export function write(filters: Filters, open = ""): LocationQueryRaw {
  return {
    status: filters.tab === "open" ? undefined : filters.tab,
    ack: filters.unacked ? "no" : undefined,
    kind: filters.kind || undefined,
    area: filters.area || undefined,
    unit: filters.unit || undefined,
    q: filters.q || undefined,
    since: filters.since || undefined,
    sort: filters.sort === "since" ? "since" : undefined,
    open: open || undefined,
  };
}

export interface Wanted {
  state: ("open" | "acknowledged" | "recovered" | "resolved")[];
  ack?: boolean;
  kind?: Kind;
  area?: string;
  unit?: string[];
  q?: string;
  since?: string;
  top?: boolean;
  sort?: "-since" | "since";
}

/**
 * As the service is asked. Parts of a bigger incident stay under it, unless the filters look for one place or word: it
 * might be in one of them. `own`: the units that `mine` means; none where the login's own scope says it already.
 */
export function asked(filters: Filters, own: readonly string[], now: number): Wanted {
  const wanted: Wanted = { state: filters.tab === "open" ? ["open", "acknowledged"] : [filters.tab], sort: filters.sort };
  const units = filters.unit === "mine" ? [...own] : filters.unit === "" ? [] : [filters.unit];
  const q = filters.q.trim();
  if (filters.unacked && filters.tab === "open") wanted.ack = false;
  if (filters.kind) wanted.kind = filters.kind;
  if (filters.area) wanted.area = filters.area;
  if (units.length > 0) wanted.unit = units;
  if (q) wanted.q = q;
  if (filters.since) {
    const span = SINCE[filters.since];
    wanted.since = span === undefined ? filters.since : new Date(Math.floor((now - span) / 60_000) * 60_000).toISOString();
  }
  if (!q && !filters.area && units.length === 0) wanted.top = true;
  return wanted;
}

/** What `mine` means: the units that this login's grants name; several, where it works for several. */
export function unitsOf(grants: readonly { unit_id?: string | null }[]): string[] {
  return [...new Set(grants.map((grant) => grant.unit_id ?? "").filter((id) => id !== ""))].sort();
}

/** Which filters narrow the list: keys of their names. */
export function narrowing(filters: Filters): ("unacked" | "kind" | "area" | "unit" | "q" | "since")[] {
  const on = { unacked: filters.unacked && filters.tab === "open", kind: filters.kind !== "", area: filters.area !== "", unit: filters.unit !== "" && filters.unit !== "mine", q: filters.q.trim() !== "", since: filters.since !== "" };
  return (Object.keys(on) as (keyof typeof on)[]).filter((key) => on[key]);
}
