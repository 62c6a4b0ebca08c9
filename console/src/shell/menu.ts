/** What this login's menu holds, in its three groups. */
import { computed } from "vue";
import { allowed, routes } from "@/router";
import { session } from "@/state/session";

export interface Entry {
  path: string;
  name: string;
  title: string;
}

export const groups = computed(() => {
  void session.value;
  return (["watch", "assets", "manage"] as const)
    .map((group) => ({
      group,
      entries: routes
        .filter((route) => route.meta?.group === group && allowed(route.meta.needs))
        .map((route) => ({ path: route.path, name: String(route.name), title: `${route.meta?.title}.title` })),
    }))
    .filter((one) => one.entries.length > 0);
});
