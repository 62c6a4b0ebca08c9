/** How this window looks: theme, row height, size. Not part of an address. */
import { ref, watch } from "vue";

function kept(name: string, fallback: string): ReturnType<typeof ref<string>> {
  const value = ref(sessionStorage.getItem(name) ?? localStorage.getItem(name) ?? fallback);
  watch(value, (now) => {
    sessionStorage.setItem(name, now ?? "");
    localStorage.setItem(name, now ?? "");
  });
  return value;
}

/** 4K screens across the room need more: see the sizes in tokens.css. */
const naturalScale = window.innerWidth >= 3000 ? "2" : "1";

export const theme = kept("xl-theme", "dark");
export const density = kept("xl-density", "normal");
export const scale = kept("xl-scale", naturalScale);
export const keysOn = kept("xl-keys", "on");
export const soundOn = kept("xl-sound", "off");

watch(
  [theme, density, scale],
  () => {
    const root = document.documentElement.dataset;
    root["theme"] = theme.value ?? "dark";
    root["density"] = density.value ?? "normal";
    root["scale"] = scale.value ?? "1";
  },
  { immediate: true },
);
