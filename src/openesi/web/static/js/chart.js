// @ts-check
// Power over time by uPlot: devices, grid, and the limit of events as a dashed step line over a shaded band.

import { date, power, tick, time } from "./format.js";

/** @typedef {[number, number | null, number | null, number | null]} Sample at, devices, grid, limit */

const token = (/** @type {string} */ name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export class Chart {
  /** @param {HTMLElement} place @param {(text: string) => void} read tells what the cursor is on */
  constructor(place, read) {
    this.place = place;
    this.read = read;
    /** @type {Sample[]} */
    this.samples = [];
    this.span = 900;
    this.now = 0;
    this.plot = null;
    new ResizeObserver(() => this.resize()).observe(place);
    place.addEventListener("keydown", (event) => this.step(event));
  }

  /** @param {Sample[]} samples @param {number} span in s @param {number} now */
  show(samples, span, now) {
    const another = span !== this.span || this.hasGrid() !== samples.some((sample) => sample[2] !== null);
    Object.assign(this, { samples, span, now });
    if (!this.plot || another) this.rebuild();
    else this.plot.setData(this.columns());
  }

  hasGrid() {
    return this.samples.some((sample) => sample[2] !== null);
  }

  columns() {
    const columns = [0, 1, 2, 3].map((index) => this.samples.map((sample) => sample[index]));
    if (!this.hasGrid()) columns.splice(2, 1);
    return columns;
  }

  rebuild() {
    this.plot?.destroy();
    const { uPlot } = /** @type {any} */ (window);
    this.plot = new uPlot(this.options(uPlot), this.columns(), this.place);
  }

  options(/** @type {any} */ uPlot) {
    const axis = { stroke: token("--soft"), grid: { stroke: token("--line"), width: 1 }, ticks: { show: false } };
    const series = [
      {},
      { stroke: token("--devices"), width: 2, fill: token("--fill"), points: { show: false } },
      { stroke: token("--grid"), width: 2, dash: [2, 3], points: { show: false } },
      { stroke: token("--limit"), width: 2, dash: [8, 5], points: { show: false }, paths: uPlot.paths.stepped({ align: 1 }) },
    ];
    if (!this.hasGrid()) series.splice(2, 1);
    return {
      ...this.size(),
      series,
      axes: [
        { ...axis, space: 70, values: (/** @type {any} */ _, /** @type {number[]} */ all) => all.map((at) => tick(at)) },
        { ...axis, size: 62, values: (/** @type {any} */ _, /** @type {number[]} */ all) => all.map((watts) => power(watts)) },
      ],
      legend: { show: false },
      scales: {
        x: { range: () => [this.now - this.span, this.now] },
        y: { range: (/** @type {any} */ _, /** @type {number} */ low, /** @type {number} */ high) => padded(low, high) },
      },
      cursor: { y: false, points: { size: 8 }, drag: { x: false, y: false } },
      hooks: {
        drawClear: [(/** @type {any} */ plot) => this.shade(plot)],
        setCursor: [(/** @type {any} */ plot) => this.tell(plot.cursor.idx)],
      },
    };
  }

  /** Shade the time in which a limit held. */
  shade(/** @type {any} */ plot) {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.fillStyle = token("--band");
    for (const [from, to] of limited(this.samples, this.now)) {
      const left = Math.max(bbox.left, plot.valToPos(from, "x", true));
      const right = Math.min(bbox.left + bbox.width, plot.valToPos(to, "x", true));
      if (right > left) ctx.fillRect(left, bbox.top, right - left, bbox.height);
    }
    ctx.restore();
  }

  size() {
    return { width: this.place.clientWidth, height: Math.max(120, this.place.clientHeight) };
  }

  resize() {
    if (this.plot && this.place.clientWidth > 0) this.plot.setSize(this.size());
  }

  /** Move the cursor by keys. */
  step(/** @type {KeyboardEvent} */ event) {
    const by = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
    if (by === undefined || !this.plot || this.samples.length === 0) return;
    event.preventDefault();
    const last = this.samples.length - 1;
    const index = Math.min(last, Math.max(0, (this.plot.cursor.idx ?? last + 1) + by));
    this.plot.setCursor({ left: this.plot.valToPos(this.samples[index][0], "x"), top: 10 });
  }

  /** Say what the cursor is on. @param {number | null} index */
  tell(index) {
    const sample = index === null ? undefined : this.samples[index];
    if (!sample) return;
    const [at, devices, grid, limit] = sample;
    const words = [`${this.span > 900 ? date(at) : time(at)}: devices ${power(devices)}`];
    if (grid !== null) words.push(`grid ${power(grid)}`);
    if (limit !== null) words.push(`limit ${power(limit)}`);
    this.read(words.join(", "));
  }
}

/** The spans in which a limit held. @param {Sample[]} samples @param {number} now */
export function limited(samples, now) {
  /** @type {[number, number][]} */
  const spans = [];
  samples.forEach((sample, index) => {
    if (sample[3] === null) return;
    const end = samples[index + 1]?.[0] ?? now;
    const last = spans.at(-1);
    if (last && last[1] === sample[0]) last[1] = end;
    else spans.push([sample[0], end]);
  });
  return spans;
}

/** One sentence for those who do not see the graph. @param {Sample[]} samples */
export function summary(samples) {
  const values = samples.map((sample) => sample[1]).filter((value) => value !== null);
  if (values.length === 0) return "No device has told its power in this time.";
  const words = `Devices between ${power(Math.min(...values))} and ${power(Math.max(...values))}`;
  return samples.some((sample) => sample[3] !== null) ? `${words}; shaded: an event limited them.` : `${words}.`;
}

function padded(/** @type {number | null} */ low, /** @type {number | null} */ high) {
  const [from, to] = [Math.min(0, low ?? 0), Math.max(0, high ?? 0)];
  const pad = (to - from || 1000) * 0.08;
  return [from < 0 ? from - pad : 0, to > 0 || from === 0 ? to + pad : 0];
}
