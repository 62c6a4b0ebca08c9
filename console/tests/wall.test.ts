import { describe, expect, it } from "vitest";
import { Gate } from "../src/live/gate";
import { received, step } from "../src/live/stats";
import { beside, emptyAfter, parse, put, query, swap } from "../src/pages/wall/layout";

describe("the wall in its address", () => {
  it("reads places, empty ones included, and writes them back", () => {
    const wall = parse({ layout: "9", cams: "a1,b2,,c3", name: "left" });
    expect(wall).toMatchObject({ layout: 9, name: "left" });
    expect(wall.cams.slice(0, 5)).toEqual(["a1", "b2", "", "c3", ""]);
    expect(wall.cams).toHaveLength(16);
    expect(query(wall)).toEqual({ layout: "9", cams: "a1,b2,,c3", name: "left" });
  });

  it("finds the smallest layout that holds all, and nine for none", () => {
    expect(parse({}).layout).toBe(9);
    expect(parse({ cams: "a" }).layout).toBe(1);
    expect(parse({ cams: "a,b" }).layout).toBe(4);
    expect(parse({ cams: ",,,,b", layout: "7" }).layout).toBe(9);
    expect(parse({ cams: Array(30).fill("x").join(",") }).cams).toHaveLength(16);
  });

  it("takes nothing for an id that is none", () => {
    expect(parse({ cams: "<b>,a b,../x,ok-1" }).cams.slice(0, 4)).toEqual(["", "", "", "ok-1"]);
    expect(parse({ cams: ["a", "b"], name: "x".repeat(99) })).toMatchObject({ layout: 1, name: "x".repeat(40) });
  });

  it("moves over the places and not beyond", () => {
    expect(beside(0, "ArrowLeft", 9)).toBe(0);
    expect(beside(0, "ArrowDown", 9)).toBe(3);
    expect(beside(8, "ArrowRight", 9)).toBe(8);
    expect(beside(5, "ArrowUp", 16)).toBe(1);
    expect(beside(0, "ArrowRight", 1)).toBe(0);
    expect(swap(["a", "b", "c"], 0, 2)).toEqual(["c", "b", "a"]);
  });

  it("goes on to the next empty place", () => {
    const wall = parse({ layout: "4", cams: "a,,c" });
    expect(emptyAfter(wall, 0)).toBe(1);
    expect(emptyAfter(put(wall, 1, "b"), 1)).toBe(3);
    expect(emptyAfter(parse({ layout: "1", cams: "a" }), 0)).toBe(-1);
  });
});

describe("statistics of a receiver", () => {
  it("are read from the one that is video; NTP is turned into our years", () => {
    const left = Date.UTC(2026, 10, 22);
    const inbound = { type: "inbound-rtp", kind: "video", timestamp: 5000, lastPacketReceivedTimestamp: 4800, framesDecoded: 7, packetsReceived: 20, estimatedPlayoutTimestamp: left + 2_208_988_800_000, frameWidth: 320, frameHeight: 180 };
    const report = [{ type: "codec" }, { type: "inbound-rtp", kind: "audio" }, inbound];
    expect(received(report)).toEqual({ frames: 7, packets: 20, quiet: 200, left, width: 320, height: 180 });
    expect(received([{ ...inbound, estimatedPlayoutTimestamp: left }])?.left).toBe(left);
    expect(received([{ type: "inbound-rtp", kind: "video" }])).toEqual({ frames: 0, packets: 0, quiet: 0, left: null, width: 0, height: 0 });
    expect(received([])).toBeNull();
  });

  it("know the burst from life: 1 ms a frame in it, also where pictures were left out, and over the wrap", () => {
    expect(step(1000, 1090, 1)).toBe(90);
    expect(step(1000, 1000 + 25 * 90, 25)).toBe(90);
    expect(step(0xffffffff - 100, 3499, 1)).toBe(3600);
    expect(step(5000, 4000, 1)).toBe(0);
    expect(step(0, 3600, 0)).toBe(3600);
  });
});

describe("the gate", () => {
  it("lets so many through at a time, in order, also after a failure", async () => {
    const gate = new Gate(2);
    const order: number[] = [];
    const ends: (() => void)[] = [];
    const all = [0, 1, 2, 3].map((one) =>
      gate.through(
        () =>
          new Promise<void>((resolve, reject) => {
            order.push(one);
            ends[one] = one === 0 ? () => reject(new Error("no")) : resolve;
          }),
      ).catch(() => undefined),
    );
    await Promise.resolve();
    expect(order).toEqual([0, 1]);
    ends[0]?.();
    await all[0];
    await Promise.resolve();
    expect(order).toEqual([0, 1, 2]);
    ends[1]?.();
    ends[2]?.();
    await Promise.all([all[1], all[2]]);
    expect(order).toEqual([0, 1, 2, 3]);
    ends[3]?.();
    await all[3];
  });
});
