/** How far the first run has come, read from what exists: a reload, or a second administrator, goes on where it stands. */
import { onBeforeUnmount, onMounted, ref } from "vue";
import { api, body, Problem, type Schemas } from "@/api/client";
import { asProblem } from "@/api/problem";

/** A search's progress is no change of the registry, so the page asks. */
const EVERY = 5_000;

async function found(): Promise<Schemas["DiscoveryOut"] | null> {
  try {
    return await body(api.GET("/api/v1/discovery"));
  } catch (error) {
    // Looking for devices belongs to whoever may adopt everywhere; others do not see that step's state.
    if (error instanceof Problem && (error.status === 403 || error.status === 404)) return null;
    throw error;
  }
}

export function useSetup() {
  const standing = ref<Schemas["SetupOut"] | null>(null);
  const discovery = ref<Schemas["DiscoveryOut"] | null>(null);
  const problem = ref<Problem | null>(null);
  const busy = ref(false);

  async function load(): Promise<void> {
    if (busy.value) return;
    busy.value = true;
    try {
      [standing.value, discovery.value] = await Promise.all([body(api.GET("/api/v1/setup")), found()]);
      problem.value = null;
    } catch (error) {
      problem.value = asProblem(error);
    } finally {
      busy.value = false;
    }
  }

  const beat = window.setInterval(() => document.hidden || void load(), EVERY);
  onMounted(() => void load());
  onBeforeUnmount(() => clearInterval(beat));
  return { standing, discovery, problem, busy, load };
}
