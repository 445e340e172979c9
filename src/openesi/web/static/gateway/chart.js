// @ts-check
// The graph of power over time: import above zero, export below it, in two colours and two places.

import { moment, powerText, tickText } from "./format.js";

const HEIGHT = 300;

export class Chart {
  /** @param {HTMLElement} element @param {HTMLElement} cursorText */
  constructor(element, cursorText) {
    this.element = element;
    this.cursorText = cursorText;
    /** @type {any} */ this.plot = null;
    /** @type {[number[], (number | null)[]]} */ this.data = [[], []];
    this.range = [0, 1];
    new ResizeObserver(() => this.plot?.setSize(this.size())).observe(element);
    addEventListener("themechange", () => this.rebuild());
    element.addEventListener("keydown", (event) => this.key(event));
  }

  /** @param {[number[], (number | null)[]]} data @param {number} start @param {number} end */
  show(data, start, end) {
    this.data = data;
    this.range = [start, end];
    if (this.plot === null) this.rebuild();
    else this.plot.setData(data);
  }

  size() {
    return { width: this.element.clientWidth || 300, height: innerHeight < 500 ? 220 : HEIGHT };
  }

  rebuild() {
    this.plot?.destroy();
    const colour = (/** @type {string} */ name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    const axis = { stroke: colour("--text-muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 } };
    const options = {
      ...this.size(),
      legend: { show: false },
      cursor: { drag: { x: false, y: false }, points: { size: 8 } },
      scales: {
        x: { range: () => this.range },
        // Zero is always on the graph, so that import and export are told apart by place.
        y: { range: (/** @type {any} */ _, /** @type {number} */ low, /** @type {number} */ high) => bounds(low, high) },
      },
      axes: [
        { ...axis, space: 70 },
        { ...axis, size: 76, values: (/** @type {any} */ _, /** @type {number[]} */ ticks) => ticks.map(tickText) },
      ],
      series: [
        {},
        {
          width: 1.5,
          spanGaps: false,
          points: { show: false },
          stroke: (/** @type {any} */ u) => split(u, colour("--grid"), colour("--solar")),
          fill: (/** @type {any} */ u) => split(u, colour("--grid-fill"), colour("--solar-fill")),
          fillTo: 0,
        },
      ],
      hooks: { setCursor: [(/** @type {any} */ u) => this.say(u.cursor.idx)] },
    };
    // @ts-ignore uPlot is the vendored global
    this.plot = new uPlot(options, this.data, this.element);
  }

  /** @param {number | null | undefined} index */
  say(index) {
    const [times, watts] = this.data;
    if (index === null || index === undefined || times[index] === undefined) {
      this.cursorText.textContent = "\u00a0";
    } else {
      const value = watts[index];
      this.cursorText.textContent = `${moment(times[index])}: ${value === null ? "no reading" : powerText(value)}`;
    }
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
    if (step === undefined || !this.plot || !this.data[0].length) return;
    event.preventDefault();
    event.stopPropagation();
    const last = this.data[0].length - 1;
    const wide = event.shiftKey ? Math.ceil(last / 40) : 1;
    const index = Math.max(0, Math.min(last, (this.plot.cursor.idx ?? last) + step * wide));
    const left = this.plot.valToPos(this.data[0][index], "x");
    const value = this.data[1][index];
    this.plot.setCursor({ left, top: value === null ? 0 : this.plot.valToPos(value, "y") });
  }
}

/** @param {number | null} low @param {number | null} high */
function bounds(low, high) {
  const least = Math.min(0, low ?? 0);
  const most = Math.max(100, high ?? 0);
  const margin = (most - least) * 0.06;
  return [least < 0 ? least - margin : 0, most + margin];
}

/** A colour above zero and another below. @param {any} u @param {string} above @param {string} below */
function split(u, above, below) {
  const { top, height } = u.bbox;
  if (!height || !Number.isFinite(u.scales.y.min)) return above;
  const zero = Math.max(0, Math.min(1, (u.valToPos(0, "y", true) - top) / height));
  const gradient = u.ctx.createLinearGradient(0, top, 0, top + height);
  gradient.addColorStop(0, above);
  gradient.addColorStop(zero, above);
  gradient.addColorStop(zero, below);
  gradient.addColorStop(1, below);
  return gradient;
}
