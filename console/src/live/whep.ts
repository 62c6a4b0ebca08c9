/** Edge: one live picture over WHEP (draft-ietf-wish-whep): an offer out, the answer in, and the session until its end. */
import { asProblem, problemOf } from "@/api/problem";
import { i18n } from "@/i18n";
import type { Ticket } from "./tickets";

export type Role = "main" | "sub";
/** Nobody waits longer for an answer; the service itself gives a camera 3 s. */
const ANSWER = 10_000;
const PARTING = 1_000;

/** What browsers have and the library of types does not. */
interface Receiver extends Omit<RTCRtpReceiver, "jitterBufferTarget"> {
  jitterBufferTarget?: number | null;
  playoutDelayHint?: number;
}

export interface Session {
  readonly viewId: string;
  /** The stream that is really shown. */
  readonly stream: Role;
  readonly media: MediaStream;
  stats(): Promise<Iterable<unknown>>;
  /** Main or sub in this same session, from its next keyframe on. Throws `Problem`. */
  layer(wanted: Role): Promise<void>;
  /** Says so to the service, unless `silent`: then somebody else does. */
  close(silent?: boolean): void;
}

export interface Hearing {
  /** ICE and DTLS are up. */
  connected(): void;
  /** The connection is no longer what it was: a reason to ask the service, never a state. */
  hint(): void;
}

/** Throws `Problem`; `retry_after` is among its facts where the service said when to come back. */
export async function open(camera: string, ticket: Ticket, wanted: Role, hearing: Hearing): Promise<Session> {
  const peer = new RTCPeerConnection({ iceServers: [], bundlePolicy: "max-bundle" });
  try {
    const media = new MediaStream();
    const transceiver = peer.addTransceiver("video", { direction: "recvonly" });
    const receiver = transceiver.receiver as Receiver;
    if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = 0;
    if ("playoutDelayHint" in receiver) receiver.playoutDelayHint = 0;
    media.addTrack(receiver.track);
    prefer(transceiver);
    peer.addEventListener("connectionstatechange", () => {
      if (peer.connectionState === "connected") hearing.connected();
      else if (["disconnected", "failed", "closed"].includes(peer.connectionState)) hearing.hint();
    });
    await peer.setLocalDescription(await peer.createOffer());
    const response = await send("POST", `/whep/${encodeURIComponent(camera)}?stream=${wanted}`, ticket.ticket, {
      body: peer.localDescription?.sdp ?? "",
      kind: "application/sdp",
    });
    const place = response.headers.get("Location") ?? "";
    const text = await response.text();
    await peer.setRemoteDescription({ type: "answer", sdp: text });
    return {
      viewId: response.headers.get("X-View-Id") ?? ticket.view_id,
      stream: response.headers.get("X-Stream") === "main" ? "main" : "sub",
      media,
      stats: async () => (await peer.getStats()).values(),
      layer: async (role) => {
        const body = JSON.stringify({ encodingId: role });
        await send("POST", `${place}/layer`, ticket.ticket, { body, kind: "application/json" });
      },
      close: (silent = false) => {
        receiver.track.stop();
        // Said first: a connection that just goes away is on record as left, not as ended.
        const done = silent ? new Promise((resolve) => setTimeout(resolve, PARTING)) : send("DELETE", place, ticket.ticket, { keepalive: true });
        void done.catch(() => undefined).finally(() => peer.close());
      },
    };
  } catch (error) {
    peer.close();
    throw asProblem(error);
  }
}

/** H.264 is what the service sends; anything else in the offer is only longer. */
function prefer(transceiver: RTCRtpTransceiver): void {
  const codecs = RTCRtpReceiver.getCapabilities("video")?.codecs ?? [];
  const ours = codecs.filter((one) => ["video/h264", "video/rtx"].includes(one.mimeType.toLowerCase()));
  const h264 = ours.some((one) => one.mimeType.toLowerCase() === "video/h264");
  // A browser without H.264 offers what it has: the service says what is missing.
  if (h264) transceiver.setCodecPreferences?.(ours);
}

interface Sent {
  body?: string;
  kind?: string;
  keepalive?: boolean;
}

/** With the ticket alone: cookies count for nothing here. */
async function send(method: string, path: string, ticket: string, { body, kind, keepalive }: Sent): Promise<Response> {
  const headers: Record<string, string> = { Authorization: `Bearer ${ticket}` };
  headers["Accept-Language"] = i18n.global.locale.value === "zh" ? "zh-CN" : "en";
  if (kind !== undefined) headers["Content-Type"] = kind;
  const init: RequestInit = { method, headers, credentials: "omit", cache: "no-store", keepalive: keepalive ?? false };
  if (body !== undefined) init.body = body;
  if (!keepalive) init.signal = AbortSignal.timeout(ANSWER);
  const response = await fetch(path, init);
  if (response.ok) return response;
  const problem = await problemOf(response);
  const after = Number(response.headers.get("Retry-After"));
  if (after > 0) problem.document["retry_after"] = after;
  throw problem;
}
