/** Edge: what one's own views are for the service: one question for all tiles of the window. */
import { api, body, type Schemas } from "@/api/client";
import { moment } from "./pulse";

export type OwnView = Schemas["LiveOut"];
export interface Answered {
  /** When it was asked: a view that was opened later is not in it. */
  asked: number;
  /** null when the service did not answer. */
  views: Map<string, OwnView> | null;
}

let under: Promise<Answered> | null = null;

/** Shared by whoever asks while it is under way. Never rejects. */
export function ownViews(): Promise<Answered> {
  under ??= ask().finally(() => (under = null));
  return under;
}

async function ask(): Promise<Answered> {
  const asked = moment();
  try {
    const got = await body(api.GET("/api/v1/views/live", { signal: AbortSignal.timeout(5_000) }));
    return { asked, views: new Map(got.items.map((one) => [one.view_id, one])) };
  } catch {
    return { asked, views: null };
  }
}
