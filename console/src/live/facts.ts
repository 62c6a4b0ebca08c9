/** Edge: what the cameras of the tiles are by the service's word: one question for all, again every 5 s and on changes. */
import { computed, ref, shallowRef, triggerRef, type ComputedRef } from "vue";
import { api, body, type Schemas } from "@/api/client";
import { setTime } from "@/state/clock";
import { onChanges, onResync } from "@/state/feed";
import { may } from "@/state/session";
import { beat } from "./pulse";

export type Facts = Schemas["TileCamera"];
const EVERY = 5_000;
const SOON = 10;

/** How many tiles want to know of a camera. */
const wanted = new Map<string, number>();
const known = shallowRef(new Map<string, Facts | null>());
/** Whether the service answered when it was last asked. */
export const answers = ref(true);
const returned = new Set<() => void>();
let last = 0;
let soon = 0;
let asking = false;
let stop: (() => void)[] = [];

/** `undefined` until it is known, `null` for a camera that is not there for this login. */
export function factsOf(camera: () => string): ComputedRef<Facts | null | undefined> {
  return computed(() => known.value.get(camera()));
}

/** Asked for as long as somebody wants it. */
export function want(camera: string): () => void {
  wanted.set(camera, (wanted.get(camera) ?? 0) + 1);
  begin();
  if (!known.value.has(camera) && soon === 0) {
    soon = window.setTimeout(() => {
      soon = 0;
      void ask();
    }, SOON);
  }
  return () => {
    const left = (wanted.get(camera) ?? 1) - 1;
    if (left > 0) wanted.set(camera, left);
    else {
      wanted.delete(camera);
      known.value.delete(camera);
    }
    if (wanted.size === 0) end();
  };
}

/** `call` when the service answers again after it did not. */
export function onReturn(call: () => void): () => void {
  returned.add(call);
  return () => returned.delete(call);
}

async function ask(): Promise<void> {
  if (asking || wanted.size === 0 || !may("live")) return;
  asking = true;
  last = Date.now();
  const camera = [...wanted.keys()].slice(0, 36);
  try {
    const got = await body(api.GET("/api/v1/wall", { params: { query: { camera } }, signal: AbortSignal.timeout(EVERY) }));
    setTime(got.as_of);
    const found = new Map(got.items.map((one) => [one.camera_id, one]));
    for (const id of camera) if (wanted.has(id)) known.value.set(id, found.get(id) ?? null);
    triggerRef(known);
    if (!answers.value) {
      answers.value = true;
      for (const call of returned) call();
    }
  } catch {
    answers.value = false;
  } finally {
    asking = false;
  }
}

function begin(): void {
  if (stop.length > 0) return;
  const nothing = (): void => undefined;
  const tick = (now: number): void => void (now - last >= (answers.value ? EVERY : 2_000) && ask());
  stop = [
    beat({ tick, slept: () => void ask(), park: nothing, wake: () => void ask(), leave: nothing }),
    onResync(() => void ask()),
    onChanges((changes) => {
      const mine = changes.filter((one) => one.kind === "state" && known.value.get(one.object_id));
      for (const one of mine) {
        const before = known.value.get(one.object_id) as Facts;
        const { state, cause, since } = one.change as { state: Facts["state"]; cause: string; since: string };
        known.value.set(one.object_id, { ...before, state, cause, since });
      }
      if (mine.length > 0) triggerRef(known);
    }),
  ];
}

function end(): void {
  for (const one of stop) one();
  stop = [];
}
