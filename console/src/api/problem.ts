/** What the service says when it refuses (RFC 9457): three sentences, in the language that was asked for. */
export interface ProblemDocument {
  code: string;
  status: number;
  what: string;
  /** What it means. */
  detail: string;
  fix: string;
  where: string;
  request_id: string;
  errors?: Record<string, string>[];
  [fact: string]: unknown;
}

export class Problem extends Error {
  readonly document: ProblemDocument;

  constructor(document: ProblemDocument) {
    super(document.code);
    this.document = document;
  }

  get code(): string {
    return this.document.code;
  }

  get status(): number {
    return this.document.status;
  }

  fact<T>(name: string): T | undefined {
    return this.document[name] as T | undefined;
  }
}

/** What happened, what it means, what to do: the service's `detail` holds all three in one text. */
export function sentencesOf({ what, detail, fix }: Pick<ProblemDocument, "what" | "detail" | "fix">): string[] {
  const head = what.replace(/\.$/, "");
  let means = detail.startsWith(head) ? detail.slice(head.length).replace(/^\.?\s*/, "") : detail;
  if (fix !== "" && means.endsWith(fix)) means = means.slice(0, -fix.length).trim();
  return [what, means, fix].filter((part) => part !== "");
}

/** A problem of the page's own: its sentences are found by `code` in the texts. */
export function ownProblem(code: string, facts: Record<string, unknown> = {}): Problem {
  return new Problem({ code, status: 0, what: "", detail: "", fix: "", where: "", request_id: "", ...facts });
}

export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return ownProblem("unreachable", { technical: String(error) });
}

export async function problemOf(response: Response): Promise<Problem> {
  const request_id = response.headers.get("x-request-id") ?? "";
  try {
    const raw = (await response.json()) as Partial<ProblemDocument>;
    if (typeof raw.code === "string") {
      return new Problem({
        ...raw,
        code: raw.code,
        status: response.status,
        what: String(raw.what ?? ""),
        detail: String(raw.detail ?? ""),
        fix: String(raw.fix ?? ""),
        where: String(raw.where ?? ""),
        request_id: String(raw.request_id ?? request_id),
      });
    }
  } catch {
    // Not ours: a proxy between answered in its own words.
  }
  return ownProblem("unreachable", { request_id, technical: `${response.status}` });
}
