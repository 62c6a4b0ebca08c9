import { describe, expect, it } from "vitest";
import en from "../src/i18n/en/wall";
import zh from "../src/i18n/zh/wall";
import { EMPTY, type Tile, type TileState } from "../src/live/tile_state";
import { largeAge, look, retryIn, said } from "../src/live/tile_text";

const names = { time: (at: string | number) => `T${at}`, dur: (s: number) => `${Math.round(s)}s`, cause: (code: string) => `<${code}>` };
const tile = (state: TileState, more: Partial<Tile> = {}): Tile => ({ ...EMPTY, state, since: 10_000, ...more });
const words = (texts: typeof zh, one: Tile, now: number, stream: "main" | "sub" = "sub", known: Parameters<typeof said>[2] = null): string => {
  const { key, named } = said(one, stream, known, now, 1_000_000, names);
  const who = texts.who[String(named["who"]) as keyof typeof texts.who];
  return texts.tile[key as keyof typeof texts.tile].replace(/\{(\w+)\}/g, (_, name: string) => String(name === "who" ? who : named[name]));
};
const both = (one: Tile, now: number, ...more: [("main" | "sub")?, Parameters<typeof said>[2]?]): string[] => [words(zh, one, now, ...more), words(en, one, now, ...more)];

describe("the words of section 5", () => {
  it("are the design's, to the letter", () => {
    expect(both(tile("connecting"), 14_200)).toEqual(["正在连接 4 秒", "Connecting 4 s"]);
    expect(both(tile("keyframe"), 12_000)).toEqual(["已连上，等关键帧 2 秒", "Connected, waiting for a keyframe 2 s"]);
    expect(both(tile("live", { frameAt: 19_500 }), 20_000)).toEqual(["实时（子码流）", "Live (sub stream)"]);
    expect(both(tile("live", { frameAt: 18_900 }), 20_000)).toEqual(["实时（子码流）（1 秒前）", "Live (sub stream) (1 s ago)"]);
    expect(both(tile("live", { frameAt: 19_999 }), 20_000, "main")).toEqual(["实时", "Live"]);
    expect(both(tile("live", { frameAt: 19_999, delay: 2400 }), 20_000, "main")).toEqual(["实时（2 秒前）", "Live (2 s ago)"]);
    expect(both(tile("stalled", { frameAt: 13_000 }), 20_000)).toEqual(["停滞，画面是 7 秒前的，正在重连", "Stalled, picture is 7 s old, reconnecting"]);
    expect(both(tile("codec", { refusal: { code: "codec", codec: "H.265", at: 0 } }), 0)).toEqual(["本机解不了 H.265，它没有 H.264 子码流", "Cannot decode H.265 here, no H.264 sub-stream"]);
    const full = tile("limit", { refusal: { code: "view_limit", who: "camera", open: 6, max: 6, at: 0 }, retryAt: 32_000 });
    expect(both(full, 20_000)).toEqual(["摄像机已满 6/6，12 秒后重试", "Camera full 6/6, retry in 12 s"]);
    expect(both(tile("masked"), 0)).toEqual(["要求隐私遮挡，不能看实时", "Privacy mask required, no live view"]);
    expect(both(tile("empty"), 0)).toEqual(["空位，请选摄像机", "Empty, pick a camera"]);
    expect(both(tile("denied"), 0)).toEqual(["没有这路，或不在您的区域", "Not found, or not in your areas"]);
    expect(both(tile("withdrawn", { refusal: { code: "withdrawn", at: 9 } }), 0)).toEqual(["权限已于 T9 收回", "Access withdrawn at T9"]);
    expect(both(tile("blocked"), 0)).toEqual(["本机到服务的视频通道（UDP）不通", "No video path (UDP) from here to the service"]);
    expect(both(tile("unrecorded"), 0)).toEqual(["查看登记写不进，暂不开新画面", "View register not writable, no new pictures"]);
  });

  it("say since when and why a camera is offline: by the service's conclusion, else by its refusal", () => {
    const refused = tile("offline", { refusal: { code: "offline", reason: "timeout", at: 940_000 } });
    expect(both(refused, 0)).toEqual(["离线，自 T940000 起（60s）：<timeout>", "Offline since T940000 (60s): <timeout>"]);
    const known = { state: "offline", since: new Date(880_000).toISOString(), cause: "unreachable" };
    expect(words(zh, refused, 0, "sub", known)).toBe("离线，自 T880000 起（120s）：<unreachable>");
    expect(words(zh, refused, 0, "sub", { ...known, state: "ok" })).toContain("T940000");
  });

  it("count an unknown limit without inventing numbers", () => {
    const full = tile("limit", { refusal: { code: "view_limit", who: "camera", open: 0, max: 0, at: 0 }, retryAt: 30_000 });
    expect(words(en, full, 20_000)).toBe("Camera full, retry in 10 s");
    expect(retryIn(full, 20_000)).toBeNull();
    expect(retryIn(tile("unrecorded", { retryAt: 50_000 }), 20_000)).toBe(30);
  });
});

describe("the picture of each state", () => {
  it("is at full light only while it lives", () => {
    const looks = (["empty", "connecting", "keyframe", "live", "stalled", "offline", "codec", "limit", "masked", "denied", "withdrawn", "blocked", "unrecorded"] as const).map((state) =>
      look(tile(state, { frameAt: 15_000 }), 20_000, false),
    );
    expect(looks).toEqual(["none", "still", "still", "full", "standing", "none", "still", "still", "none", "none", "none", "still", "none"]);
  });

  it("ages: a large number from 10 s, gone from 60 s, back when asked for", () => {
    const at = (old: number): Tile => tile("stalled", { frameAt: 100_000 - old });
    expect([3_000, 9_999, 10_000, 59_999, 60_000].map((old) => largeAge(at(old), 100_000))).toEqual([null, null, 10, 59, null]);
    expect(look(at(59_999), 100_000, false)).toBe("standing");
    expect(look(at(60_000), 100_000, false)).toBe("removed");
    expect(look(at(60_000), 100_000, true)).toBe("standing");
  });
});
