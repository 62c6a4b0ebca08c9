/** Pure: how a still is to be shown for its age, by the service's clock from capture. */

export interface StillAge {
  seconds: number;
  /** Older than one and a half planned intervals. */
  overdue: boolean;
  /** Older than a day: dimmed. */
  dim: boolean;
}

const OVERDUE = 1.5;
const DAY = 86_400;

export function stillAge(takenAt: string, now: number, planned: number | null): StillAge {
  const seconds = Math.max(0, (now - Date.parse(takenAt)) / 1000);
  return { seconds, overdue: planned !== null && seconds > OVERDUE * planned, dim: seconds > DAY };
}
