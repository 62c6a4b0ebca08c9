/** How everything stands, of one moment; asked for anew when something changed, and for its ages every so often. */
import { onScopeDispose, ref, shallowRef } from "vue";
import { api, asProblem, body, type Problem, type Schemas } from "@/api/client";
import { onChanges, onResync, paintTurn, veiled } from "@/state/feed";

/** Between two questions at least, and without a change at most (milliseconds). */
const PAUSE = 1000;
const OFTEN = 15_000;
export const INCIDENTS = 12;
export const TURNS = 14;

export function useNow(area: () => string) {
  const overview = shallowRef<Schemas["OverviewOut"] | null>(null);
  const incidents = shallowRef<Schemas["IncidentPage"] | null>(null);
  const turns = shallowRef<Schemas["TurnPage"] | null>(null);
  const busy = ref(false);
  const problem = ref<Problem | null>(null);
  let last = 0;
  let timer = 0;
  let again = false;

  async function load(quiet = false): Promise<void> {
    if (busy.value) {
      again = true;
      return;
    }
    busy.value = true;
    last = Date.now();
    const within = area() === "" ? {} : { area: area() };
    try {
      const [whole, standing, lately] = await Promise.all([
        body(api.GET("/api/v1/overview")),
        body(api.GET("/api/v1/incidents", { params: { query: { state: ["open", "acknowledged"], top: true, limit: INCIDENTS, ...within } } })),
        body(api.GET("/api/v1/turns", { params: { query: { limit: TURNS, ...within } } })),
      ]);
      if (quiet) await paintTurn();
      overview.value = whole;
      incidents.value = standing;
      turns.value = lately;
      problem.value = null;
    } catch (error) {
      problem.value = asProblem(error);
    } finally {
      busy.value = false;
    }
    if (again) {
      again = false;
      later();
    }
  }

  function later(): void {
    if (timer !== 0) return;
    timer = window.setTimeout(() => {
      timer = 0;
      void load(true);
    }, Math.max(0, last + PAUSE - Date.now()));
  }

  const ages = window.setInterval(() => !document.hidden && !veiled.value && Date.now() - last >= OFTEN && later(), 1000);
  const stops = [
    onChanges((told) => told.some((one) => ["state", "incident", "camera", "area"].includes(one.kind)) && later()),
    onResync(() => void load()),
  ];
  onScopeDispose(() => {
    clearInterval(ages);
    clearTimeout(timer);
    stops.forEach((stop) => stop());
  });
  void load();
  return { overview, incidents, turns, busy, problem, load, later };
}
