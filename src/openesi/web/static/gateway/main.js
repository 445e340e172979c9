// @ts-check
// The page: fetches by the public API, listens to the live stream, hands everything to the parts that draw.

import { Chart } from "./chart.js";
import { ago, duration, energyText, moment, power, powerText } from "./format.js";
import { Readings } from "./readings.js";
import { showGaps, showQuality, showTable, showUrls } from "./panels.js";

const RANGES = { "15m": 900, "1h": 3600, "6h": 21600, "24h": 86400, "48h": 172800 };
const KEYS = { m: "15m", h: "1h", 6: "6h", d: "24h", 4: "48h" };
const QUALITY_EVERY_MS = 30000;
const STALE_S = 60;

const byId = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const readings = new Readings();
const chart = new Chart(byId("chart"), byId("cursor"));

/** @type {any} */ let status = null;
/** @type {any} */ let quality = null;
let statusAt = 0; // performance.now() of the status, to let its age grow
let offlineSince = 0;

// The address is the state: what is shown can be bookmarked and shared.
function view() {
  const query = new URLSearchParams(location.search);
  const name = /** @type {keyof typeof RANGES} */ (query.get("range") ?? "");
  const end = Number(query.get("end")) || null;
  return { name: name in RANGES ? name : /** @type {keyof typeof RANGES} */ ("48h"), end };
}

/** @param {string} name @param {number | null} end */
function go(name, end) {
  const query = new URLSearchParams({ range: name });
  if (end) query.set("end", String(Math.round(end)));
  history.replaceState(null, "", `?${query}`);
  draw();
}

/** @param {number} by in windows */
function shift(by) {
  const { name, end } = view();
  const last = readings.last ?? Date.now() / 1000;
  const moved = (end ?? last) + (by * RANGES[name]) / 2;
  go(name, moved >= last ? null : Math.max(moved, (readings.times[0] ?? last) + RANGES[name] / 2));
}

function draw() {
  const { name, end } = view();
  const until = end ?? meterNow();
  const from = until - RANGES[name];
  chart.show(readings.window(from, until, quality?.gap_longer_than_s ?? 30), from, until);
  for (const button of document.querySelectorAll("[data-range]")) {
    button.setAttribute("aria-pressed", String(/** @type {HTMLElement} */ (button).dataset.range === name));
  }
  const rows = readings.steps(from, until, Math.max(60, RANGES[name] / 48));
  showTable(byId("table"), rows);
  byId("summary").textContent = summary(rows, from, until);
}

/** @param {{count: number, sum: number, least: number, most: number}[]} rows @param {number} from @param {number} until */
function summary(rows, from, until) {
  const count = rows.reduce((n, row) => n + row.count, 0);
  if (!count) return `No readings between ${moment(from)} and ${moment(until)}.`;
  const least = Math.min(...rows.map((row) => row.least));
  const most = Math.max(...rows.map((row) => row.most));
  const mean = rows.reduce((n, row) => n + row.sum, 0) / count;
  return `${count.toLocaleString()} readings in ${duration(until - from)}: mean ${powerText(mean)}, least ${powerText(least)}, most ${powerText(most)}. Import is above zero, export below.`;
}

function age() {
  return status?.age_s == null ? null : status.age_s + (performance.now() - statusAt) / 1000;
}

function meterNow() {
  const seconds = age();
  return seconds === null || readings.last === null ? Date.now() / 1000 : readings.last + seconds;
}

function showNow() {
  const seconds = age();
  const watts = seconds !== null && seconds <= Math.max(STALE_S, 3 * (status?.interval_s ?? 4)) ? status.power_w : null;
  const { number, unit } = watts === null ? { number: "–", unit: "" } : power(Math.abs(watts));
  byId("power").textContent = number;
  byId("unit").textContent = unit;
  byId("direction").textContent = watts === null ? "unknown" : watts < 0 ? "↑ exporting to the grid" : "↓ importing from the grid";
  document.body.dataset.flow = watts === null ? "unknown" : watts < 0 ? "export" : "import";
  const time = byId("age");
  time.textContent = status?.time ? `${ago(seconds ?? 0)}, ${moment(status.time)}` : "no reading yet";
  byId("delivered").textContent = energyText(status?.energy_delivered_wh ?? null);
  byId("received").textContent = energyText(status?.energy_received_wh ?? null);
  showState(watts !== null);
}

/** @param {boolean} fresh */
function showState(fresh) {
  const [sign, words] = offlineSince
    ? ["✕", "no connection to the gateway"]
    : fresh
      ? ["●", "reading the meter"]
      : ["▲", status?.link?.state === "closed" ? `dongle: ${status.link.reason}` : (status?.radio?.words ?? "waiting for the meter")];
  const text = `${sign} ${words}`;
  if (byId("state").textContent !== text) byId("state").textContent = text;
  byId("state").dataset.level = offlineSince ? "bad" : fresh ? "good" : "warn";
  document.body.classList.toggle("is-offline", offlineSince > 0);
  byId("offline").hidden = !offlineSince;
  if (offlineSince) byId("offline").textContent = `The gateway does not answer. Last data: ${status?.time ? moment(status.time) : "none"}.`;
}

async function refreshQuality() {
  const answer = await fetch("/meter/electricity/quality");
  if (!answer.ok) return;
  quality = await answer.json();
  showGaps(byId("gaps"), byId("gaps-none"), quality.gaps);
  showQuality(byId("quality"), quality);
}

function listen() {
  const stream = new EventSource("/meter/electricity/stream");
  stream.addEventListener("status", async (event) => {
    [status, statusAt, offlineSince] = [JSON.parse(event.data), performance.now(), 0];
    await readings.refresh(); // what was missed while the line was down or the machine asleep
    showNow();
    draw();
  });
  stream.addEventListener("reading", (event) => {
    const { time, power_w } = JSON.parse(event.data);
    readings.add(time, power_w);
    [status, statusAt] = [{ ...status, time, power_w, age_s: 0 }, performance.now()];
    showNow();
    if (!document.hidden) draw();
  });
  stream.addEventListener("error", () => {
    offlineSince ||= performance.now();
    showNow();
  });
}

addEventListener("keydown", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  if (event.ctrlKey || event.metaKey || event.altKey || target.closest?.("input, textarea, select, dialog")) return;
  const range = KEYS[/** @type {keyof typeof KEYS} */ (event.key)];
  if (range) go(range, view().end);
  else if (event.key === "ArrowLeft") shift(-1);
  else if (event.key === "ArrowRight") shift(1);
  else if (event.key === "t") go(view().name, null);
  else if (event.key === "?") /** @type {HTMLDialogElement} */ (byId("help")).showModal();
});
for (const button of document.querySelectorAll("[data-range]")) {
  button.addEventListener("click", () => go(/** @type {HTMLElement} */ (button).dataset.range ?? "48h", view().end));
}
byId("earlier").addEventListener("click", () => shift(-1));
byId("later").addEventListener("click", () => shift(1));
byId("latest").addEventListener("click", () => go(view().name, null));
byId("help-open").addEventListener("click", () => /** @type {HTMLDialogElement} */ (byId("help")).showModal());
document.addEventListener("visibilitychange", () => document.hidden || draw());

showUrls(byId("api"));
await refreshQuality();
draw();
listen();
setInterval(showNow, 1000);
setInterval(refreshQuality, QUALITY_EVERY_MS);
