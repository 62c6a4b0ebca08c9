/** The list outlives its page: whoever looks at one camera and comes back finds rows, place and marks as they were. */
import { effectScope, ref } from "vue";
import { useAreas } from "./use_areas";
import { useBars } from "./use_bars";
import { useList } from "./use_list";

function make() {
  /** Whether the list's page is open: rows follow the feed always, counts are asked for only while somebody sees them. */
  const shown = ref(false);
  return {
    shown,
    list: useList(shown),
    bars: useBars(),
    areas: useAreas(shown),
    marked: ref(new Set<string>()),
    /** The query that the rows are of, and how far it was scrolled. */
    of: "",
    top: 0,
  };
}

let held: ReturnType<typeof make> | undefined;

export function kept(): ReturnType<typeof make> {
  held ??= effectScope(true).run(make);
  return held as ReturnType<typeof make>;
}
