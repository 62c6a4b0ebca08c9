/** How far the first run has come, read from what exists: a reload, or a second administrator, goes on where it stands. */
import { onBeforeUnmount, onMounted, ref } from "vue";
import { api, body, Problem, type Schemas } from "@/api/client";
import { asProblem } from "@/api/problem";
import { onChanges, onResync } from "@/state/feed";
import { may } from "@/state/session";

export interface Standing {
  areas: Schemas["AreaOut"][];
  units: Schemas["UnitOut"][];
  discovery: Schemas["DiscoveryOut"] | null;
  waiting: number;
  adopted: number;
  cameras: number;
  judged: number;
  ok: number;
  viewers: number;
}

const every = 500;

/** How many a list holds: counted up to its first page, which is more than a first run has. */
async function counted(asked: Promise<{ items: unknown[] }>): Promise<number> {
  return (await asked).items.length;
}

async function gather(): Promise<Standing> {
  const [tree, units, overview, users] = await Promise.all([
    body(api.GET("/api/v1/areas")),
    body(api.GET("/api/v1/units")),
    body(api.GET("/api/v1/overview")),
    body(api.GET("/api/v1/users", { params: { query: { limit: every } } })),
  ]);
  const list = (status: Schemas["ProposalStatus"]): Promise<number> =>
    counted(body(api.GET("/api/v1/proposals", { params: { query: { status: [status] as never, limit: every } } })));
  const [fresh, conflicts, devices] = may("adopt")
    ? await Promise.all([list("new"), list("conflict"), counted(body(api.GET("/api/v1/devices", { params: { query: { limit: every } } })))])
    : [0, 0, 0];
  return {
    areas: tree.items,
    units: units.items,
    discovery: await found(),
    waiting: fresh + conflicts,
    adopted: devices,
    cameras: overview.total,
    judged: overview.total - (overview.counts["unknown"] ?? 0),
    ok: overview.counts["ok"] ?? 0,
    viewers: users.items.filter((one) => !one.disabled && one.grants.some((grant) => grant.permissions.includes("live"))).length,
  };
}

/** Looking for devices belongs to whoever may adopt everywhere; others do not see that step's state. */
async function found(): Promise<Schemas["DiscoveryOut"] | null> {
  try {
    return await body(api.GET("/api/v1/discovery"));
  } catch (error) {
    if (error instanceof Problem && (error.status === 403 || error.status === 404)) return null;
    throw error;
  }
}

export function useSetup() {
  const standing = ref<Standing | null>(null);
  const problem = ref<Problem | null>(null);
  const busy = ref(false);
  let again = false;
  let timer = 0;

  async function load(): Promise<void> {
    if (busy.value) {
      again = true;
      return;
    }
    busy.value = true;
    try {
      standing.value = await gather();
      problem.value = null;
    } catch (error) {
      problem.value = asProblem(error);
    } finally {
      busy.value = false;
      if (again) {
        again = false;
        timer = window.setTimeout(() => void load(), 2000); // a search brings changes by the dozen
      }
    }
  }

  const stops = [onChanges(() => void load()), onResync(() => void load())];
  // A search's progress is no change of the registry: it is asked for while one runs.
  const beat = window.setInterval(() => standing.value?.discovery?.now && void load(), 3000);
  onMounted(() => void load());
  onBeforeUnmount(() => {
    stops.forEach((stop) => stop());
    clearInterval(beat);
    clearTimeout(timer);
  });
  return { standing, problem, busy, load };
}
