/**
 * What changes, as it changes. One window holds the stream to the service and hands it to the others (a browser opens
 * six connections to an origin at most); every window keeps its own watch over silence.
 */
import { computed, ref } from "vue";
import { api, body, Problem, type Schemas } from "@/api/client";
import { setTime, standing } from "./clock";
import { lostLogin, sessionLost } from "./lost";

export type Change = Schemas["ChangeOut"];
type Told =
  | { kind: "change"; data: Change }
  | { kind: "tick"; data: { now: string; after: string; epoch: string } }
  | { kind: "resync"; data: { reason: string; after: string } }
  | { kind: "end"; data: { reason: string } }
  | { kind: "trying"; data: { attempt: number; next: number } };

/** The service ticks each 5 s: after three that stay away nothing shown may be taken for the present. */
const SILENCE = 15_000;
const POLL = 5_000;
const RETRY_FIRST = 1_000;
const RETRY_LAST = 15_000;
/** Four times a second at most; frames do not come to the millisecond, hence a little more than a quarter. */
const PAINT = 260;

export type FeedState = "opening" | "open" | "polling" | "lost";
export const feedState = ref<FeedState>("opening");
/** When the last word came, by the service's clock. */
export const lastWord = ref("");
export const attempt = ref(0);
export const nextTry = ref(0);
/** How many changes came in after a silence; 0 once that has been said. */
export const caughtUp = ref(0);
export const veiled = computed(() => feedState.value === "lost");

let turns: (() => void)[] = [];
let turn = 0;
let painted = -PAINT;

/** Resolves when what changed by itself may be drawn: at once after a pause, else with all others at the next turn. */
export function paintTurn(): Promise<void> {
  return new Promise((mine) => {
    turns.push(mine);
    if (turn === 0) nextTurn();
  });
}

/** Counted from when the turn before was drawn, not from when it began: a long one would bring the next too near. */
function nextTurn(): void {
  turn = window.setTimeout(() => {
    const all = turns;
    turns = [];
    for (const one of all) one();
    window.setTimeout(() => {
      turn = 0;
      painted = performance.now();
      if (turns.length > 0) nextTurn();
    });
  }, Math.max(0, painted + PAINT - performance.now()));
}

type Handler = (changes: Change[]) => void;
const handlers = new Set<Handler>();
const reloaders = new Set<() => void>();

/** `handler` is given what came, at most four times a second. Returns how to stop. */
export function onChanges(handler: Handler): () => void {
  handlers.add(handler);
  return () => handlers.delete(handler);
}

/** `reload` is called when everything has to be loaded anew; keep filter, focus and drafts. */
export function onResync(reload: () => void): () => void {
  reloaders.add(reload);
  return () => reloaders.delete(reload);
}

let waiting: Change[] = [];
let queued = false;
let lastHeard = 0;
let after = "";
let source: EventSource | null = null;
let leader = false;
let begun = false;
let retry = 0;
let delay = RETRY_FIRST;
const others = new BroadcastChannel("xueliang-feed");

export function begin(): void {
  if (begun) return;
  begun = true;
  lastHeard = Date.now();
  others.onmessage = (event: MessageEvent<Told>) => take(event.data);
  const lead = new Promise<void>(() => undefined); // held until the window closes
  if (navigator.locks) {
    void navigator.locks.request("xueliang-feed", () => {
      leader = true;
      open();
      return lead;
    });
  } else {
    leader = true; // plain HTTP on another host: each window has a stream of its own
    open();
  }
  setInterval(watch, 500);
  setInterval(() => void poll(), POLL);
}

function open(): void {
  source?.close();
  const query = after === "" ? "" : `?after=${encodeURIComponent(after)}`;
  source = new EventSource(`/events${query}`);
  const hear = (kind: "change" | "tick" | "resync" | "end") => (event: MessageEvent<string>) => {
    tell({ kind, data: JSON.parse(event.data) } as Told);
  };
  for (const kind of ["change", "tick", "resync", "end"] as const) source.addEventListener(kind, hear(kind));
  source.onopen = () => {
    delay = RETRY_FIRST;
    attempt.value = 0;
  };
  source.onerror = () => {
    source?.close();
    tryLater();
  };
}

function tryLater(): void {
  clearTimeout(retry);
  attempt.value += 1;
  const wait = delay * (0.75 + Math.random() / 2);
  delay = Math.min(delay * 2, RETRY_LAST);
  nextTry.value = Date.now() + wait;
  others.postMessage({ kind: "trying", data: { attempt: attempt.value, next: nextTry.value } } satisfies Told);
  retry = window.setTimeout(open, wait);
}

export function tryNow(): void {
  clearTimeout(retry);
  if (leader) open();
}

function tell(told: Told): void {
  others.postMessage(told);
  take(told);
}

function take(told: Told): void {
  if (told.kind === "trying") {
    attempt.value = told.data.attempt;
    nextTry.value = told.data.next;
    return;
  }
  heard();
  if (told.kind === "tick") {
    after = told.data.after;
    void paintTurn().then(() => (lastWord.value = told.data.now));
    setTime(told.data.now);
  } else if (told.kind === "change") {
    after = told.data.after;
    queue([told.data]);
  } else if (told.kind === "resync") {
    after = told.data.after;
    reloadAll();
    if (leader) open();
  } else if (told.kind === "end") {
    source?.close();
    // A service that stops comes back; rights that changed leave a login that stands.
    if (told.data.reason === "login_ended") sessionLost(told.data.reason);
    else if (leader) tryLater();
    if (told.data.reason === "rights_changed") reloadAll();
  }
}

function heard(): void {
  const silent = feedState.value === "lost" || feedState.value === "polling";
  lastHeard = Date.now();
  feedState.value = "open";
  standing.value = false;
  if (silent) caughtUp.value = 0;
}

function queue(changes: Change[]): void {
  waiting.push(...changes);
  if (queued) return;
  queued = true;
  void paintTurn().then(() => {
    queued = false;
    const all = waiting;
    waiting = [];
    for (const handler of handlers) handler(all);
  });
}

function reloadAll(): void {
  for (const reload of reloaders) reload();
}

function watch(): void {
  if (feedState.value !== "open" && feedState.value !== "opening") return;
  if (Date.now() - lastHeard <= SILENCE) return;
  feedState.value = "lost";
  standing.value = true;
  if (!leader) return;
  source?.close(); // a connection that says nothing for so long is none
  tryLater();
}

/** While the stream is silent and the service still answers, what changed is fetched. */
async function poll(): Promise<void> {
  if (feedState.value !== "lost" && feedState.value !== "polling") return;
  if (lostLogin.value !== "") return;
  try {
    if (after === "") {
      after = (await body(api.GET("/api/v1/changes"))).after; // nothing was ever heard: from here on
      reloadAll();
    }
    let more = true;
    while (more) {
      const part: Schemas["ChangesOut"] = await body(api.GET("/api/v1/changes", { params: { query: { after } } }));
      after = part.after;
      more = part.more;
      lastWord.value = part.as_of;
      standing.value = false;
      setTime(part.as_of);
      caughtUp.value += part.items.length;
      if (part.items.length > 0) queue(part.items);
    }
    feedState.value = "polling";
  } catch (error) {
    if (error instanceof Problem && error.code === "gone") {
      after = error.fact<string>("after") ?? "";
      reloadAll();
      return;
    }
    feedState.value = "lost";
    standing.value = true;
  }
}
