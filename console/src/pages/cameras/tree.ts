/** Pure: the areas as a tree, flattened to the rows that are in sight. */
import { rollUp, type State } from "@/state/words";

export interface Area {
  id: string;
  name: string;
  parent_id: string | null;
  counts: Record<string, number>;
  total: number;
}

export interface Branch {
  area: Area;
  depth: number;
  /** Whether it has areas below it. */
  inner: boolean;
  open: boolean;
  /** Of how many, and the how many-th: for listeners. */
  size: number;
  place: number;
}

/** 2 before 10, in the order of the language that names are in. */
const ORDER = new Intl.Collator("zh-CN", { numeric: true });

function children(areas: readonly Area[]): Map<string, Area[]> {
  const known = new Set(areas.map((one) => one.id));
  const found = new Map<string, Area[]>();
  for (const one of areas) {
    // An area whose parent lies outside one's own areas is a root here.
    const above = one.parent_id !== null && known.has(one.parent_id) ? one.parent_id : "";
    const level = found.get(above);
    if (level === undefined) found.set(above, [one]);
    else level.push(one);
  }
  for (const level of found.values()) level.sort((a, b) => ORDER.compare(a.name, b.name));
  return found;
}

/** Rows from top to bottom; what is not `open` hides what is below it. */
export function rows(areas: readonly Area[], open: ReadonlySet<string>): Branch[] {
  const below = children(areas);
  const out: Branch[] = [];
  const walk = (above: string, depth: number): void => {
    const level = below.get(above) ?? [];
    level.forEach((area, at) => {
      const inner = below.has(area.id);
      const shown = inner && open.has(area.id);
      out.push({ area, depth, inner, open: shown, size: level.length, place: at + 1 });
      if (shown) walk(area.id, depth + 1);
    });
  };
  walk("", 0);
  return out;
}

/** The area and all above it, itself first. */
export function line(areas: readonly Area[], id: string): string[] {
  const above = new Map(areas.map((one) => [one.id, one.parent_id]));
  const out: string[] = [];
  for (let step: string | null | undefined = id; step && above.has(step) && !out.includes(step); step = above.get(step)) out.push(step);
  return out;
}

/** The two worst states that something is in; the normal one is no mark. */
export function worst(counts: Record<string, number>): { state: State; n: number }[] {
  return rollUp
    .filter((state) => state !== "ok" && (counts[state] ?? 0) > 0)
    .slice(0, 2)
    .map((state) => ({ state, n: counts[state] ?? 0 }));
}
