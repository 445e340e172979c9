// @ts-check
// Asks for what is new, and puts it under the rest; a message is fetched when its line is opened.

const PAUSE_MS = 500;
const MAX_ROWS = 2000;
const rows = /** @type {HTMLElement} */ (document.querySelector("#rows"));
const device = /** @type {HTMLSelectElement} */ (document.querySelector("#device"));
const air = /** @type {HTMLInputElement} */ (document.querySelector("#air"));
const stand = /** @type {HTMLElement} */ (document.querySelector("#stand"));
const connection = /** @type {HTMLElement} */ (document.querySelector("#connection"));
const empty = /** @type {HTMLElement} */ (document.querySelector("#empty"));
const hint = stand.textContent;
let after = 0;
let run = "";
/** @type {{device: string, state: string, reason: string, todo: string}[]} */
let devices = [];

async function ask() {
  try {
    const response = await fetch(`/rows?after=${after}`);
    if (!response.ok) throw new Error(String(response.status));
    const news = await response.json();
    if (run && news.run !== run) {
      after = 0; // another run: what is here is of one that has ended
      rows.replaceChildren();
      run = news.run;
      return;
    }
    run = news.run;
    show(news);
    tell("live", "live");
  } catch {
    tell("lost", "no answer; still asking");
  } finally {
    setTimeout(ask, document.hidden ? 10 * PAUSE_MS : PAUSE_MS);
  }
}

/** @param {{next: number, html: string, devices: typeof devices}} news */
function show(news) {
  after = news.next;
  devices = news.devices;
  listDevices();
  if (!news.html) return;
  const follows = innerHeight + scrollY >= document.body.scrollHeight - 40;
  rows.insertAdjacentHTML("beforeend", news.html);
  while (rows.childElementCount > MAX_ROWS) rows.firstElementChild?.remove();
  empty.hidden = true;
  filter();
  if (follows) scrollTo(0, document.body.scrollHeight);
}

function listDevices() {
  for (const one of devices) {
    if (![...device.options].some((option) => option.value === one.device)) device.add(new Option(one.device, one.device));
  }
  const chosen = devices.find((one) => one.device === device.value) ?? (devices.length === 1 ? devices[0] : undefined);
  stand.textContent = chosen ? `${chosen.device} is ${chosen.state}. ${chosen.reason} ${chosen.todo}` : hint;
}

function filter() {
  rows.classList.toggle("no-air", !air.checked);
  for (const row of rows.children) {
    const of = /** @type {HTMLElement} */ (row).dataset.device;
    row.toggleAttribute("hidden", Boolean(device.value && of && of !== device.value));
  }
}

/** @param {string} state @param {string} text */
function tell(state, text) {
  if (connection.dataset.state === state && connection.textContent === text) return;
  connection.dataset.state = state;
  connection.textContent = text;
}

rows.addEventListener(
  "toggle",
  async (event) => {
    const opened = /** @type {HTMLDetailsElement} */ (event.target);
    const place = opened.querySelector("pre");
    if (!opened.open || !place || place.textContent) return;
    const response = await fetch(`/messages/${opened.dataset.number}`).catch(() => undefined);
    place.textContent = response ? await response.text() : "no answer; close it and open it again";
    if (!response?.ok) setTimeout(() => (place.textContent = ""), 3000);
  },
  true,
);
device.addEventListener("change", () => (filter(), listDevices()));
air.addEventListener("change", filter);
ask();
