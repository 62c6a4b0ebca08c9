/**
 * Pure: what one tile is, and what has to be done about it. Times are milliseconds of one clock that the caller keeps.
 * Nothing is concluded from a connection's word: a tile lives by decoded frames alone.
 */

export type TileState =
  | "empty"
  | "connecting"
  | "keyframe"
  | "live"
  | "stalled"
  | "offline"
  | "codec"
  | "limit"
  | "masked"
  | "denied"
  | "withdrawn"
  | "blocked"
  | "unrecorded";

/** Without a decoded frame for so long a picture stands still (the relay's limit as well). */
export const STALLED = 3_000;
/** ICE that is not up by then has no way. */
export const BLOCKED = 8_000;
/** From here on the age stands in the middle of the picture. */
export const OLD = 10_000;
/** From here on the picture is taken away. */
export const REMOVED = 60_000;
/** A timer that comes so late has slept. */
export const SLEPT = 5_000;
/** Nothing plays for so long in a page that nobody sees. */
export const HIDDEN = 60_000;
/** The frames of the cached burst are 1 ms apart in RTP time (90 kHz), live ones at least 10 ms. */
export const LIVE_STEP = 900;
/** So long live, and the next trouble begins with a first attempt again. */
const STEADY = 10_000;
const FIRST_RETRY = 1_000;
const LAST_RETRY = 30_000;

/** Why there is no session; `seconds` is the service's Retry-After. */
export interface Refusal {
  code: string;
  seconds?: number;
  who?: string;
  open?: number;
  max?: number;
  codec?: string;
  /** Cause of a camera that is not live, a word of the causes. */
  reason?: string;
  /** When it was refused, by the service's clock. */
  at: number;
}

export interface Tile {
  readonly state: TileState;
  /** Since when the tile says so. */
  readonly since: number;
  readonly session: "none" | "asking" | "open";
  /** The way to the service is there. */
  readonly up: boolean;
  /** When the service answered the offer. */
  readonly opened: number;
  /** When the last frame was decoded, in this session or an earlier one. */
  readonly frameAt: number | null;
  /** How far that frame was behind the service. */
  readonly delay: number;
  /** A frame was decoded in this session. */
  readonly fresh: boolean;
  /** The session is past its cached burst. */
  readonly settled: boolean;
  /** Something was shown here: a refusal from now on is a withdrawal. */
  readonly viewed: boolean;
  readonly attempt: number;
  readonly retryAt: number | null;
  /** When something was last done about a standstill. */
  readonly acted: number;
  readonly refusal: Refusal | null;
  /** The page is hidden: nothing plays, nothing is asked for. */
  readonly parked: boolean;
}

export type TileEvent =
  | { kind: "begin" }
  | { kind: "clear" }
  | { kind: "answered" }
  | { kind: "connected" }
  /** A decoded frame; `step` in ticks of RTP time to the one before, 0 for the first. */
  | { kind: "frame"; step: number }
  | { kind: "tick"; frameAt: number | null; step: number; packets: boolean; delay: number }
  /** What the service says of the view: its state, `gone` for one that is over, `silent` when it does not answer. */
  | { kind: "told"; state: string; cause: string | null; serviceTime: number }
  | { kind: "refused"; refusal: Refusal }
  | { kind: "withdrawn"; serviceTime: number }
  | { kind: "slept" }
  | { kind: "park" }
  | { kind: "wake" }
  /** `service`: it answers again. `facts`: the camera is another than when it was refused. `hand`: somebody asks. */
  | { kind: "nudge"; why: "service" | "facts" | "hand" };

/** `reopen` is close, then open; `ask` is to ask the service what it knows of the view. */
export type Act = "none" | "open" | "close" | "reopen" | "ask";
export interface Turn {
  tile: Tile;
  act: Act;
}

export const EMPTY: Tile = {
  state: "empty",
  since: 0,
  session: "none",
  up: false,
  opened: 0,
  frameAt: null,
  delay: 0,
  fresh: false,
  settled: false,
  viewed: false,
  attempt: 0,
  retryAt: null,
  acted: 0,
  refusal: null,
  parked: false,
};

const NO_SESSION = { session: "none", up: false, fresh: false, settled: false } as const;
/** These have no picture that could be old. */
const UNSEEN = { frameAt: null, delay: 0 } as const;
const BY_CODE: Record<string, TileState> = {
  offline: "offline",
  codec: "codec",
  view_limit: "limit",
  camera_busy: "limit",
  limit: "limit",
  masked: "masked",
  register: "unrecorded",
};
const NOT_YOURS = new Set(["not_found", "forbidden", "login_required", "session_expired", "password_change", "token_invalid"]);
/** Where waiting changes nothing: somebody has to change something first. */
const WAITS_FOR_FACTS = new Set<TileState>(["codec", "masked", "denied", "withdrawn"]);

/** Milliseconds to the next attempt: 1 to 30 s, doubling, with jitter. `random` is in [0, 1). */
export function backoff(attempt: number, random: number): number {
  const most = Math.min(LAST_RETRY, FIRST_RETRY * 2 ** Math.max(0, attempt - 1));
  return Math.max(FIRST_RETRY, Math.round(most * (0.5 + random / 2)));
}

/** Milliseconds; null where nothing was ever decoded. */
export function age(tile: Tile, now: number): number | null {
  return tile.frameAt === null ? null : Math.max(0, now - tile.frameAt, tile.delay);
}

export function turn(tile: Tile, event: TileEvent, now: number, random: number): Turn {
  if (event.kind === "clear") return { tile: EMPTY, act: tile.session === "none" ? "none" : "close" };
  if (event.kind === "begin") return begin(tile, now);
  if (tile.state === "empty") return still(tile);
  if (event.kind === "wake") return tile.parked ? begin(tile, now) : still(tile);
  if (tile.parked) return still(tile);
  switch (event.kind) {
    case "answered":
      return still(answered(tile, now));
    case "connected":
      return still(tile.up ? tile : to({ ...tile, up: true }, tile.state === "connecting" ? "keyframe" : tile.state, now));
    case "frame":
      return still(framed(tile, event.step, now));
    case "tick":
      return ticked(tile, event, now, random);
    case "told":
      return told(tile, event, now, random);
    case "refused":
      return still(refused(tile, event.refusal, now, random));
    case "withdrawn":
      return { tile: withdrawn(tile, event.serviceTime, now), act: tile.session === "none" ? "none" : "close" };
    case "slept":
      return begin(tile, now);
    case "park":
      return { tile: { ...begin(tile, now).tile, ...NO_SESSION, parked: true }, act: "close" };
    case "nudge":
      return nudged(tile, event.why, now);
  }
}

function still(tile: Tile): Turn {
  return { tile, act: "none" };
}

function to(tile: Tile, state: TileState, now: number): Tile {
  return tile.state === state ? tile : { ...tile, state, since: now };
}

function begin(tile: Tile, now: number): Turn {
  const fresh: Tile = { ...EMPTY, state: "connecting", since: now, session: "asking", viewed: tile.viewed };
  return { tile: fresh, act: tile.session === "none" ? "open" : "reopen" };
}

function answered(tile: Tile, now: number): Tile {
  const open: Tile = { ...tile, session: "open", up: false, opened: now, fresh: false, settled: false, viewed: true, retryAt: null, refusal: null, acted: now };
  return tile.state === "stalled" ? open : to(open, "connecting", now);
}

function framed(tile: Tile, step: number, now: number): Tile {
  if (tile.session !== "open") return tile; // the last words of a session that is over
  const settled = tile.settled || step >= LIVE_STEP;
  const seen: Tile = { ...tile, up: true, fresh: true, settled, frameAt: now };
  if (settled) return to({ ...seen, refusal: null }, "live", now);
  return tile.state === "connecting" ? to(seen, "keyframe", now) : seen;
}

function ticked(given: Tile, event: Extract<TileEvent, { kind: "tick" }>, now: number, random: number): Turn {
  let tile = given;
  if (tile.session === "none") {
    if (tile.retryAt === null || now < tile.retryAt) return still(tile);
    return { tile: { ...tile, session: "asking", retryAt: null }, act: "open" };
  }
  if (tile.session === "asking") return still(tile);
  if (event.frameAt !== null && event.frameAt > (tile.frameAt ?? -1)) {
    tile = { ...framed(tile, event.step, now), frameAt: event.frameAt };
  }
  tile = { ...tile, delay: tile.fresh ? event.delay : 0 };
  if (!tile.up) return now - tile.opened > BLOCKED ? blocked(tile, now, random) : still(tile);
  const old = age(tile, now) ?? Infinity;
  if (tile.fresh && tile.settled && old < STALLED) {
    const steady = tile.state === "live" && now - tile.since >= STEADY;
    return still(to(steady ? { ...tile, attempt: 0 } : tile, "live", now));
  }
  if (tile.state === "live") tile = to(tile, "stalled", now);
  if (now - tile.acted < STALLED) return still(tile);
  const behind = tile.fresh && tile.delay >= STALLED;
  if (!behind && now - Math.max(tile.opened, tile.frameAt ?? 0) < STALLED) return still(tile);
  tile = { ...tile, acted: now };
  // Frames that come too late, or packets that give none: another decoder, and a stream that begins with a keyframe.
  if (behind || event.packets) return reopen(tile, now, random);
  return { tile, act: "ask" };
}

function blocked(tile: Tile, now: number, random: number): Turn {
  const refusal: Refusal = { code: "blocked", at: 0 };
  const attempt = tile.attempt + 1;
  const shut: Tile = { ...tile, ...NO_SESSION, refusal, attempt, retryAt: now + backoff(attempt + 2, random) };
  return { tile: to(shut, "blocked", now), act: "close" };
}

function reopen(tile: Tile, now: number, random: number): Turn {
  const attempt = tile.attempt + 1;
  if (attempt === 1) return { tile: { ...tile, ...NO_SESSION, session: "asking", attempt }, act: "reopen" };
  return { tile: { ...tile, ...NO_SESSION, attempt, retryAt: now + backoff(attempt - 1, random) }, act: "close" };
}

function told(tile: Tile, event: Extract<TileEvent, { kind: "told" }>, now: number, random: number): Turn {
  if (tile.session !== "open") return still(tile);
  if (event.state === "gone") return reopen(to(tile, tile.frameAt === null ? "connecting" : "stalled", now), now, random);
  if (tile.state === "live") return still(tile);
  if (event.state === "offline") {
    // The relay keeps asking the camera; in this same session the picture comes back.
    const refusal: Refusal = { code: "offline", at: event.serviceTime, ...(event.cause ? { reason: event.cause } : {}) };
    return still(to({ ...tile, ...UNSEEN, refusal: tile.state === "offline" ? tile.refusal : refusal }, "offline", now));
  }
  const standing = tile.state === "stalled" || tile.state === "offline" || tile.state === "keyframe";
  // It sends and nothing arrives, or it does not answer: this session is lost.
  if (standing && now - tile.opened > STALLED && (event.state === "live" || event.state === "silent")) {
    return reopen(tile, now, random);
  }
  return still(tile);
}

function refused(tile: Tile, given: Refusal, now: number, random: number): Tile {
  // Offline since it was first refused, not since the last try.
  const refusal = tile.state === "offline" && given.code === "offline" ? { ...given, at: tile.refusal?.at ?? given.at } : given;
  const attempt = tile.attempt + 1;
  const shut: Tile = { ...tile, ...NO_SESSION, refusal, attempt, retryAt: null };
  if (NOT_YOURS.has(refusal.code)) return to({ ...shut, ...UNSEEN }, tile.viewed ? "withdrawn" : "denied", now);
  const state = BY_CODE[refusal.code];
  if (state !== undefined && WAITS_FOR_FACTS.has(state)) return to({ ...shut, ...UNSEEN }, state, now);
  // Obeyed; a little more, so that a wall does not come back as one.
  const wait = refusal.seconds === undefined ? backoff(attempt, random) : refusal.seconds * 1000 + random * 1000;
  const waiting: Tile = { ...shut, retryAt: now + wait };
  if (state !== undefined) return to({ ...waiting, ...UNSEEN }, state, now);
  return to(waiting, tile.state === "stalled" || tile.state === "live" ? "stalled" : "connecting", now);
}

function withdrawn(tile: Tile, serviceTime: number, now: number): Tile {
  const refusal: Refusal = { code: "withdrawn", at: serviceTime };
  return to({ ...tile, ...NO_SESSION, ...UNSEEN, refusal, retryAt: null }, "withdrawn", now);
}

function nudged(tile: Tile, why: "service" | "facts" | "hand", now: number): Turn {
  if (tile.session !== "none") return still(tile);
  const soft = tile.state === "connecting" || tile.state === "stalled";
  const due = why === "service" ? soft : why === "facts" ? WAITS_FOR_FACTS.has(tile.state) : true;
  // Retry-After is obeyed whoever asks.
  if (!due || (tile.refusal?.seconds !== undefined && tile.retryAt !== null && now < tile.retryAt)) return still(tile);
  return { tile: { ...tile, session: "asking", retryAt: null }, act: "open" };
}
