import { describe, expect, it } from "vitest";
import { age, backoff, BLOCKED, EMPTY, LIVE_STEP, STALLED, turn, type Act, type Tile, type TileEvent } from "../src/live/tile_state";

/** A tile under a clock of the test's own; every act it asks for is kept. */
class Tried {
  tile: Tile = EMPTY;
  now = 1_000_000;
  acts: Act[] = [];

  constructor(...events: TileEvent[]) {
    for (const one of events) this.do(one);
  }

  do(event: TileEvent): this {
    const { tile, act } = turn(this.tile, event, this.now, 0.5);
    this.tile = tile;
    if (act !== "none") this.acts.push(act);
    return this;
  }

  after(ms: number, event?: TileEvent): this {
    this.now += ms;
    return event === undefined ? this : this.do(event);
  }

  /** So many beats of a second without anything new but `more`. */
  beats(count: number, more: Partial<Extract<TileEvent, { kind: "tick" }>> = {}): this {
    for (let at = 0; at < count; at++) {
      this.now += 1000;
      this.do({ kind: "tick", frameAt: null, step: 0, packets: false, delay: 0, ...more });
    }
    return this;
  }

  /** Beats with pictures. */
  plays(count: number): this {
    for (let at = 0; at < count; at++) {
      this.now += 1000;
      this.do({ kind: "tick", frameAt: this.now - 40, step: 0, packets: true, delay: 0 });
    }
    return this;
  }

  take(): Act[] {
    return this.acts.splice(0);
  }
}

const begun = (): Tried => new Tried({ kind: "begin" });
const opened = (): Tried => begun().after(50, { kind: "answered" });
const connected = (): Tried => opened().after(50, { kind: "connected" });
const live = (): Tried => connected().after(20, { kind: "frame", step: 0 }).after(40, { kind: "frame", step: 3600 });
const refused = (code: string, more: object = {}): Tried => begun().after(20, { kind: "refused", refusal: { code, at: 5, ...more } });

describe("from the first ask to a living picture", () => {
  it("connects, waits for a keyframe, lives", () => {
    const tried = begun();
    expect(tried.tile.state).toBe("connecting");
    expect(tried.take()).toEqual(["open"]);
    tried.after(30, { kind: "answered" });
    expect(tried.tile.state).toBe("connecting");
    tried.after(30, { kind: "connected" });
    expect(tried.tile.state).toBe("keyframe");
    tried.after(10, { kind: "frame", step: 0 });
    expect(tried.tile.state).toBe("keyframe");
    tried.after(10, { kind: "frame", step: 90 });
    expect(tried.tile.state).toBe("keyframe"); // the cached burst is a still
    tried.after(40, { kind: "frame", step: LIVE_STEP });
    expect(tried.tile.state).toBe("live");
    expect(tried.take()).toEqual([]);
  });

  it("says that no way is there after 8 s, and tries again later", () => {
    const tried = opened();
    tried.take();
    tried.beats(8);
    expect(tried.tile.state).toBe("connecting");
    tried.beats(1);
    expect(tried.now - tried.tile.opened).toBeGreaterThan(BLOCKED);
    expect(tried.tile.state).toBe("blocked");
    expect(tried.take()).toEqual(["close"]);
    tried.beats(5);
    expect(tried.take()).toEqual(["open"]);
    expect(tried.tile.state).toBe("blocked");
  });

  it("asks what is the matter when no keyframe comes, and begins anew when packets make no picture", () => {
    const tried = connected();
    tried.take();
    tried.beats(4);
    expect(tried.take()).toEqual(["ask"]);
    tried.do({ kind: "told", state: "keyframe", cause: null, serviceTime: 1 });
    expect(tried.tile.session).toBe("open");
    tried.beats(3, { packets: true });
    expect(tried.take()).toEqual(["reopen"]);
  });
});

describe("live to stale", () => {
  it("counts from the last frame or from how far it was behind, whichever is more", () => {
    const tried = live();
    const at = tried.tile.frameAt as number;
    expect(age(tried.tile, at + 700)).toBe(700);
    expect(age({ ...tried.tile, delay: 1500 }, at + 700)).toBe(1500);
    expect(age(EMPTY, 5)).toBeNull();
  });

  it("stalls at 3 s, asks the service, and keeps the session while the camera is the trouble", () => {
    const tried = live();
    tried.take();
    tried.plays(5).beats(2);
    expect(tried.tile.state).toBe("live");
    tried.beats(1);
    expect(tried.tile.state).toBe("stalled");
    expect(tried.now - (tried.tile.frameAt as number)).toBeLessThanOrEqual(STALLED + 1000);
    expect(tried.take()).toEqual(["ask"]);
    tried.do({ kind: "told", state: "stalled", cause: null, serviceTime: 1 });
    expect(tried.tile.session).toBe("open");
    expect(tried.take()).toEqual([]);
    tried.after(100, { kind: "frame", step: 3600 });
    expect(tried.tile.state).toBe("live");
  });

  it("begins a new session when the service sends and nothing comes, is over, or does not answer", () => {
    for (const state of ["live", "gone", "silent"]) {
      const tried = live().plays(2).beats(3);
      tried.take();
      tried.do({ kind: "told", state, cause: null, serviceTime: 1 });
      expect([state, tried.take()]).toEqual([state, ["reopen"]]);
      expect(tried.tile.state).toBe("stalled");
      expect(age(tried.tile, tried.now)).toBeGreaterThan(3000); // still the age of the old picture
      tried.after(50, { kind: "answered" }).after(50, { kind: "connected" });
      expect(tried.tile.state).toBe("stalled");
      tried.after(50, { kind: "frame", step: 0 }).after(50, { kind: "frame", step: 90 });
      expect(tried.tile.state).toBe("stalled"); // the burst is no life yet
      tried.after(50, { kind: "frame", step: 3600 });
      expect(tried.tile.state).toBe("live");
    }
  });

  it("begins a new session at once for packets without frames, and for frames 3 s behind", () => {
    const packets = live().plays(1);
    packets.take();
    expect(packets.beats(3, { packets: true }).take()).toEqual(["reopen"]);
    const behind = live().plays(4);
    behind.take();
    behind.after(1000, { kind: "tick", frameAt: behind.now + 990, step: 0, packets: true, delay: 3200 });
    expect(behind.tile.state).toBe("stalled");
    expect(behind.take()).toEqual(["reopen"]);
  });

  it("takes longer between attempts that come to nothing, and forgets them after 10 s of life", () => {
    const tried = live().plays(1);
    tried.beats(3, { packets: true });
    expect(tried.tile.attempt).toBe(1);
    tried.take();
    tried.after(50, { kind: "answered" }).after(50, { kind: "connected" }).beats(3, { packets: true });
    expect(tried.take()).toEqual(["close"]);
    expect(tried.tile.retryAt).not.toBeNull();
    tried.beats(2);
    expect(tried.take()).toEqual(["open"]);
    tried.after(50, { kind: "answered" }).after(50, { kind: "connected" }).after(20, { kind: "frame", step: 0 });
    tried.after(40, { kind: "frame", step: 3600 }).plays(11);
    expect(tried.tile.attempt).toBe(0);
  });

  it("lives by the counters alone where the browser does not tell of single frames", () => {
    const tried = connected();
    tried.after(1000, { kind: "tick", frameAt: tried.now + 900, step: 0, packets: true, delay: 0 });
    expect(tried.tile.state).toBe("keyframe");
    tried.after(1000, { kind: "tick", frameAt: tried.now + 900, step: LIVE_STEP, packets: true, delay: 0 });
    expect(tried.tile.state).toBe("live");
  });

  it("is offline when the service says so, keeps its session, and lives again in it", () => {
    const tried = live().plays(2).beats(3);
    tried.do({ kind: "told", state: "offline", cause: "unreachable", serviceTime: 77 });
    expect(tried.tile).toMatchObject({ state: "offline", session: "open", refusal: { reason: "unreachable", at: 77 } });
    tried.beats(3);
    tried.do({ kind: "told", state: "offline", cause: "timeout", serviceTime: 99 });
    expect(tried.tile.refusal?.at).toBe(77); // since then
    tried.take();
    tried.after(500, { kind: "frame", step: 3600 });
    expect(tried.tile.state).toBe("live");
    expect(tried.take()).toEqual([]);
  });
});

describe("refusals", () => {
  it("says each by its code", () => {
    const said = ["offline", "codec", "view_limit", "masked", "register", "not_found", "forbidden", "unreachable", "ticket"].map((code) => refused(code).tile.state);
    expect(said).toEqual(["offline", "codec", "limit", "masked", "unrecorded", "denied", "denied", "connecting", "connecting"]);
  });

  it("obeys Retry-After to the second, whoever asks in between", () => {
    const tried = refused("view_limit", { seconds: 12 });
    tried.take();
    tried.beats(11).do({ kind: "nudge", why: "hand" }).do({ kind: "nudge", why: "service" });
    expect(tried.take()).toEqual([]);
    tried.beats(2);
    expect(tried.take()).toEqual(["open"]);
    expect(tried.tile.state).toBe("limit"); // until there is an answer
  });

  it("waits 1 to 30 s with jitter where nothing is said", () => {
    for (let attempt = 1; attempt < 12; attempt++) {
      for (const random of [0, 0.5, 0.999]) {
        expect(backoff(attempt, random)).toBeGreaterThanOrEqual(1000);
        expect(backoff(attempt, random)).toBeLessThanOrEqual(30_000);
      }
    }
    expect(backoff(9, 0)).not.toBe(backoff(9, 0.9));
  });

  it("does not try by itself where waiting changes nothing, but when the camera is another", () => {
    for (const code of ["codec", "masked", "not_found"]) {
      const tried = refused(code);
      tried.take();
      tried.beats(60);
      expect(tried.take()).toEqual([]);
      tried.do({ kind: "nudge", why: "facts" });
      expect([code, tried.take()]).toEqual([code, ["open"]]);
    }
  });

  it("comes back at once when the service does", () => {
    const tried = refused("unreachable");
    for (let at = 0; at < 6; at++) tried.beats(40).do({ kind: "refused", refusal: { code: "unreachable", at: 1 } });
    tried.take();
    tried.do({ kind: "nudge", why: "service" });
    expect(tried.take()).toEqual(["open"]);
  });

  it("keeps a standing picture standing while the service cannot be reached", () => {
    const tried = live().plays(1).beats(3);
    tried.do({ kind: "told", state: "silent", cause: null, serviceTime: 1 });
    tried.after(20, { kind: "refused", refusal: { code: "unreachable", at: 1 } });
    expect(tried.tile.state).toBe("stalled");
    expect(tried.tile.frameAt).not.toBeNull();
  });

  it("says withdrawn, not denied, where something was shown before", () => {
    const tried = live().plays(1).do({ kind: "told", state: "gone", cause: null, serviceTime: 1 });
    tried.after(20, { kind: "refused", refusal: { code: "forbidden", at: 42 } });
    expect(tried.tile).toMatchObject({ state: "withdrawn", frameAt: null, refusal: { at: 42 } });
    const told = live().do({ kind: "withdrawn", serviceTime: 43 });
    expect(told.tile).toMatchObject({ state: "withdrawn", session: "none", frameAt: null });
    expect(told.take()).toContain("close");
  });
});

describe("sleep and hidden pages", () => {
  it("connects anew after a sleep, whatever it was", () => {
    for (const tried of [live(), refused("view_limit", { seconds: 600 }), refused("masked"), live().plays(1).beats(9)]) {
      tried.take();
      tried.do({ kind: "slept" });
      expect(tried.tile).toMatchObject({ state: "connecting", session: "asking", frameAt: null, retryAt: null });
      expect(["open", "reopen"]).toContain(tried.take()[0]);
    }
  });

  it("ends when hidden, hears nothing meanwhile, and begins when seen again", () => {
    const tried = live();
    tried.take();
    tried.do({ kind: "park" });
    expect(tried.take()).toEqual(["close"]);
    tried.beats(100).do({ kind: "nudge", why: "service" }).do({ kind: "slept" });
    expect(tried.take()).toEqual([]);
    tried.do({ kind: "wake" });
    expect(tried.take()).toEqual(["open"]);
    expect(tried.tile.state).toBe("connecting");
  });

  it("an empty tile hears nothing, and emptying closes what is open", () => {
    const tried = new Tried({ kind: "slept" }, { kind: "wake" }, { kind: "nudge", why: "hand" });
    expect(tried.tile).toEqual(EMPTY);
    const other = live();
    other.take();
    expect(other.do({ kind: "clear" }).take()).toEqual(["close"]);
  });

  it("frames of a session that is over are not taken for life", () => {
    const tried = live().plays(1).beats(3, { packets: true });
    expect(tried.tile.session).toBe("asking");
    tried.do({ kind: "frame", step: 3600 });
    expect(tried.tile.state).toBe("stalled");
  });
});
