/** The one way to the service: typed by its own description, in the person's language, every refusal a `Problem`. */
import createClient, { type Middleware } from "openapi-fetch";
import type { components, paths } from "@/generated/api";
import { i18n } from "@/i18n";
import { sessionLost } from "@/state/lost";
import { asProblem, Problem, problemOf } from "./problem";

export type Schemas = components["schemas"];
export { asProblem, Problem };

const frame: Middleware = {
  onRequest({ request }) {
    request.headers.set("Accept-Language", i18n.global.locale.value === "zh" ? "zh-CN" : "en");
    if (!["GET", "HEAD"].includes(request.method) && !request.headers.has("Content-Type")) {
      request.headers.set("Content-Type", "application/json");
    }
    return request;
  },
};

export const api = createClient<paths>({ baseUrl: "", credentials: "same-origin", cache: "no-store" });
api.use(frame);

type Answer<T> = { data?: T; error?: unknown; response: Response };

/**
 * The body of an answer of `api`. Throws `Problem`. A login that has run out is told to the whole page, which asks for
 * it again over what stands there; the refusal is thrown all the same.
 */
export async function body<T>(asked: Promise<Answer<T>>): Promise<T> {
  return (await answer(asked)).data as T;
}

/** As `body`, with the version to send back with an edit (`If-Match`). */
export async function versioned<T>(asked: Promise<Answer<T>>): Promise<{ data: T; etag: string }> {
  const { data, response } = await answer(asked);
  return { data: data as T, etag: response.headers.get("ETag") ?? "" };
}

async function answer<T>(asked: Promise<Answer<T>>): Promise<Answer<T>> {
  let got: Answer<T>;
  try {
    got = await asked;
  } catch (error) {
    throw asProblem(error);
  }
  if (got.response.ok) return got;
  throw refused(toProblem(got));
}

function toProblem({ error, response }: Answer<unknown>): Problem {
  const raw = error as { code?: unknown } | undefined;
  if (typeof raw?.code === "string") {
    return new Problem({ what: "", detail: "", fix: "", where: "", request_id: "", ...raw, status: response.status } as never);
  }
  return asProblem(`${response.status}`);
}

function refused(problem: Problem): Problem {
  if (["session_expired", "login_required", "password_change"].includes(problem.code)) sessionLost(problem.code);
  return problem;
}

/** For what is no JSON (pictures, WHEP): the response, or a `Problem`. */
export async function raw(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set("Accept-Language", i18n.global.locale.value === "zh" ? "zh-CN" : "en");
  let response: Response;
  try {
    response = await fetch(path, { ...init, headers, credentials: "same-origin", cache: "no-store" });
  } catch (error) {
    throw asProblem(error);
  }
  if (response.ok) return response;
  throw refused(await problemOf(response));
}

/** One for each press of a button that creates something: pressing again does not do it twice. */
export function onceKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}
