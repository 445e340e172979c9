// @ts-check
// The readings as the public API gives them, kept for the page. No drawing here.

const READINGS = "/meter/electricity/interval_reading/csv";
const KEEP_S = 48 * 3600;

export class Readings {
  /** @type {number[]} */ times = [];
  /** @type {number[]} */ watts = [];

  get last() {
    return this.times.length ? this.times[this.times.length - 1] : null;
  }

  /** Fetch what is newer than the last reading; everything the first time. */
  async refresh() {
    const query = this.last === null ? "/all" : `?since=${this.last}`;
    const answer = await fetch(READINGS + query);
    if (answer.status === 404) return;
    if (!answer.ok) throw new Error(`the gateway answers ${answer.status}`);
    for (const line of (await answer.text()).split("\n")) {
      const comma = line.indexOf(",");
      if (comma > 0) this.add(Number(line.slice(comma + 1)), Number(line.slice(0, comma)));
    }
  }

  /** @param {number} time @param {number} watts */
  add(time, watts) {
    if (this.last !== null && time <= this.last) return;
    this.times.push(time);
    this.watts.push(watts);
    const first = this.times.findIndex((each) => each > time - KEEP_S);
    if (first > 500) {
      this.times.splice(0, first);
      this.watts.splice(0, first);
    }
  }

  /**
   * What a graph draws: times and values with a hole (null) wherever readings are missing.
   * @param {number} start @param {number} end @param {number} gapLongerThan
   * @returns {[number[], (number | null)[]]}
   */
  window(start, end, gapLongerThan) {
    /** @type {number[]} */ const times = [];
    /** @type {(number | null)[]} */ const watts = [];
    for (let i = lower(this.times, start); i < this.times.length && this.times[i] <= end; i++) {
      const before = times.length ? times[times.length - 1] : null;
      if (before !== null && this.times[i] - before > gapLongerThan) {
        times.push(before + 1);
        watts.push(null);
      }
      times.push(this.times[i]);
      watts.push(this.watts[i]);
    }
    return [times, watts];
  }

  /**
   * Mean, least and most in steps, newest first; steps without readings are left out.
   * @param {number} start @param {number} end @param {number} step
   */
  steps(start, end, step) {
    const rows = [];
    for (let i = lower(this.times, start); i < this.times.length && this.times[i] <= end; ) {
      const from = this.times[i] - (this.times[i] % step);
      const row = { from, count: 0, sum: 0, least: Infinity, most: -Infinity };
      for (; i < this.times.length && this.times[i] < from + step && this.times[i] <= end; i++) {
        row.count += 1;
        row.sum += this.watts[i];
        row.least = Math.min(row.least, this.watts[i]);
        row.most = Math.max(row.most, this.watts[i]);
      }
      rows.unshift(row);
    }
    return rows;
  }
}

/** Index of the first element >= value. @param {number[]} sorted @param {number} value */
function lower(sorted, value) {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
