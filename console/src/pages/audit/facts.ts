/** The facts of an act in one line. What they hold was cleaned by the service. */
import { count } from "@/format/number";
import { full } from "@/format/time";
import { i18n } from "@/i18n";
import { word, type Group } from "@/state/words";

/** Facts whose values are names that the service knows. */
const NAMED: Readonly<Record<string, readonly Group[]>> = {
  purpose: ["purposes"],
  kind: ["view_kinds"],
  state: ["incident_states", "states"],
  role: ["streams"],
  permissions: ["permissions"],
  what: ["audit_acts"],
  event: ["message_events"],
  reason: ["view_ends"],
};
const MOMENT = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d/;
const t = (key: string): string => i18n.global.t(key);

function named(fact: string, value: string): string {
  for (const group of NAMED[fact] ?? []) {
    const found = word(group, value);
    if (found !== value) return found;
  }
  return MOMENT.test(value) && !Number.isNaN(Date.parse(value)) ? full(value) : value;
}

function told(fact: string, value: unknown): string {
  if (value === null || value === undefined || value === "") return "—";
  if (typeof value === "boolean") return t(value ? "audit.yes" : "audit.no");
  if (typeof value === "number") return count(value);
  if (typeof value === "string") return named(fact, value);
  if (Array.isArray(value)) return value.length > 0 ? value.map((one) => told(fact, one)).join(t("frame.comma")) : "—";
  return facts(value);
}

export function facts(details: unknown): string {
  if (typeof details !== "object" || details === null) return "";
  return Object.entries(details)
    .map(([fact, value]) => `${word("audit_facts", fact)}${t("frame.colon")}${told(fact, value)}`)
    .join(t("frame.semicolon"));
}
