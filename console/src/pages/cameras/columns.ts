/** The columns that a list of cameras can have. State and name always stand: a row without them says nothing. */

export const COLUMNS = [
  "name", "code", "area", "unit", "device", "address", "gb_id", "cause", "since", "lasts", "checked", "good", "next", "day",
] as const;
export type Column = (typeof COLUMNS)[number];
export const DEFAULT_COLUMNS: readonly Column[] = ["name", "code", "area", "cause", "since", "lasts", "checked", "day"];

const WIDTHS: Record<Column, string> = {
  name: "minmax(calc(160px * var(--scale)), 4fr)",
  code: "minmax(calc(72px * var(--scale)), 0.5fr)",
  area: "minmax(calc(84px * var(--scale)), 0.8fr)",
  unit: "minmax(calc(84px * var(--scale)), 0.8fr)",
  device: "minmax(calc(100px * var(--scale)), 1fr)",
  address: "calc(116px * var(--scale))",
  gb_id: "calc(176px * var(--scale))",
  cause: "minmax(calc(84px * var(--scale)), 1fr)",
  since: "calc(86px * var(--scale))",
  lasts: "calc(92px * var(--scale))",
  checked: "calc(66px * var(--scale))",
  good: "calc(92px * var(--scale))",
  next: "calc(92px * var(--scale))",
  day: "minmax(calc(110px * var(--scale)), 1.5fr)",
};

/** The grid's columns: mark, state, then what was chosen. */
export function template(columns: readonly Column[], language: string): string {
  // The longest state: 无法判定, maintenance.
  const state = language === "zh" ? "calc(82px * var(--scale))" : "calc(112px * var(--scale))";
  return ["calc(24px * var(--scale))", state, ...columns.map((one) => WIDTHS[one])].join(" ");
}
