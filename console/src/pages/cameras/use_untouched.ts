/** How long nobody touched a page: only then new rows enter by themselves. */
import { onBeforeUnmount, onMounted, type Ref } from "vue";

export function useUntouched(page: Readonly<Ref<HTMLElement | null>>): { seconds: () => number } {
  let last = Date.now();
  const touch = (): void => void (last = Date.now());
  const kinds = ["pointerdown", "pointermove", "keydown", "wheel", "focusin"] as const;
  onMounted(() => kinds.forEach((kind) => page.value?.addEventListener(kind, touch, { passive: true })));
  onBeforeUnmount(() => kinds.forEach((kind) => page.value?.removeEventListener(kind, touch)));
  return { seconds: () => (Date.now() - last) / 1000 };
}
