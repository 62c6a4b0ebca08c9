/** A grant in one line: role, where, until. */
import { day } from "@/format/time";
import { i18n } from "@/i18n";
import type { Schemas } from "@/api/client";
import { areaName, unitName } from "@/state/places";
import { word } from "@/state/words";

export function grantText(grant: Schemas["GrantOut"]): string {
  const role = grant.role ? word("roles", grant.role) : grant.permissions.map((one) => word("permissions", one)).join(" + ");
  const where = [areaName(grant.area_id), unitName(grant.unit_id)].filter(Boolean).join(", ") || i18n.global.t("users.everywhere");
  const until = grant.until ? `${i18n.global.t("users.until")} ${day(grant.until)}` : "";
  return [role, where, until].filter(Boolean).join(" · ");
}
