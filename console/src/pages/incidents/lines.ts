/** Pure: the lines of the list of incidents: one each, parts under their parent, in a flood grouped by area. */
import type { Schemas } from "@/api/client";

export type Incident = Schemas["IncidentOut"];
export type One = Schemas["OneIncident"];

export type Line =
  | { of: "incident"; key: string; incident: Incident; part: boolean }
  | { of: "children"; key: string; parent: Incident; open: boolean }
  | { of: "fewer"; key: string; n: number }
  | { of: "group"; key: string; area: string; incidents: Incident[]; unacked: number; open: boolean };

/** More than so many new ones within `WINDOW` are a flood (ISA-18.2). */
export const WINDOW = 600_000;
/** A group of so few is open from the start. */
const FEW = 8;

export interface Look {
  /** Keys of lines that a person opened, or shut. */
  turned: ReadonlyMap<string, boolean>;
  /** Parts of a parent, once asked for. */
  children: ReadonlyMap<string, readonly Incident[]>;
  /** In a flood: until when it reaches back (milliseconds); nothing is grouped without. */
  floodFrom: number | null;
}

export function isOpen(look: Look, key: string, usual: boolean): boolean {
  return look.turned.get(key) ?? usual;
}

function withParts(incident: Incident, look: Look): Line[] {
  const out: Line[] = [{ of: "incident", key: incident.id, incident, part: false }];
  if (incident.children === 0) return out;
  const key = `children:${incident.id}`;
  const open = isOpen(look, key, false);
  out.push({ of: "children", key, parent: incident, open });
  if (!open) return out;
  const parts = look.children.get(incident.id) ?? [];
  for (const part of parts) out.push({ of: "incident", key: part.id, incident: part, part: true });
  if (parts.length > 0 && parts.length < incident.children) out.push({ of: "fewer", key: `fewer:${incident.id}`, n: incident.children - parts.length });
  return out;
}

/** New ones of one area go under one line; those with parts of their own are groups already. */
export function lines(incidents: readonly Incident[], look: Look): Line[] {
  const shown = new Set(incidents.map((one) => one.id));
  const under = incidents.filter((one) => one.parent_id === null || !shown.has(one.parent_id) || !isOpen(look, `children:${one.parent_id}`, false));
  if (look.floodFrom === null) return under.flatMap((one) => withParts(one, look));
  const from = look.floodFrom;
  const groups = new Map<string, Incident[]>();
  for (const one of under) {
    if (one.children > 0 || Date.parse(one.opened_at) < from) continue;
    groups.set(one.area_id ?? "", [...(groups.get(one.area_id ?? "") ?? []), one]);
  }
  const out: Line[] = [];
  const done = new Set<string>();
  for (const one of under) {
    const area = one.area_id ?? "";
    const group = one.children > 0 || Date.parse(one.opened_at) < from ? undefined : groups.get(area);
    if (group === undefined || group.length < 2) {
      out.push(...withParts(one, look));
      continue;
    }
    if (done.has(area)) continue;
    done.add(area);
    const key = `group:${area}`;
    const open = isOpen(look, key, group.length <= FEW);
    out.push({ of: "group", key, area, incidents: group, unacked: group.filter(unacknowledged).length, open });
    if (open) out.push(...group.flatMap((each) => withParts(each, look)));
  }
  return out;
}

export function unacknowledged(incident: Incident): boolean {
  return incident.acknowledged_at === null && incident.state !== "resolved";
}

export function standing(incident: Incident): boolean {
  return incident.state === "open" || incident.state === "acknowledged";
}

/** Whether an incident in this state belongs on the tab. */
export function belongs(state: string, tab: string, unackedOnly: boolean): boolean {
  if (tab === "open") return state === "open" || (state === "acknowledged" && !unackedOnly);
  return state === tab;
}

/**
 * What a fresh answer means for the list that is shown: rows that stay (in their present order), with their new facts;
 * those that are new and wait; those that no longer belong.
 */
export function settle(shown: readonly string[], answer: readonly Incident[], whole: boolean): { waiting: Incident[]; left: string[] } {
  const known = new Set(shown);
  const got = new Set(answer.map((one) => one.id));
  return { waiting: answer.filter((one) => !known.has(one.id)), left: whole ? shown.filter((id) => !got.has(id)) : [] };
}

/** How long it lasts, or lasted, in seconds. */
export function lasts(incident: Incident, now: number): number {
  const end = incident.recovered_at ?? incident.resolved_at;
  return ((end === null ? now : Date.parse(end)) - Date.parse(incident.since)) / 1000;
}

export function placeName(incident: Incident): string {
  return incident.camera_name ?? incident.group_name ?? incident.point_name ?? "—";
}
