/** What the address of the list says, and back: filters, order, columns. Unknown values are left out. */
import { rollUp, type State } from "@/state/words";
import { COLUMNS, DEFAULT_COLUMNS, type Column } from "./columns";

export type Sort = "name" | "-name" | "since" | "-since" | "state" | "-state";
export const SORTS: readonly Sort[] = ["state", "-state", "name", "-name", "since", "-since"];
/** When it was last looked at: within one and a half planned intervals, not, or (part of these) never. */
export type Look = "in_time" | "late" | "never";
export const LOOKS: readonly Look[] = ["in_time", "late", "never"];
/** The worst first: what somebody opens the list for without a question. */
export const FIRST_SORT: Sort = "state";

/** As many marked cameras as one export may name. */
export const EXPORT_MOST = 500;

export interface Asked {
  q: string;
  states: State[];
  area: string;
  unit: string;
  device: string;
  looked: Look | "";
  sort: Sort;
  columns: Column[];
}

type Query = Record<string, unknown>;

/** An id of ours, or of a program's; anything else would be refused. */
const ID = /^[A-Za-z0-9._:-]{1,80}$/;

function text(query: Query, name: string): string {
  const given = query[name];
  const one: unknown = Array.isArray(given) ? given[0] : given;
  return typeof one === "string" ? one : "";
}

function id(query: Query, name: string): string {
  const given = text(query, name);
  return ID.test(given) ? given : "";
}

/** As many characters as the service takes, without those that nobody types. */
export function cleaned(words: string): string {
  return words.replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, "").slice(0, 200);
}

export function parse(query: Query): Asked {
  const states = text(query, "state").split(",");
  const sort = text(query, "sort") as Sort;
  const looked = text(query, "looked") as Look;
  const wanted = text(query, "cols").split(",");
  const columns = COLUMNS.filter((one) => wanted.includes(one));
  return {
    q: cleaned(text(query, "q")),
    states: rollUp.filter((one) => states.includes(one)),
    area: id(query, "area"),
    unit: id(query, "unit"),
    device: id(query, "device"),
    looked: LOOKS.includes(looked) ? looked : "",
    sort: SORTS.includes(sort) ? sort : FIRST_SORT,
    columns: columns.length > 0 ? columns : [...DEFAULT_COLUMNS],
  };
}

/** What is as always stands nowhere in the address. */
export function write(asked: Asked): Record<string, string> {
  const out: Record<string, string> = {};
  if (asked.q.trim() !== "") out["q"] = asked.q;
  if (asked.states.length > 0) out["state"] = asked.states.join(",");
  if (asked.area !== "") out["area"] = asked.area;
  if (asked.unit !== "") out["unit"] = asked.unit;
  if (asked.device !== "") out["device"] = asked.device;
  if (asked.looked !== "") out["looked"] = asked.looked;
  if (asked.sort !== FIRST_SORT) out["sort"] = asked.sort;
  if (asked.columns.join() !== DEFAULT_COLUMNS.join()) out["cols"] = asked.columns.join(",");
  return out;
}

export interface Wanted {
  q?: string;
  state?: State[];
  area?: string;
  unit?: string;
  device?: string;
  looked?: Look;
}

/** The filters as the service takes them. */
export function wanted(asked: Asked): Wanted {
  const out: Wanted = {};
  if (asked.q.trim() !== "") out.q = asked.q.trim();
  if (asked.states.length > 0) out.state = [...asked.states];
  if (asked.area !== "") out.area = asked.area;
  if (asked.unit !== "") out.unit = asked.unit;
  if (asked.device !== "") out.device = asked.device;
  if (asked.looked !== "") out.looked = asked.looked;
  return out;
}

export function filtered(asked: Asked): boolean {
  return Object.keys(wanted(asked)).length > 0;
}
