/** Single keys, by place on the keyboard (`event.code`); dead while somebody types or composes Chinese. */
import { onBeforeUnmount, onMounted } from "vue";
import { keysOn } from "./look";

export type Act = (event: KeyboardEvent) => void;
type Table = Record<string, Act>;
const tables: Table[] = [];
let lead = 0;

/** True where a key belongs to what has the focus. */
export function typing(event: KeyboardEvent): boolean {
  const at = event.target;
  if (event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return true;
  if (!(at instanceof HTMLElement)) return false;
  if (at instanceof HTMLInputElement && ["checkbox", "radio"].includes(at.type)) return false;
  return at.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(at.tagName);
}

/** A question stands over the page: until it is answered the keys are its own. */
function overlaid(): boolean {
  return [...document.querySelectorAll<HTMLElement>('[role="dialog"]')].some((one) => one.getClientRects().length > 0);
}

/** `G` begins a jump: the next key within 1.5 s is looked up as `G+code`. */
function press(event: KeyboardEvent): void {
  if (keysOn.value === "off" && !["Escape"].includes(event.code)) return;
  if (typing(event) && event.code !== "Escape") return;
  if (overlaid()) return;
  const leading = Date.now() - lead < 1500;
  lead = 0;
  const name = leading ? `G+${event.code}` : event.shiftKey ? `Shift+${event.code}` : event.code;
  if (name === "KeyG") {
    lead = Date.now();
    return;
  }
  for (const table of [...tables].reverse()) {
    const act = table[name];
    if (act !== undefined) {
      event.preventDefault();
      act(event);
      return;
    }
  }
}

window.addEventListener("keydown", press);

/** Keys of a page or part while it is there; the newest table wins. Enter on a button stays the button's. */
export function useKeys(table: Table): void {
  onMounted(() => tables.push(table));
  onBeforeUnmount(() => tables.splice(tables.indexOf(table), 1));
}
