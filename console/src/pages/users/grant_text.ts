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

/** A password nobody has to think up: five groups, no letters or digits that look alike. */
export function madePassword(random: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer> = (bytes) => crypto.getRandomValues(bytes)): string {
  const letters = "abcdefghijkmnpqrstuvwxyz23456789"; // 32: a byte's last five bits choose evenly
  const bytes = random(new Uint8Array(20));
  return Array.from({ length: 5 }, (_, group) => Array.from(bytes.slice(group * 4, group * 4 + 4), (b) => letters[b & 31]).join("")).join("-");
}
