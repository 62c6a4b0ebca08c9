/** The service's clock: everything that has an age is measured by it, never by this machine's. */
import { computed, ref } from "vue";

/** Service minus this machine, milliseconds. */
let offset = 0;
const here = ref(Date.now());
/** Stands still while no events come: then the page says so itself. */
export const standing = ref(false);
export const zone = ref("Asia/Shanghai");
const tick = ref(Date.now());

export function setZone(name: string): void {
  zone.value = name;
}

export function setTime(iso: string): void {
  offset = Date.parse(iso) - Date.now();
  turn();
}

/** The service's time at this very moment, milliseconds since 1970. */
export function serviceNow(): number {
  return Date.now() + offset;
}

function turn(): void {
  here.value = serviceNow();
  if (!standing.value) tick.value = here.value;
}

/** Milliseconds since 1970 by the service, once a second; goes on while the stream is lost, since ages go on. */
export const now = computed(() => here.value);
/** The same, but it stands while the stream is lost: what the header shows. */
export const shownTime = computed(() => tick.value);

setInterval(turn, 1000);
