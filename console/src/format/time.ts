/** Times as this trade writes them: the district's zone, 24 hours, the date only where it is another. */
import { i18n } from "@/i18n";
import { now, zone } from "@/state/clock";

const formats = new Map<string, Intl.DateTimeFormat>();

function parts(ms: number, name: string): Record<string, string> {
  let format = formats.get(name);
  if (format === undefined) {
    format = new Intl.DateTimeFormat("en-GB", {
      timeZone: name,
      hourCycle: "h23",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
    });
    formats.set(name, format);
  }
  return Object.fromEntries(format.formatToParts(ms).map((part) => [part.type, part.value]));
}

function ms(at: string | number): number {
  return typeof at === "number" ? at : Date.parse(at);
}

/** `14:01:58`; `11-20 14:01` once not today; `2025-11-20 14:01` once not this year. */
export function clock(at: string | number | null | undefined, seconds = true): string {
  if (at === null || at === undefined || at === "") return "—";
  const that = parts(ms(at), zone.value);
  const today = parts(now.value, zone.value);
  const time = `${that["hour"]}:${that["minute"]}`;
  if (that["year"] !== today["year"]) return `${that["year"]}-${that["month"]}-${that["day"]} ${time}`;
  if (that["month"] !== today["month"] || that["day"] !== today["day"]) return `${that["month"]}-${that["day"]} ${time}`;
  return seconds ? `${time}:${that["second"]}` : time;
}

/** `YYYY-MM-DD HH:mm:ss` in the district's zone: marks on pictures, evidence. */
export function full(at: string | number): string {
  const p = parts(ms(at), zone.value);
  return `${p["year"]}-${p["month"]}-${p["day"]} ${p["hour"]}:${p["minute"]}:${p["second"]}`;
}

export function day(at: string | number): string {
  return full(at).slice(0, 10);
}

/** For whoever has to look it up elsewhere: UTC, on hover and focus. */
export function utc(at: string | number | null | undefined): string {
  if (at === null || at === undefined || at === "") return "";
  return new Date(ms(at)).toISOString();
}

const t = (key: string, named: Record<string, unknown>): string => i18n.global.t(key, named);

/** `33 s`, `12 min`, `3 h 48 min`, `1 d 2 h`: two units at most. Seconds in; below 0 is 0. */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) return t("frame.dur.s", { s });
  const m = Math.floor(s / 60);
  if (m < 60) return t("frame.dur.min", { m });
  const h = Math.floor(m / 60);
  if (h < 24) return m % 60 === 0 ? t("frame.dur.h", { h }) : t("frame.dur.hm", { h, m: m % 60 });
  const d = Math.floor(h / 24);
  return h % 24 === 0 ? t("frame.dur.d", { d }) : t("frame.dur.dh", { d, h: h % 24 });
}

/** Since then until now, by the service's clock. */
export function since(at: string | number | null | undefined): string {
  if (at === null || at === undefined || at === "") return "—";
  return duration((now.value - ms(at)) / 1000);
}

/** `33 s ago`. */
export function ago(at: string | number | null | undefined): string {
  if (at === null || at === undefined || at === "") return "—";
  return t("frame.dur.ago", { dur: since(at) });
}
