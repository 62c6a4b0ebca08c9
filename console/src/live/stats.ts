/** Pure: what a receiver's statistics (W3C webrtc-stats, `inbound-rtp`) say of its pictures. */

export interface Received {
  frames: number;
  packets: number;
  /** Milliseconds between the last packet and the report; 0 where the browser does not tell. */
  quiet: number;
  /** When the picture that is shown left the service, milliseconds since 1970 by its clock; null before its report. */
  left: number | null;
  width: number;
  height: number;
}

/** NTP counts from 1900 (RFC 5905). */
const NTP = 2_208_988_800_000;

interface Inbound {
  type: string;
  kind?: string;
  timestamp?: number;
  framesDecoded?: number;
  packetsReceived?: number;
  lastPacketReceivedTimestamp?: number;
  estimatedPlayoutTimestamp?: number;
  frameWidth?: number;
  frameHeight?: number;
}

export function received(report: Iterable<unknown>): Received | null {
  for (const raw of report) {
    const one = raw as Inbound;
    if (one.type !== "inbound-rtp" || one.kind !== "video") continue;
    const last = one.lastPacketReceivedTimestamp;
    const played = one.estimatedPlayoutTimestamp;
    return {
      frames: one.framesDecoded ?? 0,
      packets: one.packetsReceived ?? 0,
      quiet: last === undefined || one.timestamp === undefined ? 0 : Math.max(0, one.timestamp - last),
      left: played === undefined || played === 0 ? null : played > 2 * NTP * 0.8 ? played - NTP : played,
      width: one.frameWidth ?? 0,
      height: one.frameHeight ?? 0,
    };
  }
  return null;
}

/** Ticks of RTP time (32 bit, it wraps) a frame took; 0 where it went back. */
export function step(before: number, after: number, frames: number): number {
  const ticks = (after - before) >>> 0;
  return ticks > 0x7fffffff ? 0 : ticks / Math.max(1, frames);
}
