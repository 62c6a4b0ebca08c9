/** The list as a file: marked rows, or all that the filters leave, fetched page by page. No pictures, no addresses of streams. */
import { api, body } from "@/api/client";
import { full } from "@/format/time";
import { i18n } from "@/i18n";
import { word } from "@/state/words";
import { csv } from "./csv";
import { wanted, type Asked } from "./query";
import type { Camera } from "./use_list";

const TOGETHER = 500;
const HEAD = ["name", "code", "gb_id", "area", "unit", "state", "cause", "since", "checked", "good", "device", "channel", "address"] as const;

export interface Names {
  areas: ReadonlyMap<string, string>;
  units: ReadonlyMap<string, string>;
}

function row(one: Camera, names: Names): string[] {
  const when = (at: string | null): string => (at === null ? "" : full(at));
  return [
    one.name,
    one.point_code ?? "",
    one.gb_id ?? "",
    names.areas.get(one.area_id) ?? "",
    names.units.get(one.unit_id ?? "") ?? "",
    word("states", one.state),
    word("causes", one.cause),
    when(one.since),
    when(one.last_at),
    when(one.last_good_at),
    one.device_name,
    String(one.channel),
    one.host,
  ];
}

/** Everything that the filters leave, in the list's order. Throws `Problem`. */
export async function all(asked: Asked, progress: (n: number) => void): Promise<Camera[]> {
  const found: Camera[] = [];
  let cursor: string | null = null;
  do {
    const query: Record<string, unknown> = { ...wanted(asked), sort: asked.sort, limit: TOGETHER };
    if (cursor !== null) query["cursor"] = cursor;
    const page: { items: Camera[]; next_cursor?: string | null } = await body(api.GET("/api/v1/cameras", { params: { query } }));
    found.push(...page.items);
    cursor = page.next_cursor ?? null;
    progress(found.length);
  } while (cursor !== null);
  return found;
}

export function save(found: readonly Camera[], names: Names, asOf: string): void {
  const t = (key: string): string => i18n.global.t(key);
  const text = csv(HEAD.map((one) => t(`cameras.column.${one}`)), found.map((one) => row(one, names)));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = `cameras-${full(asOf).replace(/[: ]/g, "-")}.csv`;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
