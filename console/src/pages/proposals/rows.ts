/** Pure: proposals as rows, and what the marks mean. */
import type { Schemas } from "@/api/client";

export type Proposal = Schemas["ProposalOut"];
export type Tab = "new" | "conflict" | "refused";
export const TABS: readonly Tab[] = ["new", "conflict", "refused"];
/** By what a device was found, as the service names it. */
export type How = Schemas["How"];
export const HOWS: readonly How[] = ["multicast", "unicast", "tcp", "hello"];

export function address(one: Proposal): string {
  const host = one.host.includes(":") ? `[${one.host}]` : one.host;
  return `${host}:${one.port}`;
}

export function tabOf(status: unknown, conflict: unknown): Tab {
  if (conflict === "1") return "conflict";
  return TABS.includes(status as Tab) ? (status as Tab) : "new";
}

export function howOf(how: unknown): How | "" {
  return HOWS.includes(how as How) ? (how as How) : "";
}

/** The known device at the same address changed: it may be accepted. */
export function mayAccept(one: Proposal): boolean {
  return one.status === "conflict" && one.device_id !== null && one.conflicts.some((conflict) => conflict.kind === "identity_changed");
}

/** Somebody may have compared them and found two devices. */
export function maySettle(one: Proposal): boolean {
  return one.status === "conflict" && !one.conflicts.some((conflict) => conflict.kind === "identity_changed");
}

/** Only marks of rows that still stand there count. */
export function kept(marked: ReadonlySet<string>, rows: readonly Proposal[]): Set<string> {
  return new Set(rows.filter((one) => marked.has(one.id)).map((one) => one.id));
}

/** Rows stay in their order and change in place; those that are new wait. */
export function merge(shown: readonly Proposal[], answer: readonly Proposal[]): { rows: Proposal[]; waiting: Proposal[]; gone: Set<string> } {
  const got = new Map(answer.map((one) => [one.id, one]));
  const known = new Set(shown.map((one) => one.id));
  return {
    rows: shown.map((one) => got.get(one.id) ?? one),
    waiting: answer.filter((one) => !known.has(one.id)),
    gone: new Set(shown.filter((one) => !got.has(one.id)).map((one) => one.id)),
  };
}
