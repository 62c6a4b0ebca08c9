/**
 * One sound for a new incident, off until somebody switches it on. What begins together is one cause and sounds once;
 * a flood sounds once when it begins. One window of a browser sounds, however many are open.
 */
import { onChanges } from "./feed";
import { soundOn } from "./look";

/** What begins within so long is taken for one cause. */
const TOGETHER = 10_000;
const WINDOW = 600_000;
const FLOOD = 10;

export interface Heard {
  /** When incidents began (milliseconds), of the last ten minutes. */
  begun: number[];
  sounded: number;
  flooded: boolean;
}

/** Pure: what was heard, and whether it is time for a sound. */
export function heard(before: Heard, count: number, at: number): { after: Heard; sound: boolean } {
  const begun = [...before.begun.filter((one) => at - one < WINDOW), ...Array.from({ length: count }, () => at)];
  const flooded = begun.length > FLOOD;
  const sound = count > 0 && !(flooded && before.flooded) && at - before.sounded >= TOGETHER;
  return { after: { begun, sounded: sound ? at : before.sounded, flooded }, sound };
}

let state: Heard = { begun: [], sounded: 0, flooded: false };
let audio: AudioContext | null = null;

/** Two soft tones, a fifth of a second each: made here, no file. */
function play(): void {
  audio ??= new AudioContext();
  const start = audio.currentTime;
  [660, 880].forEach((pitch, at) => {
    const tone = (audio as AudioContext).createOscillator();
    const loud = (audio as AudioContext).createGain();
    const from = start + at * 0.22;
    tone.frequency.value = pitch;
    loud.gain.setValueAtTime(0, from);
    loud.gain.linearRampToValueAtTime(0.2, from + 0.02);
    loud.gain.linearRampToValueAtTime(0, from + 0.2);
    tone.connect(loud).connect((audio as AudioContext).destination);
    tone.start(from);
    tone.stop(from + 0.22);
  });
}

/** True in the first window that takes it. */
function first(mark: string): boolean {
  if (localStorage.getItem("xl-sounded") === mark) return false;
  localStorage.setItem("xl-sounded", mark);
  return true;
}

onChanges((changes) => {
  const fresh = changes.filter((one) => one.kind === "incident" && one.change["act"] === "opened");
  const { after, sound } = heard(state, fresh.length, Date.now());
  state = after;
  if (sound && soundOn.value === "on" && first(fresh[0]?.after ?? "")) play();
});
