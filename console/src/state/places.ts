/** Areas and units by id, for names beside ids. Loaded when first asked for, anew when one changes. */
import { computed, ref } from "vue";
import { api, body, type Schemas } from "@/api/client";
import { onChanges, onResync } from "./feed";
import { may } from "./session";

export type Area = Schemas["AreaOut"];
export type Unit = Schemas["UnitOut"];

export const areas = ref<Area[]>([]);
export const units = ref<Unit[]>([]);
const areaById = computed(() => new Map(areas.value.map((one) => [one.id, one])));
const unitById = computed(() => new Map(units.value.map((one) => [one.id, one])));
let asked = false;

export async function loadPlaces(anew = false): Promise<void> {
  if ((asked && !anew) || !may("read")) return;
  asked = true;
  try {
    areas.value = (await body(api.GET("/api/v1/areas"))).items;
    units.value = (await body(api.GET("/api/v1/units"))).items;
  } catch (error) {
    asked = false;
    throw error;
  }
}

export function areaName(id: string | null | undefined): string {
  return id ? (areaById.value.get(id)?.name ?? id) : "";
}

export function unitName(id: string | null | undefined): string {
  return id ? (unitById.value.get(id)?.name ?? id) : "";
}

/** `District / Nanqiao`. */
export function areaPath(id: string | null | undefined): string {
  const names: string[] = [];
  for (let at = id ? areaById.value.get(id) : undefined; at !== undefined && names.length < 12; at = at.parent_id ? areaById.value.get(at.parent_id) : undefined) {
    names.unshift(at.name);
  }
  return names.join(" / ") || (id ?? "");
}

/** Areas as a tree laid flat: each with its depth, children under their parent, by name. */
export const areaList = computed(() => {
  const under = new Map<string | null, Area[]>();
  const known = areaById.value;
  for (const one of areas.value) {
    const parent = one.parent_id !== null && known.has(one.parent_id) ? one.parent_id : null;
    under.set(parent, [...(under.get(parent) ?? []), one]);
  }
  const list: { area: Area; depth: number }[] = [];
  const walk = (parent: string | null, depth: number): void => {
    for (const area of [...(under.get(parent) ?? [])].sort((a, b) => a.name.localeCompare(b.name, "zh"))) {
      list.push({ area, depth });
      walk(area.id, depth + 1);
    }
  };
  walk(null, 0);
  return list;
});

onChanges((changes) => asked && changes.some((one) => ["area", "unit"].includes(one.kind)) && void loadPlaces(true).catch(() => undefined));
onResync(() => asked && void loadPlaces(true).catch(() => undefined));
