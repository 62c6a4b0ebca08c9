/** Addresses of pages, and who may open them. What a login may not open is not in its menu; typed, it says why. */
import { createRouter, createWebHistory, type RouteRecordRaw } from "vue-router";
import { asProblem } from "@/api/problem";
import { complain } from "@/state/notices";
import { home, isScreen, load, may, session, type Permission } from "@/state/session";

declare module "vue-router" {
  interface RouteMeta {
    /** Key of the page's name. */
    title: string;
    /** Any of these opens it; nothing: every login. */
    needs?: Permission[];
    group?: "watch" | "assets" | "manage";
    /** The letter after `G`. */
    key?: string;
    /** Parameters of the address the page knows; others are dropped with a notice. */
    query?: string[];
    /** Open without a login. */
    open?: boolean;
    /** The page a detail belongs to, for the menu. */
    under?: string;
  }
}

export const routes: RouteRecordRaw[] = [
  { path: "/", name: "home", component: { render: () => null }, meta: { title: "now" } },
  { path: "/now", name: "now", component: () => import("@/pages/now/NowPage.vue"), meta: { title: "now", needs: ["read"], group: "watch", key: "KeyN", query: ["area"] } },
  { path: "/wall", name: "wall", component: () => import("@/pages/wall/WallPage.vue"), meta: { title: "wall", needs: ["live"], group: "watch", key: "KeyW", query: ["layout", "cams", "name"] } },
  {
    path: "/incidents",
    name: "incidents",
    component: () => import("@/pages/incidents/IncidentsPage.vue"),
    meta: { title: "incidents", needs: ["acknowledge", "assess"], group: "watch", key: "KeyI", query: ["status", "ack", "kind", "area", "unit", "since", "sort", "open", "q"] },
  },
  { path: "/incidents/:id", name: "incident", component: () => import("@/pages/incidents/IncidentPage.vue"), meta: { title: "incidents", needs: ["read"], under: "incidents", query: [] } },
  {
    path: "/cameras",
    name: "cameras",
    component: () => import("@/pages/cameras/CamerasPage.vue"),
    meta: { title: "cameras", needs: ["read"], group: "assets", key: "KeyC", query: ["q", "state", "area", "unit", "device", "looked", "sort", "cols"] },
  },
  { path: "/cameras/:id", name: "camera", component: () => import("@/pages/camera/CameraPage.vue"), meta: { title: "camera", needs: ["read"], under: "cameras", query: ["tab", "from", "to"] } },
  { path: "/proposals", name: "proposals", component: () => import("@/pages/proposals/ProposalsPage.vue"), meta: { title: "proposals", needs: ["adopt"], group: "assets", key: "KeyP", query: ["status", "conflict", "how", "area", "open", "q"] } },
  { path: "/users", name: "users", component: () => import("@/pages/users/UsersPage.vue"), meta: { title: "users", needs: ["users"], group: "manage", query: ["q", "role", "area", "open"] } },
  { path: "/tokens", name: "tokens", component: () => import("@/pages/users/TokensPage.vue"), meta: { title: "tokens", needs: ["users"], group: "manage", query: ["open"] } },
  { path: "/audit", name: "audit", component: () => import("@/pages/audit/AuditPage.vue"), meta: { title: "audit", needs: ["audit"], group: "manage", query: ["who", "what", "object", "from", "to", "tab"] } },
  { path: "/setup", name: "setup", component: () => import("@/pages/setup/SetupPage.vue"), meta: { title: "setup", needs: ["users", "system"], group: "manage", query: ["step"] } },
  { path: "/login", name: "login", component: () => import("@/pages/login/LoginPage.vue"), meta: { title: "login", open: true, query: ["next"] } },
  { path: "/password", name: "password", component: () => import("@/pages/login/PasswordPage.vue"), meta: { title: "login", query: ["next"] } },
  { path: "/:rest(.*)*", name: "nowhere", component: () => import("@/pages/NowherePage.vue"), meta: { title: "now", query: [] } },
];

export const router = createRouter({ history: createWebHistory(), routes });

/** Only an address of ours: never another host, never a page that is none. */
export function safeNext(given: unknown): string {
  if (typeof given !== "string" || !given.startsWith("/") || given.startsWith("//") || given.includes("\\")) return "";
  const found = router.resolve(given);
  return found.name === "nowhere" || found.name === "login" ? "" : found.fullPath;
}

router.beforeEach(async (to) => {
  if (to.meta.open) return true;
  try {
    await load();
  } catch (error) {
    complain(asProblem(error));
  }
  if (session.value === null) return { name: "login", query: { next: to.fullPath === "/" ? undefined : to.fullPath } };
  if (session.value.must_change) return to.name === "password" ? true : { name: "password" };
  if (to.name === "home") return home();
  if (isScreen.value && to.name !== "wall") return "/wall";
  return true;
});

export function allowed(needs: Permission[] | undefined): boolean {
  return needs === undefined || needs.some((one) => may(one));
}

/** Once the first page stands: the files of the others, so that going there waits for its data alone. */
export function fetchAhead(): void {
  window.setTimeout(() => {
    for (const { component, meta } of routes) {
      if (meta?.open || !allowed(meta?.needs) || typeof component !== "function") continue;
      void (component as () => Promise<unknown>)().catch(() => undefined); // asked for again when it is gone to
    }
  }, 1000);
}
