// @ts-check
// Start: draw what came with the page, then follow the server.

import { ask, setUpButtons, setUpForm } from "./actions.js";
import { Chart, summary } from "./chart.js";
import { find, write } from "./dom.js";
import * as format from "./format.js";
import { renderDevices, renderEvents, renderForce, renderPower, renderPrograms, renderTable } from "./render.js";
import { follow } from "./stream.js";
import { setUpTheme } from "./theme.js";

const SPANS = { "15m": 900, "24h": 86_400, "48h": 172_800 };
const REFETCH_MS = 60_000; // the long ranges move by the minute

/** @type {any} */
let state = JSON.parse(find("#snapshot").textContent);
let ahead = state.now - Date.now() / 1000; // of this browser's clock
let connected = true;
let toldAt = state.now;
/** @type {keyof typeof SPANS} */
let range = "15m";
/** @type {any[]} */
let samples = state.history;

const now = () => (connected ? Date.now() / 1000 + ahead : toldAt);
const chart = new Chart(find("#chart"), (text) => write(find("#chart-reading"), text));

function drawChart() {
  chart.show(samples, SPANS[range], now());
  write(find("#chart-summary"), summary(samples));
  find("#key-grid").hidden = !chart.hasGrid();
  if (find("#chart-table").open) renderTable(samples);
}

function draw() {
  renderPower(state.power);
  renderForce(state, now());
  renderDevices(state, state.seen, now());
  renderEvents(state, now());
  renderPrograms(state.programs);
}

/** @param {boolean} on */
function setConnected(on) {
  connected = on;
  find("#offline").hidden = on;
  document.body.classList.toggle("aged", !on);
  find("#connection").className = `connection ${on ? "online" : "offline"}`;
  write(find("#connection-text"), on ? "live" : "offline");
  if (!on) write(find("#offline-since"), format.date(toldAt));
}

/** @param {keyof typeof SPANS} wanted */
async function choose(wanted) {
  range = wanted;
  for (const button of document.querySelectorAll("[data-range]"))
    button.setAttribute("aria-pressed", String(/** @type {HTMLElement} */ (button).dataset.range === wanted));
  history.replaceState(null, "", wanted === "15m" ? location.pathname : `?range=${wanted}`);
  await refetch();
}

async function refetch() {
  const wanted = range;
  if (wanted === "15m") samples = state.history;
  else {
    try {
      const { history } = await ask("GET", `/api/readings?range=${wanted}`);
      if (range === wanted) samples = history.rows;
    } catch {
      return; // the stream says that the server is away
    }
  }
  drawChart();
}

function patch(/** @type {any} */ told) {
  const { sample, seen, ...parts } = told;
  Object.assign(state, parts);
  Object.assign(state.seen, seen);
  toldAt = told.now;
  ahead = told.now - Date.now() / 1000;
  if (sample) {
    state.history.push(sample);
    while (state.history.length > 0 && state.history[0][0] < told.now - SPANS["15m"]) state.history.shift();
    if (range === "15m") drawChart();
  }
  draw();
}

setUpTheme(find("#theme"), () => chart.plot && chart.rebuild());
setUpForm();
setUpButtons();
for (const button of document.querySelectorAll("[data-range]"))
  button.addEventListener("click", () => choose(/** @type {any} */ (button).dataset.range));
find("#chart-table").addEventListener("toggle", drawChart);
write(find("#zone"), Intl.DateTimeFormat().resolvedOptions().timeZone);

document.addEventListener("keydown", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  if (event.ctrlKey || event.metaKey || event.altKey || target.closest("input, select, dialog")) return;
  const action = {
    e: () => find("#limit").focus(), l: () => choose("15m"), d: () => choose("24h"), 4: () => choose("48h"),
    t: () => find("#theme").click(), "?": () => find("#keys").showModal(),
  }[event.key];
  if (action) {
    event.preventDefault();
    action();
  }
});

const asked = new URLSearchParams(location.search).get("range") ?? "15m";
draw();
choose(/** @type {any} */ (asked in SPANS ? asked : "15m"));
setInterval(() => {
  draw();
  if (range === "15m") drawChart();
}, 1000);
setInterval(() => range !== "15m" && connected && refetch(), REFETCH_MS);
follow({
  snapshot: (told) => {
    state = told;
    patch({ now: told.now });
    refetch();
  },
  patch,
  connected: setConnected,
});
