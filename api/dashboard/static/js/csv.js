/** Tables as files of comma-separated values, for spreadsheets. */

const PLAIN = /^[+-]?(\d+(\.\d+)?)%?$/;
const MEANS_MORE = /^[=+\-@\t\r]/;

/** A cell: times as ISO 8601, numbers without separators, other texts so that no spreadsheet computes them. */
function value(cell) {
  const time = cell.querySelector("time")?.dateTime;
  if (time) return time;
  const text = cell.textContent.trim();
  const bare = text.replaceAll(",", "").replace("−", "-");
  if (PLAIN.test(bare)) return bare;
  return text === "–" ? "" : MEANS_MORE.test(text) ? `'${text}` : text;
}

const quoted = (text) => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/** The CSV of tables, a blank line between two of them. */
export function csvOf(tables) {
  return tables.map((table) => [...table.rows].map((row) => [...row.cells].map((cell) => quoted(value(cell))).join(",")).join("\r\n")).join("\r\n\r\n");
}

/** Give the browser a file to keep. */
export function keepFile(name, text) {
  const address = URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv;charset=utf-8" }));
  const link = Object.assign(document.createElement("a"), { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1_000);
}
