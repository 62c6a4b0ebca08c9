/** Areas and units with their names, and how many cameras are how in each; counts follow the feed. */
import { computed, onScopeDispose, ref, shallowRef, watch, type Ref } from "vue";
import { api, asProblem, body, type Problem, type Schemas } from "@/api/client";
import { onChanges, onResync, paintTurn } from "@/state/feed";

/** Counts of a whole district are reckoned anew at most so often (milliseconds). */
const PAUSE = 2000;

export function useAreas(shown: Readonly<Ref<boolean>>) {
  const areas = shallowRef<Schemas["AreaOut"][]>([]);
  const units = shallowRef<Schemas["UnitOut"][]>([]);
  const total = ref<number | null>(null);
  const counts = ref<Record<string, number>>({});
  const asOf = ref("");
  const problem = ref<Problem | null>(null);
  const names = computed(() => new Map(areas.value.map((one) => [one.id, one.name])));
  const unitNames = computed(() => new Map(units.value.map((one) => [one.id, one.name])));
  let last = 0;
  let timer = 0;

  async function load(): Promise<void> {
    last = Date.now();
    try {
      const got = await body(api.GET("/api/v1/areas"));
      if (asOf.value !== "") await paintTurn();
      areas.value = got.items;
      total.value = got.total;
      counts.value = got.counts;
      asOf.value = got.as_of;
      problem.value = null;
    } catch (error) {
      problem.value = asProblem(error);
    }
  }

  async function loadUnits(): Promise<void> {
    try {
      units.value = (await body(api.GET("/api/v1/units"))).items;
    } catch (error) {
      problem.value = asProblem(error);
    }
  }

  function later(): void {
    if (timer !== 0 || !shown.value) return;
    timer = window.setTimeout(() => {
      timer = 0;
      void load();
    }, Math.max(250, last + PAUSE - Date.now()));
  }

  const stops = [
    onChanges((told) => told.some((one) => ["state", "camera", "area"].includes(one.kind)) && later()),
    onResync(() => void load()),
  ];
  onScopeDispose(() => {
    clearTimeout(timer);
    stops.forEach((stop) => stop());
  });
  watch(shown, (is) => is && last > 0 && later());
  void load();
  void loadUnits();
  return { areas, units, total, counts, asOf, problem, names, unitNames, load };
}
