/** The names of states, causes, roles and acts, made by the service: never typed into a page. */
import words from "@/generated/words.json";
import { i18n } from "@/i18n";

type Words = typeof words;
/** The groups whose members have a name in both languages. */
export type Group = keyof Omit<Words, "role_permissions" | "roll_up" | "problems">;

/** The name of `code`; a code that the console does not know yet is shown as it is. */
export function word(group: Group, code: string | null | undefined): string {
  if (code === null || code === undefined || code === "") return "";
  const found = (words[group] as Record<string, { zh: string; en: string }>)[code];
  return found === undefined ? code : found[i18n.global.locale.value as "zh" | "en"];
}

export const rollUp = words.roll_up as State[];
export const rolePermissions = words.role_permissions as Record<string, string[]>;
export type State = "ok" | "fault" | "offline" | "cannot_judge" | "unknown" | "maintenance";

/** The three sentences of a problem of the service, for one that was met without an answer of its own. */
export function problemSentences(code: string): string[] | undefined {
  const found = (words.problems as Record<string, { zh: unknown; en: unknown }>)[code];
  if (found === undefined) return undefined;
  const given = found[i18n.global.locale.value as "zh" | "en"];
  return Array.isArray(given) ? given.map(String) : typeof given === "string" ? [given] : Object.values(given as object).map(String);
}
