/** Whether this machine can draw Chinese: without a font two characters render as the same box. */
export function hasChineseFont(): boolean {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 24;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  if (pen === null) return true;
  const draw = (character: string): string => {
    pen.clearRect(0, 0, 24, 24);
    pen.font = `20px ${getComputedStyle(document.body).fontFamily}`;
    pen.fillText(character, 1, 20);
    return Array.from(pen.getImageData(0, 0, 24, 24).data).join();
  };
  return draw("监") !== draw("控");
}
