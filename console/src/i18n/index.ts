/** The texts of the pages. Chinese is the first language: English has to have every key that it has, and no other. */
import { createI18n } from "vue-i18n";
import en from "./en";
import zh from "./zh";

export type Language = "zh" | "en";

function remembered(): Language {
  const kept = localStorage.getItem("xl-language");
  if (kept === "zh" || kept === "en") return kept;
  return navigator.language.toLowerCase().startsWith("en") ? "en" : "zh";
}

export const i18n = createI18n<[typeof zh], Language, false>({
  legacy: false,
  locale: remembered(),
  fallbackLocale: "zh",
  messages: { zh, en } as never,
});

export function setLanguage(language: Language): void {
  i18n.global.locale.value = language;
  localStorage.setItem("xl-language", language);
  // The language decides which Han shapes Linux picks.
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
}

setLanguage(i18n.global.locale.value as Language);
