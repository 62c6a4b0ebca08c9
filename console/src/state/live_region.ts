/** One line at most in 10 s for whoever listens to the page instead of looking at it. */
import { ref } from "vue";

export const spoken = ref("");
let last = 0;
let next = "";
let timer = 0;

export function speak(line: string): void {
  next = line;
  const wait = Math.max(0, last + 10_000 - Date.now());
  clearTimeout(timer);
  timer = window.setTimeout(() => {
    last = Date.now();
    spoken.value = next;
  }, wait);
}
