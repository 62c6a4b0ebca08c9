/** What is known of one camera, kept up with the feed; asked for anew when its next check should have been. */
import { onScopeDispose, ref, shallowRef, watch } from "vue";
import { api, asProblem, body, versioned, type Problem, type Schemas } from "@/api/client";
import type { Interval } from "@/format/bar";
import { onChanges, onResync, veiled } from "@/state/feed";

export type ReachStep = Schemas["ReachOut"]["steps"][number];

/** Checks do not enter the feed, only what they changed (milliseconds). */
const OFTEN = 10_000;

export function useCamera(id: () => string) {
  const record = shallowRef<Schemas["CameraOut"] | null>(null);
  const etag = ref("");
  const status = shallowRef<Schemas["StatusOut"] | null>(null);
  const day = shallowRef<readonly Interval[]>([]);
  const reach = shallowRef<ReachStep[]>([]);
  const busy = ref(false);
  /** Nothing can be shown. */
  const problem = ref<Problem | null>(null);
  /** What is shown could not be asked for anew. */
  const stale = ref<Problem | null>(null);
  let run = 0;
  let asking = false;

  async function load(): Promise<void> {
    const mine = ++run;
    const path = { camera_id: id() };
    busy.value = true;
    try {
      const [one, now] = await Promise.all([
        versioned(api.GET("/api/v1/cameras/{camera_id}", { params: { path } })),
        body(api.GET("/api/v1/cameras/{camera_id}/status", { params: { path } })),
      ]);
      if (mine !== run) return;
      record.value = one.data as Schemas["CameraOut"];
      etag.value = one.etag;
      status.value = now;
      problem.value = null;
      stale.value = null;
      void around(mine);
    } catch (error) {
      if (mine !== run) return;
      if (record.value?.id === id()) stale.value = asProblem(error);
      else problem.value = asProblem(error);
    } finally {
      if (mine === run) busy.value = false;
    }
  }

  /** What stands beside it: the page does not wait for these. */
  async function around(mine = run): Promise<void> {
    const path = { camera_id: id() };
    const [bar, way] = await Promise.allSettled([
      body(api.GET("/api/v1/cameras/{camera_id}/timeline", { params: { path } })),
      body(api.GET("/api/v1/cameras/{camera_id}/reach", { params: { path } })),
    ]);
    if (mine !== run) return;
    if (bar.status === "fulfilled") day.value = bar.value.items;
    if (way.status === "fulfilled") reach.value = way.value.steps;
  }

  async function refresh(): Promise<void> {
    if (asking || record.value === null) return;
    asking = true;
    const mine = run;
    try {
      const now = await body(api.GET("/api/v1/cameras/{camera_id}/status", { params: { path: { camera_id: id() } } }));
      if (mine !== run) return;
      const turned = now.state !== status.value?.state || now.cause !== status.value.cause;
      status.value = now;
      stale.value = null;
      if (turned) void around();
    } catch (error) {
      if (mine === run) stale.value = asProblem(error);
    } finally {
      asking = false;
    }
  }

  const timer = window.setInterval(() => !document.hidden && !veiled.value && void refresh(), OFTEN);
  const stops = [
    onChanges((told) => {
      const ours = told.filter((one) => one.object_id === id() || one.object_id === record.value?.device_id);
      if (ours.some((one) => one.kind === "camera" || one.kind === "device")) void load();
      else if (ours.length > 0) void refresh();
    }),
    onResync(() => void load()),
  ];
  onScopeDispose(() => {
    clearInterval(timer);
    stops.forEach((stop) => stop());
  });
  watch(
    id,
    () => {
      record.value = status.value = problem.value = stale.value = null;
      day.value = [];
      reach.value = [];
      void load();
    },
    { immediate: true },
  );
  return { record, etag, status, day, reach, busy, problem, stale, load, refresh };
}
