import { describe, expect, it } from "vitest";
import { sentencesOf } from "@/api/problem";

describe("a refusal", () => {
  it("is said once, in three sentences, as the service writes it in either language", () => {
    const english = { what: "a wall stands there", detail: "a wall stands there. Nothing was changed. Take it down.", fix: "Take it down." };
    expect(sentencesOf(english)).toEqual(["a wall stands there", "Nothing was changed.", "Take it down."]);
    const chinese = { what: "已纳管 1 台，1 台没有。", detail: "已纳管 1 台，1 台没有。没有向这 1 台发过密码。请到「冲突」逐台处理。", fix: "请到「冲突」逐台处理。" };
    expect(sentencesOf(chinese)).toEqual(["已纳管 1 台，1 台没有。", "没有向这 1 台发过密码。", "请到「冲突」逐台处理。"]);
  });
  it("keeps a meaning that stands by itself", () => {
    expect(sentencesOf({ what: "Busy.", detail: "It did not happen.", fix: "" })).toEqual(["Busy.", "It did not happen."]);
  });
});
