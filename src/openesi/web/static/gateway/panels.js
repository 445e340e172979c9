// @ts-check
// The parts of the page that are words: gaps, quality, table, addresses.

import { duration, moment, powerText } from "./format.js";

const URLS = [
  ["Power now, CSV (watts, Unix seconds)", "/meter/electricity/interval_reading/csv"],
  ["The last hour, CSV", "/meter/electricity/interval_reading/csv/3600"],
  ["48 hours, Green Button", "/meter/electricity/interval_reading/gb/172800"],
  ["State, JSON", "/meter/electricity/status"],
];

/** @param {HTMLElement} table @param {{from: number, count: number, sum: number, least: number, most: number}[]} rows */
export function showTable(table, rows) {
  const body = /** @type {HTMLElement} */ (table.querySelector("tbody"));
  if (!table.closest("details")?.open && body.childElementCount) return; // nobody looks: the first filling will do
  body.replaceChildren(
    ...rows.map((row) => {
      const line = document.createElement("tr");
      const head = document.createElement("th");
      head.scope = "row";
      head.textContent = moment(row.from);
      line.append(head, ...[String(row.count), powerText(row.sum / row.count), powerText(row.least), powerText(row.most)].map(cell));
      return line;
    }),
  );
}

/** @param {HTMLElement} list @param {HTMLElement} none @param {{start: number, length_s: number}[]} gaps */
export function showGaps(list, none, gaps) {
  none.hidden = gaps.length > 0;
  list.replaceChildren(
    ...gaps
      .slice(-20)
      .reverse()
      .map((gap) => {
        const item = document.createElement("li");
        item.textContent = `${moment(gap.start)}: nothing for ${duration(gap.length_s)}`;
        return item;
      }),
  );
}

/** @param {HTMLElement} list @param {any} quality */
export function showQuality(list, quality) {
  const { queries, radio, read_only: readOnly, dongle } = quality;
  const share = queries.total ? ((100 * queries.lost) / queries.total).toFixed(2) : "0";
  const dropouts = quality.energy_check.filter((/** @type {any} */ window) => window.verdict === "dropout").length;
  const off = (/** @type {boolean | null} */ value) => (value === null ? "not known yet" : value ? "off" : "still on");
  const facts = [
    ["Reads that were due", `${queries.total.toLocaleString()}, lost ${queries.lost.toLocaleString()} (${share} %), late ${queries.late}`],
    ["Radio link", radio.link_strength_percent === null ? "not told" : `${radio.link_strength_percent} %, ${radio.words}`],
    ["Power against energy", dropouts ? `${dropouts} of ${quality.energy_check.length} windows differ` : `agree in ${quality.energy_check.length} windows`],
    ["Meter clock", quality.clock_skew_s === null ? "not seen yet" : `${quality.clock_skew_s > 0 ? "+" : ""}${quality.clock_skew_s} s from the gateway's`],
    ["Price and message polling", `${off(readOnly.price_polling_off)}, ${off(readOnly.message_polling_off)}`],
    ["Dongle", dongle ? `${dongle.model} on ${quality.source}` : quality.source],
  ];
  list.replaceChildren(
    ...facts.map(([name, value]) => {
      const row = document.createElement("div");
      const term = document.createElement("dt");
      const detail = document.createElement("dd");
      [term.textContent, detail.textContent] = [name, value];
      row.append(term, detail);
      return row;
    }),
  );
}

/** @param {HTMLElement} list */
export function showUrls(list) {
  list.replaceChildren(
    ...URLS.map(([name, path]) => {
      const url = location.origin + path;
      const item = document.createElement("li");
      const link = document.createElement("a");
      const button = document.createElement("button");
      [link.href, link.textContent] = [path, path];
      button.type = "button";
      button.textContent = "Copy URL";
      button.setAttribute("aria-label", `Copy the address of: ${name}`);
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(url);
        button.textContent = "Copied";
        setTimeout(() => (button.textContent = "Copy URL"), 2000);
      });
      // Without a secure context there is no clipboard; the link can be copied by hand.
      item.append(`${name}: `, link, ...(navigator.clipboard ? [" ", button] : []));
      return item;
    }),
  );
}

/** @param {string} text */
function cell(text) {
  const element = document.createElement("td");
  element.textContent = text;
  return element;
}
