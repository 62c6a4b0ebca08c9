/** One incident with its story, its proof and its way; followed while it is looked at. */
import { onScopeDispose, ref, shallowRef, watch } from "vue";
import { api, asProblem, body, type Problem, type Schemas, versioned } from "@/api/client";
import { onChanges, onResync } from "@/state/feed";
import { onActed } from "./acts";
import type { One } from "./lines";

export function useOne(id: () => string) {
  const one = shallowRef<One | null>(null);
  const reach = shallowRef<Schemas["ReachOut"]["steps"] | null>(null);
  const problem = ref<Problem | null>(null);
  const busy = ref(false);
  const asOf = ref("");
  let run = 0;
  let again = 0;
  let proofTries = 0;

  async function load(): Promise<void> {
    const asked = id();
    if (asked === "") return;
    const mine = ++run;
    busy.value = true;
    const params = { path: { incident_id: asked } };
    try {
      const { data } = await versioned(api.GET("/api/v1/incidents/{incident_id}", { params }));
      if (mine !== run) return;
      take(data);
      problem.value = null;
      awaitProof(data);
    } catch (error) {
      if (mine === run) problem.value = asProblem(error);
    } finally {
      if (mine === run) busy.value = false;
    }
    try {
      const got = await body(api.GET("/api/v1/incidents/{incident_id}/reach", { params }));
      if (mine !== run) return;
      reach.value = got.steps;
      asOf.value = got.as_of;
    } catch {
      if (mine === run) reach.value = null; // unknown is shown as unknown
    }
  }

  function take(given: One): void {
    if (given.id !== id()) return;
    if (one.value === null || given.id !== one.value.id || given.version >= one.value.version) one.value = given;
  }

  /** The proof is filed a moment after the incident is told, and filing is no change of the incident. */
  function awaitProof(given: One): void {
    if (given.kind !== "fault" || given.camera_id === null || given.first_bad !== null || proofTries >= 5) return;
    proofTries += 1;
    clearTimeout(again);
    again = window.setTimeout(() => void load(), 2_000);
  }

  function later(): void {
    clearTimeout(again);
    again = window.setTimeout(() => void load(), 400);
  }

  watch(
    id,
    () => {
      proofTries = 0;
      one.value = null;
      reach.value = null;
      problem.value = null;
      void load();
    },
    { immediate: true },
  );
  const stops = [
    onChanges((told) => told.some((one) => one.kind === "incident" && one.object_id === id()) && later()),
    onResync(() => void load()),
    onActed(take),
  ];
  onScopeDispose(() => {
    clearTimeout(again);
    stops.forEach((stop) => stop());
  });
  return { one, reach, problem, busy, asOf, load };
}
