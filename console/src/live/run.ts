/**
 * Edge: one tile at work: what `tile_state` decides is done here, with its tickets, its session, its video element and
 * a canvas that keeps the last picture while sessions change.
 */
import type { Problem } from "@/api/problem";
import { serviceNow } from "@/state/clock";
import { Gate } from "./gate";
import { ownViews, type OwnView } from "./own_views";
import { beat, isParked, moment, type Beating } from "./pulse";
import { received, step, type Received } from "./stats";
import { lastStill } from "./still";
import { endViews, ticket } from "./tickets";
import { EMPTY, LIVE_STEP, turn, type Refusal, type Tile, type TileEvent } from "./tile_state";
import { look } from "./tile_text";
import { open, type Role, type Session } from "./whep";

/** A picture that lives by then needs no still before it. */
const STILL_AFTER = 500;
/** How often the service is asked what it shows, in beats. */
const LOOK_EVERY = 5;
const LAYER = 3_000;
/** Four tiles at a time (a browser has six connections), one of them for cameras that are said to be offline: those let
 * their asker wait for 3 s, and hold up no other tile. */
const living = new Gate(3);
const dead = new Gate(1);

export interface Screen {
  video: HTMLVideoElement;
  canvas: HTMLCanvasElement;
}

export interface Shown {
  tile: Tile;
  /** By the beat, milliseconds. */
  now: number;
  viewId: string;
  /** The stream that is shown, the one that is asked for and not there yet, and why it is another. */
  stream: Role;
  changing: Role | null;
  fellBack: string | null;
  refusedLayer: Problem | null;
  /** The refusal in the service's own words. */
  problem: Problem | null;
  /** When the still on the canvas was taken, by the service's clock; null without one. */
  stillAt: number | null;
  /** The still is a last frame of this tile, not a picture of a check. */
  stillFrame: boolean;
}

type Frame = VideoFrameCallbackMetadata & { rtpTimestamp?: number };

export class Run implements Beating {
  private tile: Tile = EMPTY;
  private camera = "";
  private session: Session | null = null;
  /** Every opening has a number; what comes of an older one is let go. */
  private turnNumber = 0;
  private before: Received | null = null;
  private advanced = 0;
  private lastFrame: { rtp: number; total: number } | null = null;
  private beats = 0;
  private layerAt = 0;
  private still = false;
  private stillAsked = false;
  private readonly stop: () => void;
  private state: Omit<Shown, "tile" | "now"> = {
    viewId: "", stream: "sub", changing: null, fellBack: null, refusedLayer: null, problem: null, stillAt: null, stillFrame: false,
  };
  private seenAt: number | null = null;

  constructor(
    private readonly screen: Screen,
    private readonly tell: (shown: Shown) => void,
    private wanted: Role,
    private readonly poster: boolean,
    private readonly saidOffline: () => boolean,
  ) {
    this.stop = beat(this);
    screen.video.addEventListener("resize", () => this.resized());
  }

  /** Show this camera; none for an empty tile. */
  watch(camera: string, wanted: Role = this.wanted): void {
    this.wanted = wanted;
    if (this.camera !== "") this.close(false);
    this.blank();
    this.camera = camera;
    this.stillAsked = false;
    this.tile = EMPTY;
    this.say({ viewId: "", changing: null, fellBack: null, refusedLayer: null, problem: null });
    if (camera === "") return;
    this.act({ kind: "begin" });
    if (isParked()) this.act({ kind: "park" });
  }

  act(event: TileEvent): void {
    const before = this.tile.state;
    const { tile, act } = turn(this.tile, event, moment(), Math.random());
    this.tile = tile;
    if (act === "close" || act === "reopen") this.close(false);
    if (tile.state !== before && ["denied", "withdrawn", "masked", "unrecorded", "offline"].includes(tile.state)) this.blank();
    if (act === "open" || act === "reopen") void this.open();
    if (act === "ask") void this.ask();
    this.say({});
  }

  /** Main or sub in the session that stands. */
  async layer(wanted: Role): Promise<void> {
    const session = this.session;
    this.wanted = wanted;
    if (session === null || this.state.changing !== null) return;
    this.layerAt = moment();
    this.say({ changing: wanted, refusedLayer: null });
    try {
      await session.layer(wanted);
    } catch (error) {
      if (session === this.session) this.say({ changing: null, refusedLayer: error as Problem });
    }
  }

  /** The picture goes and does not come back by itself. */
  end(): void {
    this.watch("");
    this.stop();
  }

  tick(now: number): void {
    this.beats += 1;
    if (this.session === null) this.act({ kind: "tick", frameAt: null, step: 0, packets: false, delay: 0 });
    else void this.measure(this.session, now);
    if (this.tile.session === "open" && this.beats % LOOK_EVERY === 0) void this.ask();
    if (this.state.changing !== null && now - this.layerAt > LAYER) void this.ask();
    this.say({});
  }

  slept(): void {
    this.act({ kind: "slept" });
  }

  park(): void {
    this.act({ kind: "park" });
  }

  wake(): void {
    this.act({ kind: "wake" });
  }

  /** One call ends them all, also while the page is torn down. */
  leave(): void {
    if (this.session === null) return;
    endViews([this.session.viewId]);
    this.close(true);
  }

  private async open(): Promise<void> {
    const mine = ++this.turnNumber;
    const current = (): boolean => mine === this.turnNumber;
    if (this.poster) window.setTimeout(() => current() && void this.poste(), STILL_AFTER);
    try {
      const given = await ticket(this.camera);
      const session = await (this.saidOffline() ? dead : living).through(async () => {
        if (!current()) {
          endViews([given.view_id]);
          return null;
        }
        return open(this.camera, given, this.wanted, {
          connected: () => current() && this.act({ kind: "connected" }),
          hint: () => current() && this.session !== null && void this.ask(),
        });
      });
      if (session === null) return;
      if (!current()) session.close();
      else this.begin(session);
    } catch (error) {
      if (!current()) return;
      this.say({ problem: error as Problem });
      this.act({ kind: "refused", refusal: refusal(error as Problem) });
    }
  }

  private begin(session: Session): void {
    this.session = session;
    this.before = this.lastFrame = null;
    this.advanced = 0;
    this.act({ kind: "answered" });
    const { video } = this.screen;
    video.srcObject = session.media;
    // Refused where a person has to touch the page first; muted pictures are not.
    video.play().catch(() => undefined);
    if ("requestVideoFrameCallback" in video) this.listen(session);
    this.say({ viewId: session.viewId, stream: session.stream, changing: null, problem: null });
  }

  private listen(session: Session): void {
    const { video } = this.screen;
    video.requestVideoFrameCallback((_, frame: Frame) => {
      if (session !== this.session) return;
      const total = video.getVideoPlaybackQuality().totalVideoFrames;
      const rtp = frame.rtpTimestamp ?? 0;
      const ticks = this.lastFrame === null ? 0 : step(this.lastFrame.rtp, rtp, total - this.lastFrame.total);
      this.lastFrame = { rtp, total };
      // A picture that already lives is counted by the beat: a wall decodes hundreds a second.
      if (this.tile.state !== "live") this.act({ kind: "frame", step: ticks });
      this.listen(session);
    });
  }

  private async measure(session: Session, now: number): Promise<void> {
    const found = received(await session.stats());
    if (session !== this.session) return;
    const before = this.before;
    this.before = found;
    const decoded = found !== null && found.frames > (before?.frames ?? 0);
    this.advanced = decoded ? this.advanced + 1 : 0;
    // Without a word on single frames, two beats with pictures are past the burst.
    const alone = !("requestVideoFrameCallback" in this.screen.video) || document.visibilityState === "hidden";
    this.act({
      kind: "tick",
      frameAt: decoded ? now - (found?.quiet ?? 0) : null,
      step: alone && this.advanced > 1 ? LIVE_STEP : 0,
      packets: found !== null && before !== null && found.packets > before.packets,
      delay: found?.left == null ? 0 : Math.max(0, serviceNow() - found.left),
    });
  }

  private async ask(): Promise<void> {
    const session = this.session;
    const { asked, views } = await ownViews();
    if (session === null || session !== this.session) return;
    const view = views?.get(session.viewId);
    if (view !== undefined) this.take(view);
    if (views !== null && view === undefined && asked <= this.tile.opened) return;
    const state = views === null ? "silent" : (view?.state ?? "gone");
    this.act({ kind: "told", state, cause: view?.cause ?? null, serviceTime: serviceNow() });
  }

  private take(view: OwnView): void {
    const late = this.state.changing !== null && moment() - this.layerAt > LAYER;
    const stream = this.state.changing === null || late ? view.stream : this.state.stream;
    this.say({ fellBack: view.fell_back ?? null, stream, changing: late ? null : this.state.changing });
  }

  /** Another size of picture: the other stream has come. */
  private resized(): void {
    if (this.state.changing !== null && this.tile.fresh) this.say({ stream: this.state.changing, changing: null });
  }

  private close(silent: boolean): void {
    this.turnNumber += 1;
    const session = this.session;
    this.session = null;
    if (session === null) return;
    this.keep();
    this.screen.video.srcObject = null;
    session.close(silent);
  }

  /** The last frame stays, dimmed and with its age, until another session has one. */
  private keep(): void {
    const { video } = this.screen;
    if (this.tile.viewed && video.videoWidth > 0 && this.lastSeen() !== null) this.draw(video, video.videoWidth, video.videoHeight, this.lastSeen(), true);
  }

  private lastSeen(): number | null {
    return this.seenAt === null ? null : serviceNow() - (moment() - this.seenAt);
  }

  /** Each is a view on record: asked for once, and only where it would be seen. */
  private async poste(): Promise<void> {
    const camera = this.camera;
    const wanted = (): boolean => camera === this.camera && !this.still && look(this.tile, moment(), false) === "still";
    if (this.stillAsked || !wanted()) return;
    this.stillAsked = true;
    const found = await lastStill(camera, wanted);
    if (found === null) return;
    if (wanted()) {
      this.draw(found.picture, found.picture.width, found.picture.height, found.at, false);
      if (this.state.viewId === "") this.say({ viewId: found.viewId });
    }
    found.picture.close();
  }

  private draw(from: CanvasImageSource, width: number, height: number, at: number | null, frame: boolean): void {
    const { canvas } = this.screen;
    canvas.width = width;
    canvas.height = height;
    canvas.getContext("2d")?.drawImage(from, 0, 0);
    this.still = true;
    this.say({ stillAt: at, stillFrame: frame });
  }

  private blank(): void {
    this.still = false;
    this.seenAt = null;
    this.screen.canvas.width = this.screen.canvas.height = 0;
    this.say({ stillAt: null, stillFrame: false });
  }

  private say(more: Partial<Omit<Shown, "tile" | "now">>): void {
    if (this.tile.frameAt !== null) this.seenAt = this.tile.frameAt;
    this.state = { ...this.state, ...more };
    this.tell({ ...this.state, tile: this.tile, now: moment() });
  }
}

function refusal(problem: Problem): Refusal {
  const given: Refusal = { code: problem.code, at: serviceNow() };
  const seconds = Number(problem.fact("retry_after"));
  if (seconds > 0) given.seconds = seconds;
  for (const name of ["who", "codec", "reason"] as const) {
    const value = problem.fact<unknown>(name);
    if (typeof value === "string") given[name] = value;
  }
  for (const name of ["open", "max"] as const) {
    const value = problem.fact<unknown>(name);
    if (typeof value === "number") given[name] = value;
  }
  return given;
}
