/** Pure: which words a tile says, and how its picture is drawn. The words themselves are in the texts of the wall. */
import { age, OLD, REMOVED, type Tile } from "./tile_state";

export interface Said {
  /** Under `wall.tile.` */
  key: string;
  named: Record<string, string | number>;
}

/** `none`, a `still` (dimmed), the moving picture at full light, or standing still (dimmed, dashed). */
export type Look = "none" | "still" | "full" | "standing" | "removed";

const WHO = new Set(["camera", "account", "service"]);

/** `time` writes a moment of the service's clock, `dur` so many seconds, `cause` the name of a cause. */
export interface Names {
  time(at: string | number): string;
  dur(seconds: number): string;
  cause(code: string): string;
}

export interface Known {
  state: string;
  since: string | null;
  cause: string;
  last_good_at?: string | null;
}

export function said(tile: Tile, stream: "main" | "sub", known: Known | null, now: number, serviceNow: number, names: Names): Said {
  const seconds = (ms: number): number => Math.max(0, Math.floor(ms / 1000));
  const { state, refusal } = tile;
  if (state === "connecting" || state === "keyframe") return { key: state, named: { n: seconds(now - tile.since) } };
  if (state === "live") {
    const x = seconds(age(tile, now) ?? 0);
    return { key: `${stream === "sub" ? "liveSub" : "live"}${x >= 1 ? "Aged" : ""}`, named: { x } };
  }
  if (state === "stalled") return { key: state, named: { n: seconds(age(tile, now) ?? 0) } };
  if (state === "offline") {
    const told = known !== null && known.state === "offline" && known.since !== null;
    const since = told ? Date.parse(known.since as string) : (refusal?.at ?? serviceNow);
    const cause = (told && known.cause) || refusal?.reason || "unknown";
    return { key: state, named: { time: names.time(since), dur: names.dur((serviceNow - since) / 1000), cause: names.cause(cause) } };
  }
  if (state === "codec") return { key: state, named: { codec: refusal?.codec ?? "H.265" } };
  if (state === "limit") {
    const who = WHO.has(refusal?.who ?? "") ? (refusal?.who as string) : refusal?.code === "camera_busy" ? "camera" : "service";
    const counted = (refusal?.max ?? 0) > 0;
    const s = tile.retryAt === null ? 0 : Math.max(0, Math.ceil((tile.retryAt - now) / 1000));
    return { key: counted ? "limit" : "limitBare", named: { who, n: refusal?.open ?? 0, max: refusal?.max ?? 0, s } };
  }
  if (state === "withdrawn") return { key: state, named: { time: names.time(refusal?.at ?? serviceNow) } };
  return { key: state, named: {} };
}

/** Seconds to the next attempt, for the states whose own words do not say it. */
export function retryIn(tile: Tile, now: number): number | null {
  if (tile.retryAt === null || !["blocked", "unrecorded", "offline"].includes(tile.state)) return null;
  return Math.max(0, Math.ceil((tile.retryAt - now) / 1000));
}

export function look(tile: Tile, now: number, shownAgain: boolean): Look {
  switch (tile.state) {
    case "live":
      return "full";
    case "stalled":
      return (age(tile, now) ?? 0) >= REMOVED && !shownAgain ? "removed" : "standing";
    case "connecting":
    case "keyframe":
    case "codec":
    case "limit":
    case "blocked":
      return "still";
    default:
      return "none";
  }
}

/** Whole seconds that stand large over a picture that is too old to be taken for the present. */
export function largeAge(tile: Tile, now: number): number | null {
  const old = tile.state === "stalled" ? age(tile, now) : null;
  return old !== null && old >= OLD && old < REMOVED ? Math.floor(old / 1000) : null;
}
