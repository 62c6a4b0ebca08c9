/**
 * What is done to incidents: acknowledged, taken back, closed. One table for the row, the pane and the page, so that
 * they say the same. Never optimistic: what is shown changes when the answer comes.
 */
import { reactive, shallowRef } from "vue";
import { api, asProblem, type Problem, versioned } from "@/api/client";
import { ownProblem } from "@/api/problem";
import type { Incident, One } from "./lines";

export type Act = "acknowledge" | "withdraw" | "close";
export interface CloseBody {
  cause: NonNullable<Incident["closing"]>;
  text: string;
}
export interface Conflict {
  seen: Incident;
  now: One;
  act: Act;
  close?: CloseBody;
}
export interface Doing {
  busy: Act | "";
  problem: Problem | null;
  conflict: Conflict | null;
  /** Until when (this machine's clock) taking back is offered first. */
  undoUntil: number;
}

/** Taking an acknowledgement back is at hand for so long; later from the row. */
export const UNDO = 10_000;
const SLOW = 5_000;
const doings = reactive(new Map<string, Doing>());
const NOTHING: Doing = Object.freeze({ busy: "", problem: null, conflict: null, undoUntil: 0 });
/** What was not done last: whoever shows the list shows why. */
export const failed = shallowRef<{ id: string } | null>(null);
const listeners = new Set<(one: One) => void>();

export function doing(id: string): Doing {
  return doings.get(id) ?? NOTHING;
}

export function onActed(listener: (one: One) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function forget(id: string): void {
  const one = doings.get(id);
  if (one === undefined) return;
  one.problem = null;
  one.conflict = null;
}

function ask(incident: Incident, act: Act, close: CloseBody | undefined): Promise<{ data: One; etag: string }> {
  const params = { path: { incident_id: incident.id }, header: { "If-Match": `"v${incident.version}"` } };
  if (act === "close") return versioned(api.POST("/api/v1/incidents/{incident_id}/close", { params, body: close as CloseBody }));
  const path = act === "acknowledge" ? "/api/v1/incidents/{incident_id}/acknowledge" : "/api/v1/incidents/{incident_id}/withdraw";
  return versioned(api.POST(path, { params }));
}

/** True once the answer says that it is done. The version that was looked at is sent, so a repetition does nothing twice. */
export async function act(incident: Incident, what: Act, close?: CloseBody): Promise<boolean> {
  const before = doings.get(incident.id);
  if (before !== undefined && before.busy !== "") return false;
  doings.set(incident.id, { busy: what, problem: null, conflict: null, undoUntil: 0 });
  const mine = doings.get(incident.id) as Doing;
  const slow = window.setTimeout(() => {
    mine.busy = "";
    mine.problem = ownProblem("slow");
    failed.value = { id: incident.id };
  }, SLOW);
  try {
    const { data } = await ask(incident, what, close);
    mine.problem = null;
    mine.undoUntil = what === "acknowledge" ? Date.now() + UNDO : 0;
    for (const listener of listeners) listener(data);
    return true;
  } catch (error) {
    const met = asProblem(error);
    const now = met.status === 412 ? met.fact<One>("current") : undefined;
    if (now === undefined) mine.problem = met;
    else if (done(now, what) && now.version === incident.version + 1 && mine.problem?.code === "slow") {
      mine.problem = null; // the first press had come through after all
      for (const listener of listeners) listener(now);
    } else mine.conflict = { seen: incident, now, act: what, ...(close === undefined ? {} : { close }) };
    failed.value = { id: incident.id };
    return false;
  } finally {
    clearTimeout(slow);
    mine.busy = "";
  }
}

function done(now: One, what: Act): boolean {
  return what === "acknowledge" ? now.acknowledged_at !== null : what === "withdraw" ? now.acknowledged_at === null : now.state === "resolved";
}

/** Both versions were looked at: what stands now is taken. */
export function take(conflict: Conflict): void {
  forget(conflict.now.id);
  for (const listener of listeners) listener(conflict.now);
}

export function canAcknowledge(one: Incident): boolean {
  return one.state === "open" || one.state === "recovered";
}

export function canWithdraw(one: Incident): boolean {
  return one.acknowledged_at !== null && (one.state === "acknowledged" || (one.state === "resolved" && one.closing === null));
}

export function canClose(one: Incident): boolean {
  return one.state !== "resolved" || one.closing === null;
}
