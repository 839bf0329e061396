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

/**
 * A chart in `host`. `series` is `[{label, token, kind: "line" | "bars", shown, format}]`; `update([t, …values])`
 * takes unix seconds and one list for each series, any number of times. The chart fills the height it is given.
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
    host.append(...(legend ? [this.legend] : []), this.plotHost);
    this.observer = new ResizeObserver(() => this.plot?.setSize(this.size()));
    this.observer.observe(this.plotHost);
  }

  /** The plot's room, which the page's layout decides. */
  size() {
    return { width: Math.max(120, this.plotHost.clientWidth), height: Math.max(120, this.plotHost.clientHeight) };
  }

  async update(data) {
    const Plot = await chartLibrary();
    if (!Plot || !this.plotHost.isConnected) return;
    this.data = data;
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
      hooks: { setCursor: [(plot) => this.describe(plot.cursor.idx)] },
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

  /** Put the values under the cursor into the legend, or the newest ones. */
  describe(place) {
    if (!this.data?.[0].length) return;
    const newest = this.data[1].findLastIndex((value) => value !== null);
    const at = place ?? Math.max(0, newest);
    this.time.textContent = moment(this.data[0][at] * 1000);
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
