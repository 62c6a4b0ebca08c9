/** What was typed, kept in this tab until it is sent, with the key under which sending twice is sending once. */
import { ref, watch, type Ref } from "vue";
import { onceKey } from "@/api/client";

interface Kept {
  text: string;
  key: string;
}

function read(name: string): Kept {
  try {
    const found = JSON.parse(sessionStorage.getItem(name) ?? "") as Partial<Kept>;
    return { text: String(found.text ?? ""), key: String(found.key ?? "") };
  } catch {
    return { text: "", key: "" };
  }
}

export interface Draft {
  text: Ref<string>;
  /** The same for every try of the same words. */
  key: () => string;
  sent: () => void;
}

/** `name` may change: the draft follows it. */
export function useDraft(name: () => string): Draft {
  const text = ref("");
  let key = "";
  let at = "";
  watch(
    name,
    (now) => {
      const kept = read(now);
      at = now;
      key = kept.key;
      text.value = kept.text;
    },
    { immediate: true, flush: "sync" },
  );
  watch(
    text,
    (words) => {
      const kept = read(at);
      if (kept.text === words) return;
      key = "";
      if (words === "") sessionStorage.removeItem(at);
      else sessionStorage.setItem(at, JSON.stringify({ text: words, key }));
    },
    { flush: "sync" },
  );
  return {
    text,
    key: () => {
      if (key === "") key = onceKey();
      sessionStorage.setItem(at, JSON.stringify({ text: text.value, key }));
      return key;
    },
    sent: () => {
      sessionStorage.removeItem(at);
      key = "";
      text.value = "";
    },
  };
}
