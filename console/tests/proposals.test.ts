import { describe, expect, it } from "vitest";
import { address, howOf, kept, mayAccept, maySettle, merge, tabOf, type Proposal } from "@/pages/proposals/rows";

function proposal(part: Partial<Proposal> = {}): Proposal {
  return {
    id: "p", host: "10.8.3.21", port: 80, status: "new", how: "unicast", first_seen: "2026-11-22T06:00:00Z", last_seen: "2026-11-22T06:00:00Z", make: "", model: "",
    serial: null, mac: null, channels: 0, conflicts: [], area_id: null, unit_id: null, device_id: null, reason: null, version: 1, ...part,
  };
}
const conflict = (kind: Proposal["conflicts"][number]["kind"]): Proposal["conflicts"] => [{ kind, with_id: "d", with_proposal: false, text: "" }];

describe("proposals", () => {
  it("have an address that can be read", () => {
    expect([address(proposal()), address(proposal({ host: "fd00::1" }))]).toEqual(["10.8.3.21:80", "[fd00::1]:80"]);
  });
  it("lie on a tab, also by the older word for conflicts", () => {
    expect([tabOf("refused", undefined), tabOf("adopted", undefined), tabOf(undefined, "1")]).toEqual(["refused", "new", "conflict"]);
  });
  it("are told apart by how they were found, in the service's words alone", () => {
    expect([howOf("tcp"), howOf("guess"), howOf(undefined)]).toEqual(["tcp", "", ""]);
  });
  it("are accepted as the known device, or settled as another, never both", () => {
    const changed = proposal({ status: "conflict", device_id: "d", conflicts: conflict("identity_changed") });
    const twin = proposal({ status: "conflict", conflicts: conflict("same_serial") });
    expect([mayAccept(changed), maySettle(changed), mayAccept(twin), maySettle(twin), maySettle(proposal())]).toEqual([true, false, false, true, false]);
  });
  it("stay in their order while rows are marked", () => {
    const shown = [proposal({ id: "a" }), proposal({ id: "b" })];
    const found = merge(shown, [proposal({ id: "c" }), proposal({ id: "b", version: 2 })]);
    expect(found.rows.map((one) => [one.id, one.version])).toEqual([["a", 1], ["b", 2]]);
    expect([found.waiting.map((one) => one.id), [...found.gone]]).toEqual([["c"], ["a"]]);
  });
  it("lose their mark when they go", () => {
    expect([...kept(new Set(["a", "z"]), [proposal({ id: "a" })])]).toEqual(["a"]);
  });
});
