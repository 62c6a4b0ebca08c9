/** Checking cameras now, one or many; a row says so until its outcome comes. Shared by the list and the camera's page. */
import { shallowReactive } from "vue";
import { api, body, Problem, type Schemas } from "@/api/client";
import type { ProblemDocument } from "@/api/problem";
import { now } from "@/state/clock";
import { onChanges } from "@/state/feed";

/** As many as one request may name. */
const TOGETHER = 100;
/** A check that nobody hears of again: after this long its row stops saying that it is under way. */
const LONGEST = 60_000;

/** Since when (the service's time, milliseconds) a check of it was asked for and has not ended. */
export const checking = shallowReactive(new Map<string, number>());

export interface CheckAsked {
  asked: number;
  refused: { id: string; problem: Problem }[];
}

/** Throws `Problem` where none could be asked for. */
export async function checkMany(ids: readonly string[]): Promise<CheckAsked> {
  const out: CheckAsked = { asked: 0, refused: [] };
  for (let at = 0; at < ids.length; at += TOGETHER) {
    const camera_ids = ids.slice(at, at + TOGETHER);
    const got: Schemas["ChecksOut"] = await body(api.POST("/api/v1/checks", { body: { camera_ids } }));
    out.asked += got.asked.length;
    for (const id of got.asked) begin(id);
    for (const one of got.refused) out.refused.push({ id: one.camera_id, problem: new Problem(one.problem as unknown as ProblemDocument) });
  }
  return out;
}

function begin(id: string): void {
  const since = now.value;
  checking.set(id, since);
  window.setTimeout(() => checking.get(id) === since && checking.delete(id), LONGEST);
}

/** Tells when a camera was last looked at: a check asked for before then is over. */
export function lookedAt(id: string, at: string | null): void {
  const since = checking.get(id);
  if (since !== undefined && at !== null && Date.parse(at) >= since) checking.delete(id);
}

onChanges((told) => told.forEach((one) => one.kind === "state" && checking.delete(one.object_id)));
