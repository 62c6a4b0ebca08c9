/** Pure: the places of a wall, as its address says them: `layout=9&cams=ID,ID,,ID&name=left`. */

export const LAYOUTS = [1, 4, 9, 16] as const;
export type Layout = (typeof LAYOUTS)[number];
export const MOST = 16;
const ID = /^[A-Za-z0-9._:-]{1,80}$/;
const NAME = 40;

export interface Wall {
  layout: Layout;
  /** One for each of the sixteen places, empty ones included; a smaller layout shows the first of them. */
  cams: string[];
  name: string;
}

type Query = Record<string, unknown>;

function text(value: unknown): string {
  const one = Array.isArray(value) ? value[0] : value;
  return typeof one === "string" ? one : "";
}

/** What is no id of ours is an empty place. Without a layout the smallest that holds all cameras; without those, nine. */
export function parse(query: Query): Wall {
  const given = text(query["cams"]).split(",").slice(0, MOST);
  const cams = Array.from({ length: MOST }, (_, at) => (ID.test(given[at] ?? "") ? (given[at] as string) : ""));
  const asked = Number(text(query["layout"]));
  const layout = LAYOUTS.find((one) => one === asked) ?? fitting(cams);
  return { layout, cams, name: text(query["name"]).slice(0, NAME) };
}

function fitting(cams: string[]): Layout {
  const last = used(cams);
  return last === 0 ? 9 : (LAYOUTS.find((one) => one >= last) ?? 16);
}

/** How many places up to the last that holds a camera. */
function used(cams: string[]): number {
  return cams.reduce((most, one, at) => (one === "" ? most : at + 1), 0);
}

export function query(wall: Wall): Record<string, string> {
  const last = used(wall.cams);
  const asked: Record<string, string> = { layout: String(wall.layout) };
  if (last > 0) asked["cams"] = wall.cams.slice(0, last).join(",");
  if (wall.name !== "") asked["name"] = wall.name;
  return asked;
}

export function put(wall: Wall, at: number, camera: string): Wall {
  return { ...wall, cams: wall.cams.map((one, place) => (place === at ? camera : one)) };
}

/** Both places change hands; `order` is moved along, so that what plays goes on playing. */
export function swap<T>(list: readonly T[], a: number, b: number): T[] {
  const moved = [...list];
  [moved[a], moved[b]] = [moved[b] as T, moved[a] as T];
  return moved;
}

export type Way = "ArrowLeft" | "ArrowRight" | "ArrowUp" | "ArrowDown";

/** The place in this direction; the same at the edge. */
export function beside(at: number, way: Way, layout: Layout): number {
  const side = Math.sqrt(layout);
  const row = Math.floor(at / side);
  const column = at % side;
  if (way === "ArrowLeft") return column > 0 ? at - 1 : at;
  if (way === "ArrowRight") return column < side - 1 ? at + 1 : at;
  if (way === "ArrowUp") return row > 0 ? at - side : at;
  return row < side - 1 ? at + side : at;
}

/** The next empty place after `at`, going round; -1 when the wall is full. */
export function emptyAfter(wall: Wall, at: number): number {
  for (let far = 1; far <= wall.layout; far++) {
    const place = (at + far) % wall.layout;
    if (wall.cams[place] === "") return place;
  }
  return -1;
}
