/** Edge: tickets to look. What a wall asks for in one moment is asked for in one call; each is a row of the register. */
import { api, asProblem, body, Problem, type Schemas } from "@/api/client";
import { purpose } from "@/state/purpose";

export type Ticket = Schemas["TicketOut"];
/** Long enough for the tiles of a page that is being drawn, too short to be seen. */
const TOGETHER = 10;
/** Tickets last for 60 s: a wall opens in far less. */
const AT_MOST = 16;

interface Waiting {
  camera: string;
  resolve: (ticket: Ticket) => void;
  reject: (problem: Problem) => void;
}

let waiting: Waiting[] = [];
let timer = 0;

/** A ticket for one view of this camera, with the purpose that stands in the header. Rejects with `Problem`. */
export function ticket(camera: string): Promise<Ticket> {
  return new Promise((resolve, reject) => {
    waiting.push({ camera, resolve, reject });
    if (timer === 0) timer = window.setTimeout(ask, TOGETHER);
  });
}

function ask(): void {
  timer = 0;
  const all = waiting;
  waiting = [];
  // The same camera twice on a wall: two views, so two calls.
  for (let rest = all; rest.length > 0; ) {
    const seen = new Set<string>();
    const now = rest.filter((one) => seen.size < AT_MOST && !seen.has(one.camera) && seen.add(one.camera));
    rest = rest.filter((one) => !now.includes(one));
    const first = now[0];
    if (now.length === 1 && first !== undefined) void single(first);
    else void several(now);
  }
}

async function single(one: Waiting): Promise<void> {
  try {
    const asked = { params: { path: { camera_id: one.camera } }, body: { kind: "live", purpose: purpose.value } } as const;
    one.resolve(await body(api.POST("/api/v1/cameras/{camera_id}/views", asked)));
  } catch (error) {
    one.reject(asProblem(error));
  }
}

async function several(some: Waiting[]): Promise<void> {
  try {
    const camera_ids = some.map((one) => one.camera);
    const answered = await body(api.POST("/api/v1/views", { body: { kind: "live", purpose: purpose.value, camera_ids } }));
    for (const one of some) {
      const found = answered.items.find((item) => item.camera_id === one.camera);
      if (found?.ticket) one.resolve(found.ticket);
      else one.reject(problem(found?.problem));
    }
  } catch (error) {
    for (const one of some) one.reject(asProblem(error));
  }
}

function problem(raw: Record<string, unknown> | null | undefined): Problem {
  const empty = { code: "not_found", status: 404, what: "", detail: "", fix: "", where: "", request_id: "" };
  return new Problem({ ...empty, ...raw });
}

let ending: string[] = [];

/** Ends views, those of one moment in one call, also while the page is torn down. The service writes their ends also when nobody asks. */
export function endViews(ids: string[]): void {
  if (ending.length === 0) queueMicrotask(flush);
  ending.push(...ids);
}

function flush(): void {
  const view_ids = ending;
  ending = [];
  if (view_ids.length === 0) return;
  const init = { method: "POST", headers: { "Content-Type": "application/json" }, keepalive: true, body: JSON.stringify({ view_ids }) };
  void fetch("/api/v1/views/end", { ...init, credentials: "same-origin" }).catch(() => undefined);
}
