/** Pure: of those who share a step of the way, how many are well. */

export interface Step {
  kind: string;
  id: string;
  name: string;
  cameras?: number | null;
  counts?: Record<string, number | undefined> | null;
}

export interface Shared {
  kind: string;
  id: string;
  name: string;
  ok: number;
  n: number;
  /** The camera in question is not counted. */
  without: boolean;
}

/** `down`: the camera in question stands in an incident, so it is none of those that are well and is left out. */
export function others(steps: readonly Step[], down: boolean): Shared[] {
  const out: Shared[] = [];
  for (const step of steps) {
    if (step.cameras == null || step.counts == null) continue;
    const n = down ? step.cameras - 1 : step.cameras;
    if (n > 0) out.push({ kind: step.kind, id: step.id, name: step.name, ok: step.counts["ok"] ?? 0, n, without: down });
  }
  return out;
}
