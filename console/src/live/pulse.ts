/** Edge: one timer of one second for all tiles of the window, and whether anybody can see it. */
import { HIDDEN, SLEPT } from "./tile_state";

export interface Beating {
  /** Once a second. */
  tick(now: number): void;
  /** The machine slept: nothing that was open can be trusted. */
  slept(now: number): void;
  /** Hidden for a minute: nothing plays for nobody. */
  park(now: number): void;
  wake(now: number): void;
  /** The page goes away. */
  leave(): void;
}

const hearts = new Set<Beating>();
let timer = 0;
let last = 0;
let hiddenSince: number | null = null;
let parked = false;

/** Milliseconds. By the wall: the steady clocks of some systems stand while they sleep. */
export function moment(): number {
  return Date.now();
}

export function beat(one: Beating): () => void {
  hearts.add(one);
  if (timer === 0) {
    last = moment();
    hiddenSince = document.visibilityState === "hidden" ? last : null;
    timer = window.setInterval(turn, 1000);
  }
  return () => {
    hearts.delete(one);
    if (hearts.size === 0) {
      clearInterval(timer);
      timer = 0;
    }
  };
}

/** Whether the page has been hidden so long that nothing may play in it. */
export function isParked(): boolean {
  return parked;
}

function turn(): void {
  const now = moment();
  const slept = Math.abs(now - last) > SLEPT;
  last = now;
  // A hidden page's timers are slowed down; it is awake all the same.
  if (slept && hiddenSince === null) for (const one of hearts) one.slept(now);
  if (!parked && hiddenSince !== null && now - hiddenSince >= HIDDEN) {
    parked = true;
    for (const one of hearts) one.park(now);
  }
  for (const one of hearts) one.tick(now);
}

function look(): void {
  const now = moment();
  if (document.visibilityState === "hidden") {
    hiddenSince ??= now;
    return;
  }
  hiddenSince = null;
  if (parked) {
    parked = false;
    for (const one of hearts) one.wake(now);
  } else if (now - last > SLEPT) {
    for (const one of hearts) one.slept(now);
  }
  last = now;
}

document.addEventListener("visibilitychange", look);
window.addEventListener("pagehide", () => {
  for (const one of hearts) one.leave();
});
window.addEventListener("pageshow", (event) => {
  if (event.persisted) for (const one of hearts) one.slept(moment());
});
