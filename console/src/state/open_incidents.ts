/** How many incidents stand open and nobody has acknowledged: for the header and the phone's bar. */
import { ref, watch } from "vue";
import { api, body } from "@/api/client";
import { onChanges, onResync, paintTurn } from "./feed";
import { may, session } from "./session";

export const unacknowledged = ref<number | null>(null);
let asking = false;
let again = false;

async function count(): Promise<void> {
  if (session.value === null || !may("read")) return;
  if (asking) {
    again = true;
    return;
  }
  asking = true;
  try {
    const page = await body(api.GET("/api/v1/incidents", { params: { query: { state: ["open"], ack: false, top: true, limit: 1 } } }));
    await paintTurn();
    unacknowledged.value = page.total;
  } catch {
    unacknowledged.value = null; // unknown is shown as unknown
  } finally {
    asking = false;
    if (again) {
      again = false;
      void count();
    }
  }
}

onChanges((changes) => changes.some((one) => one.kind === "incident") && void count());
onResync(() => void count());
watch(session, () => void count(), { immediate: true });
