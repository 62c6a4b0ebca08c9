/** Pure: the areas one level below what is chosen (or below a single root), the stalest first. */

export interface Fresh {
  id: string;
  name: string;
  parent_id: string | null;
  cameras: number;
  in_time: number;
  late: number;
  never: number;
}

export function byFreshness<T extends Fresh>(areas: readonly T[], chosen: string): T[] {
  const below = (above: string | null): T[] => areas.filter((one) => one.parent_id === above && one.cameras > 0);
  let level = chosen === "" ? below(null) : below(chosen);
  // A single root says nothing that the head of the page does not: its parts do.
  while (chosen === "" && level.length === 1 && below(level[0]?.id ?? "").length > 0) level = below(level[0]?.id ?? "");
  if (level.length === 0) level = areas.filter((one) => one.id === chosen);
  const missed = (one: T): number => one.cameras - one.in_time;
  return [...level].sort((a, b) => missed(b) / b.cameras - missed(a) / a.cameras || missed(b) - missed(a) || a.name.localeCompare(b.name, "zh"));
}

/** The cameras that a number of freshness counts. */
export function rows(area: string, looked: "in_time" | "late" | "never"): { path: string; query: Record<string, string> } {
  return { path: "/cameras", query: { ...(area === "" ? {} : { area }), looked } };
}
