/** A list that comes page by page: the first one anew whenever `of` changes, the next ones when somebody asks. */
import { ref, shallowRef, watch, type Ref, type ShallowRef } from "vue";
import { asProblem, type Problem } from "@/api/client";

interface Page {
  items: readonly unknown[];
  next_cursor?: string | null;
}

interface Pages<P extends Page> {
  items: ShallowRef<readonly P["items"][number][]>;
  /** The page that came last; `null` until one has. */
  last: ShallowRef<P | null>;
  busy: Ref<boolean>;
  problem: Ref<Problem | null>;
  load: () => Promise<void>;
  more: () => Promise<void>;
}

export function usePages<P extends Page>(ask: (from: { cursor?: string }) => Promise<P>, of: () => unknown): Pages<P> {
  const items = shallowRef<readonly P["items"][number][]>([]);
  const last: ShallowRef<P | null> = shallowRef(null);
  const busy = ref(false);
  const problem = ref<Problem | null>(null);
  let run = 0;

  async function get(before: readonly P["items"][number][], from: { cursor?: string }): Promise<void> {
    const mine = ++run;
    busy.value = true;
    try {
      const got = await ask(from);
      if (mine !== run) return; // of another camera, or of a moment before
      items.value = [...before, ...got.items];
      last.value = got;
      problem.value = null;
    } catch (error) {
      if (mine === run) problem.value = asProblem(error);
    } finally {
      if (mine === run) busy.value = false;
    }
  }

  const load = (): Promise<void> => get([], {});
  async function more(): Promise<void> {
    const cursor = last.value?.next_cursor;
    if (cursor) await get(items.value, { cursor });
  }
  watch(of, load, { immediate: true });
  return { items, last, busy, problem, load, more };
}
