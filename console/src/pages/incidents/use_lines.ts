/** The lines that are shown: which are unfolded, the parts of a parent, and whether a flood is grouped. */
import { computed, onScopeDispose, ref, shallowRef, type Ref } from "vue";
import { api, asProblem, body, type Problem } from "@/api/client";
import { onChanges } from "@/state/feed";
import { serviceNow } from "@/state/clock";
import { lines, WINDOW, type Incident, type Line } from "./lines";

const PARTS = 500;

export function useLines(items: Ref<Incident[]>) {
  const turned = shallowRef(new Map<string, boolean>());
  const children = shallowRef(new Map<string, Incident[]>());
  const grouped = ref(true);
  const problem = ref<Problem | null>(null);
  /** Since when a flood is grouped. Set only when the list is laid anew, so that no line goes away under a hand. */
  const from = ref<number | null>(null);
  const floodFrom = computed(() => (grouped.value ? from.value : null));
  const shown = computed<Line[]>(() => lines(items.value, { turned: turned.value, children: children.value, floodFrom: floodFrom.value }));

  function mark(flooded: boolean): void {
    from.value = flooded ? serviceNow() - WINDOW : null;
  }

  async function load(parent: string): Promise<void> {
    try {
      const got = await body(api.GET("/api/v1/incidents", { params: { query: { parent, limit: PARTS } } }));
      children.value = new Map(children.value).set(parent, got.items);
      problem.value = null;
    } catch (error) {
      problem.value = asProblem(error);
    }
  }

  function turn(line: Line): void {
    if (line.of !== "children" && line.of !== "group") return;
    turned.value = new Map(turned.value).set(line.key, !line.open);
    if (line.of === "children" && !line.open) void load(line.parent.id);
  }

  /** An answer to an act on a part. */
  function take(one: Incident): void {
    const parts = one.parent_id === null ? undefined : children.value.get(one.parent_id);
    if (parts === undefined) return;
    children.value = new Map(children.value).set(one.parent_id as string, parts.map((part) => (part.id === one.id ? one : part)));
  }

  let timer = 0;
  const stop = onChanges((told) => {
    const open = [...children.value].filter(([parent, parts]) => turned.value.get(`children:${parent}`) === true && told.some((change) => change.kind === "incident" && parts.some((part) => part.id === change.object_id)));
    if (open.length === 0 || timer !== 0) return;
    timer = window.setTimeout(() => {
      timer = 0;
      for (const [parent] of open) void load(parent);
    }, 1000);
  });
  onScopeDispose(() => {
    stop();
    clearTimeout(timer);
  });
  return { shown, turn, take, grouped, mark, problem };
}
