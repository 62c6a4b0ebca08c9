/** Who is logged in, what that login may do, and what the service says of itself. */
import { computed, readonly, ref } from "vue";
import { api, body, Problem, type Schemas } from "@/api/client";
import { setTime, setZone } from "./clock";
import { lostLogin } from "./lost";

export type Permission = Schemas["Permission"];
export type Role = Schemas["config__scope__Role"];

const who = ref<Schemas["SessionOut"] | null>(null);
/** Set once it is known whether somebody is logged in. */
const asked = ref(false);

export const session = readonly(who);
export const service = computed(() => who.value?.service ?? null);

/** What the service tells everybody, for the page where nobody is known yet. */
export const entry = ref<Schemas["FrontOut"] | null>(null);

export async function loadEntry(): Promise<void> {
  entry.value = await body(api.GET("/api/v1/entry"));
  setZone(entry.value.zone);
  setTime(entry.value.now);
}

/** Loads the session once; later calls cost nothing. Throws `Problem` only where the service cannot be reached. */
export async function load(anew = false): Promise<void> {
  if (asked.value && !anew) return;
  try {
    take(await body(api.GET("/api/v1/session")));
  } catch (error) {
    if (error instanceof Problem && error.status >= 400 && error.status < 500) who.value = null;
    else throw error;
  } finally {
    lostLogin.value = "";
  }
  asked.value = true;
}

function take(given: Schemas["SessionOut"]): void {
  who.value = given;
  setZone(given.service.zone);
  setTime(given.as_of);
}

export async function logIn(name: string, password: string): Promise<void> {
  take(await body(api.POST("/api/v1/session", { body: { name, password } })));
  asked.value = true;
  lostLogin.value = "";
}

export async function logOut(): Promise<void> {
  await body(api.DELETE("/api/v1/session"));
  who.value = null;
}

export function may(permission: Permission): boolean {
  return who.value?.permissions.includes(permission) ?? false;
}

export function hasRole(role: Role): boolean {
  return who.value?.grants.some((grant) => grant.role === role) ?? false;
}

/** Admins and auditors run and audit the system; pictures are not theirs to see. */
export const seesPictures = computed(() => may("live") || may("evidence"));

export const isScreen = computed(() => hasRole("screen") && !(who.value?.grants.some((g) => g.role !== "screen") ?? false));

/** Where a login begins its work. */
export function home(): string {
  if (isScreen.value) return "/wall";
  if (may("users") || may("system")) return "/setup";
  if (hasRole("technician")) return "/incidents?unit=mine";
  if (hasRole("auditor")) return "/audit";
  return "/now";
}
