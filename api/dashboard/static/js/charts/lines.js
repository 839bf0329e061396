/** Lines and bars over time, drawn by uPlot, with a legend that is buttons. */

import { color, faded, h } from "../dom.js";
import { moment, short, tick } from "../format.js";

let library;
/** The chart library, or null where it was not installed: the caller shows a table then. */
export function chartLibrary() {
  library ??= import("/dashboard/static/vendor/uPlot.esm.js").then((module) => module.default, () => null);
  return library;
}

const FONT = '11px system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif';

/** Where the bucket begins that is still running, in unix seconds; null where none of these is. */
export function runningSince(starts, bucketMinutes) {
  const last = starts.at(-1);
  return last !== undefined && last + bucketMinutes * 60 > Date.now() / 1000 ? last : null;
}

/**
 * A chart in `host`. `series` is `[{label, token, kind: "line" | "bars", shown, format}]`; `update([t, …values])`
 * takes unix seconds and one list for each series, any number of times, and where the bucket begins that is still
 * running (null: none is), which is drawn as such; `marks` are `{at, text}`. The chart fills the height it is given.
 */
export class TimeChart {
  constructor(host, { series, label, legend = true }) {
    this.series = series.map((one) => ({ shown: true, format: short, kind: "line", ...one }));
    this.plotHost = h("div", { class: "plot", role: "img", "aria-label": label });
    this.time = h("time");
    this.values = this.series.map(() => h("b"));
    this.legend = h("div", { class: "legend" },
      this.series.map((one, place) => h("button", { type: "button", "aria-pressed": String(one.shown), style: { "--swatch": `var(--${one.token})` }, on: { click: (event) => this.toggle(place, event.currentTarget) } }, h("i"), one.label, " ", this.values[place])),
      this.time);
    this.listed = h("ul", { class: "unseen", "aria-label": "Marked moments" });
    host.append(...(legend ? [this.legend] : []), this.plotHost, this.listed);
    this.observer = new ResizeObserver(() => this.plot?.setSize(this.size()));
    this.observer.observe(this.plotHost);
  }

  /** The plot's room, which the page's layout decides. */
  size() {
    return { width: Math.max(120, this.plotHost.clientWidth), height: Math.max(120, this.plotHost.clientHeight) };
  }

  async update(data, running = null, marks = []) {
    const Plot = await chartLibrary();
    if (!Plot || !this.plotHost.isConnected) return;
    this.data = data;
    this.running = running;
    this.marks = marks;
    this.listed.replaceChildren(...marks.map(({ at, text }) => h("li", { textContent: `${moment(at * 1000)}: ${text}` })));
    if (this.plot) this.plot.setData(data);
    else this.plot = new Plot(this.options(Plot), data, this.plotHost);
    this.describe(null);
  }

  options(Plot) {
    const [ink, line] = [color("ink-3"), color("line")];
    const axis = { stroke: ink, font: FONT, grid: { stroke: faded(line, 0.7), width: 1 }, ticks: { show: false } };
    return {
      ...this.size(),
      legend: { show: false },
      padding: [8, 18, 0, 0],
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
      scales: { x: { time: true, range: (plot, min, max) => this.span(plot.data[0], min, max) }, y: { range: (_, __, max) => [0, max > 0 ? max * 1.08 : 1] } },
      axes: [
        { ...axis, grid: { show: false }, space: 64, size: 26, gap: 4, values: (_, splits, __, ___, step) => splits.map((split) => tick(split, step)) },
        { ...axis, size: 46, gap: 4, space: 38, values: (_, splits) => splits.map((split) => short(split)) },
      ],
      series: [{}, ...this.series.map((one) => this.style(Plot, one))],
      hooks: { setCursor: [(plot) => this.describe(plot.cursor.idx)], draw: [(plot) => this.shadeRunning(plot), (plot) => this.drawMarks(plot)] },
    };
  }

  style(Plot, one) {
    const stroke = color(one.token);
    const base = { label: one.label, show: one.shown, stroke, points: { show: false } };
    if (one.kind === "bars") return { ...base, width: 0, fill: faded(stroke, one.pale ? 0.35 : 0.75), paths: Plot.paths.bars({ size: [0.8, 40], radius: 0.15 }) };
    return { ...base, width: 2, fill: one.area ? faded(stroke, 0.12) : undefined, paths: Plot.paths.linear() };
  }

  /** Bars stand on their bucket's start: leave half a bucket at both ends. */
  span(times, min, max) {
    const half = this.series.some((one) => one.kind === "bars") && times.length > 1 ? (times[1] - times[0]) / 2 : 0;
    return [min - half, max + half];
  }

  /** A dashed line at each mark within the chart, and its text where there is room for it. */
  drawMarks(plot) {
    const { left, top, width, height } = plot.bbox;
    const { ctx } = plot;
    const scale = devicePixelRatio || 1;
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = color("ink-3");
    ctx.lineWidth = scale;
    ctx.setLineDash([4 * scale, 3 * scale]);
    ctx.font = `${11 * scale}px system-ui, sans-serif`;
    ctx.textBaseline = "top";
    ctx.textAlign = "left";
    let free = left;
    for (const { at, text } of this.marks) {
      const x = plot.valToPos(at, "x", true);
      if (x < left || x > left + width) continue;
      ctx.beginPath();
      ctx.moveTo(x, top);
      ctx.lineTo(x, top + height);
      ctx.stroke();
      const begin = x + 3 * scale + ctx.measureText(text).width > left + width ? x - 3 * scale - ctx.measureText(text).width : x + 3 * scale;
      if (begin < free) continue;
      ctx.fillText(text, begin, top);
      free = begin + ctx.measureText(text).width + 6 * scale;
    }
    ctx.restore();
  }

  /** What the running bucket has so far is less than what it will have: its place is shaded. */
  shadeRunning(plot) {
    if (this.running === null) return;
    const { left, top, width, height } = plot.bbox;
    const times = plot.data[0];
    const before = times.at(-2) ?? this.running;
    const at = Math.max(left, plot.valToPos(this.series.some(({ kind }) => kind === "bars") ? (before + this.running) / 2 : before, "x", true));
    plot.ctx.save();
    plot.ctx.fillStyle = faded(color("ink-3"), 0.14);
    plot.ctx.fillRect(at, top, left + width - at, height);
    plot.ctx.restore();
  }

  /** Put the values under the cursor into the legend, or the newest ones. */
  describe(place) {
    if (!this.data?.[0].length) return;
    const newest = this.data[1].findLastIndex((value) => value !== null);
    const at = place ?? Math.max(0, newest);
    this.time.textContent = `${moment(this.data[0][at] * 1000)}${this.data[0][at] === this.running ? ", so far" : ""}`;
    this.series.forEach((one, index) => { this.values[index].textContent = one.format(this.data[index + 1][at]); });
  }

  toggle(place, button) {
    const one = this.series[place];
    one.shown = !one.shown;
    button.setAttribute("aria-pressed", String(one.shown));
    this.plot?.setSeries(place + 1, { show: one.shown });
  }

  destroy() {
    this.observer.disconnect();
    this.plot?.destroy();
  }
}
