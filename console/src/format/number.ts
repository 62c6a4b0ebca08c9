/** Numbers with their denominators. */

/** One digit, rounded down: 100 % means all. A denominator of 0 has no share. */
export function percent(part: number, whole: number): string {
  if (whole <= 0) return "—";
  if (part >= whole) return "100 %";
  return `${(Math.floor((part / whole) * 1000) / 10).toFixed(1)} %`;
}

export function count(n: number): string {
  return n.toString().replace(/\B(?=(\d{3})+$)/g, ",");
}

/** `12/480`. */
export function of(part: number, whole: number): string {
  return `${count(part)}/${count(whole)}`;
}
