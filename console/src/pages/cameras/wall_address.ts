/** Pure: where the wall shows these cameras, in the smallest layout that holds them. */
const LAYOUTS = [1, 4, 9, 16];
export const WALL_MOST = 16;

export function wallAddress(ids: readonly string[]): { path: string; query: Record<string, string> } {
  const shown = ids.slice(0, WALL_MOST);
  const layout = LAYOUTS.find((one) => one >= shown.length) ?? WALL_MOST;
  return { path: "/wall", query: { layout: String(layout), cams: shown.join(",") } };
}
