/** Numbers, times and sizes as people read them. All take null for "nothing to say". */

const plain = new Intl.NumberFormat("en");
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const one = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const hundredth = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });
const dollars = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" });
const dayTime = new Intl.DateTimeFormat("en", { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const clock = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const clockSeconds = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const utcDate = new Intl.DateTimeFormat("en", { month: "short", day: "numeric", timeZone: "UTC" });
const date = new Intl.DateTimeFormat("en", { month: "short", day: "numeric" });

/** "+5", "−5", "0"; exact for a BigInt. */
export const signed = (value) => `${value < 0 ? "−" : value > 0 ? "+" : ""}${plain.format(value < 0 ? -value : value)}`;

export const NOTHING = "–";
const or = (format) => (value) => (value === null || value === undefined || Number.isNaN(value) ? NOTHING : format(value));

export const count = or((value) => plain.format(value));
/** 12.4K, and plain below ten thousand. */
export const short = or((value) => (value < 10_000 && value > -10_000 ? one.format(value) : compact.format(value)));
/** Cents as "$12.50". */
export const money = or((cents) => dollars.format(cents / 100));
/** A score: whole ones plain, others to the hundredth. */
export const score = or((value) => hundredth.format(value));
export const decimal = or((value) => one.format(value));
/** Frames a second: to the tenth below a hundred. */
export const rate = or((value) => (value < 100 ? one.format(value) : plain.format(Math.round(value))));
export const percent = or((value) => `${one.format(value * 100)}%`);

export const duration = or((seconds) => {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
});

export const bytes = or((value) => {
  const units = ["B", "KiB", "MiB", "GiB"];
  let step = 0;
  while (value >= 1024 && step < units.length - 1) { value /= 1024; step += 1; }
  return `${one.format(value)} ${units[step]}`;
});

/** Unix milliseconds as "Nov 23, 14:05". */
export const moment = or((ms) => dayTime.format(ms));
/** Unix milliseconds as "Nov 23", in UTC. */
export const day = or((ms) => utcDate.format(ms));
/** How long ago, for the time being. */
export const ago = or((ms) => {
  const seconds = Math.max(0, (Date.now() - ms) / 1000);
  if (seconds < 90) return "just now";
  if (seconds < 5400) return `${Math.round(seconds / 60)} min ago`;
  return seconds < 129_600 ? `${Math.round(seconds / 3600)} h ago` : `${Math.round(seconds / 86_400)} days ago`;
});
/** How long until then: "in 3 h". */
export const until = or((ms) => {
  const seconds = Math.max(0, (ms - Date.now()) / 1000);
  if (seconds < 90) return `in ${Math.round(seconds)} s`;
  if (seconds < 5400) return `in ${Math.round(seconds / 60)} min`;
  return seconds < 129_600 ? `in ${Math.round(seconds / 3600)} h` : `in ${Math.round(seconds / 86_400)} days`;
});
export const timeOfDay = or((ms) => clockSeconds.format(ms));

/** A tick on a time axis: the day at midnight and on long ranges, else the time, to the second on short ones. Unix seconds. */
export function tick(seconds, step) {
  const at = new Date(seconds * 1000);
  if (step < 60) return clockSeconds.format(at);
  return step >= 86_400 || (at.getHours() === 0 && at.getMinutes() === 0) ? date.format(at) : clock.format(at);
}

const UNCHANGED = "±0%";

/** "+12%" against an earlier figure; empty where that was nothing. */
function change(now, before) {
  if (!before || now === null || now === undefined) return "";
  const ratio = (now - before) / before;
  if (Math.abs(ratio) < 0.0005) return UNCHANGED;
  return Math.abs(ratio) >= 10 ? `×${one.format(now / before)}` : `${ratio > 0 ? "+" : "−"}${one.format(Math.abs(ratio) * 100)}%`;
}

/**
 * What became of a figure that was `before`: `text` as "+12%" (empty where there was none) and `tone`, "better" or
 * "worse" where `way` says which way is better (1 more, -1 less, 0 neither). Figures that read the same are the same.
 */
export function compared(now, before, format, way = 0) {
  const text = before && format(now) === format(before) ? UNCHANGED : change(now, before);
  const tone = !text || text === UNCHANGED ? "faint" : way ? (now > before === way > 0 ? "better" : "worse") : "";
  return { text, tone };
}

export const plural = (value, word) => `${count(value)} ${word}${value === 1 ? "" : "s"}`;
