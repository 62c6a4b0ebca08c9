/** Checking now what an incident is about: its camera, or all cameras of its group. */
import { ref } from "vue";
import { api, asProblem, body, type Problem, type Schemas } from "@/api/client";
import { i18n } from "@/i18n";
import { clock } from "@/format/time";
import { checkMany } from "@/pages/cameras/check_many";
import { word } from "@/state/words";
import type { Incident } from "./lines";

/** Over so many cameras it is asked first. */
export const ASK_OVER = 20;
const t = (key: string, named: Record<string, unknown> = {}): string => i18n.global.t(key, named);

export function useCheck() {
  const busy = ref(false);
  const said = ref("");
  const problem = ref<Problem | null>(null);
  /** Cameras of a group, to be checked once a person said so. */
  const toAsk = ref<string[]>([]);
  let of = "";

  async function one(camera_id: string): Promise<void> {
    const got: Schemas["CheckedOut"] = await body(api.POST("/api/v1/cameras/{camera_id}/check", { params: { path: { camera_id } } }));
    if (!got.done || got.check === null) {
      said.value = t("incidents.check.asked");
      return;
    }
    const { link, picture, cause, at } = got.check;
    const result = [word("links", link), word("pictures", picture), cause && cause !== "ok" ? word("causes", cause) : ""].filter(Boolean).join(" · ");
    said.value = t("incidents.check.one", { time: clock(at), result });
  }

  async function many(ids: string[]): Promise<void> {
    const got = await checkMany(ids);
    const why = got.refused[0]?.problem.document.what ?? "";
    said.value = [t("incidents.check.many", { n: got.asked }), got.refused.length > 0 ? t("incidents.check.refused", { n: got.refused.length, why }) : ""].filter(Boolean).join(" ");
  }

  async function run(work: () => Promise<void>): Promise<void> {
    if (busy.value) return;
    busy.value = true;
    said.value = "";
    problem.value = null;
    try {
      await work();
    } catch (error) {
      problem.value = asProblem(error);
    } finally {
      busy.value = false;
    }
  }

  async function check(incident: Incident): Promise<void> {
    of = incident.id;
    await run(async () => {
      if (incident.camera_id !== null) return one(incident.camera_id);
      const parts = await body(api.GET("/api/v1/incidents", { params: { query: { parent: incident.id, limit: 500 } } }));
      const ids = [...new Set(parts.items.map((part) => part.camera_id).filter((id) => id !== null))];
      if (ids.length > ASK_OVER) toAsk.value = ids;
      else if (ids.length > 0) await many(ids);
    });
  }

  async function sure(): Promise<void> {
    const ids = toAsk.value;
    toAsk.value = [];
    await run(() => many(ids));
  }

  return { busy, said, problem, toAsk, check, sure, of: () => of, clear: () => ((said.value = ""), (problem.value = null)) };
}
