/** Edge: whether the mark is still over the picture, as somebody in front of the screen sees it. */

/** Anything fainter is no mark. The tiled copy is drawn at 8 %. */
const LEAST = { plate: 0.5, tiled: 0.04 } as const;

/** `mark` and every box between it and the tile are there, seen, of some size, and say `words`. */
export function intact(tile: HTMLElement, mark: HTMLElement | null, kind: keyof typeof LEAST, words: string): boolean {
  if (mark === null || !tile.contains(mark) || !(mark.textContent ?? "").includes(words)) return false;
  let opacity = 1;
  for (let at: HTMLElement | null = mark; at !== null && at !== tile; at = at.parentElement) {
    const style = getComputedStyle(at);
    if (style.display === "none" || style.visibility !== "visible") return false;
    if (style.clipPath !== "none" && at !== mark) return false;
    opacity *= Number(style.opacity || "1");
  }
  if (opacity < LEAST[kind]) return false;
  const box = mark.getBoundingClientRect();
  const frame = tile.getBoundingClientRect();
  // A tile without size is not shown at all: nothing to mark.
  if (frame.width === 0 || frame.height === 0) return true;
  const seen = Math.min(box.right, frame.right) > Math.max(box.left, frame.left) && Math.min(box.bottom, frame.bottom) > Math.max(box.top, frame.top);
  return seen && box.width >= 8 && box.height >= 8;
}
