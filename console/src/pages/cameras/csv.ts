/** Pure: rows as a file that spreadsheets open: UTF-8 with its mark, every field quoted, none that would be reckoned. */

function field(value: string): string {
  // A name that begins like a formula would be run by the spreadsheet of whoever opens the file.
  const tame = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return `"${tame.replace(/"/g, '""')}"`;
}

export function csv(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return `\ufeff${[head, ...rows].map((row) => row.map(field).join(",")).join("\r\n")}\r\n`;
}
