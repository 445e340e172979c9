// @ts-check
// The state in words: every section of the page from what the server told.

import { find, keep, make, write } from "./dom.js";
import * as format from "./format.js";

const ANSWERS = ["received", "started", "completed", "opted_out", "cancelled", "superseded", "rejected", "other"];

/** @param {any} power */
export function renderPower(power) {
  const only = power.devices_w === null && power.grid_w !== null;
  write(find("#power"), format.power(only ? power.grid_w : power.devices_w));
  const parts = [];
  if (power.meters === 0) parts.push("No device has posted power yet.");
  else if (power.fresh < power.meters) parts.push(`${power.fresh} of ${power.meters} meters told lately.`);
  if (only) parts.push("Grid meter only.");
  else if (power.grid_w !== null) {
    parts.push(power.grid_w < 0 ? `Grid takes ${format.power(-power.grid_w)}.` : `Grid gives ${format.power(power.grid_w)}.`);
    if (power.house_w !== null) parts.push(`House uses ${format.power(power.house_w)}.`);
  }
  write(find("#power-detail"), parts.join(" "));
  find(".now").classList.toggle("aged", power.meters > 0 && power.fresh === 0);
}

/** @param {any} state @param {number} now */
export function renderForce(state, now) {
  const active = state.events.find((/** @type {any} */ event) => event.status === "active");
  const body = find("#force-body");
  find("#force").classList.toggle("on", Boolean(active));
  if (body.dataset.event !== (active?.href ?? "none")) {
    body.dataset.event = active?.href ?? "none";
    body.replaceChildren(...(active ? forceParts(active) : [make("p", { class: "count" }, "None"), make("p", { class: "detail" })]));
  }
  if (active) {
    const left = active.start + active.duration - now;
    write(body.querySelector(".count"), left > 0 ? `${format.span(left)} left` : "ending");
    write(body.querySelector(".what"), format.control(active));
    write(body.querySelector(".detail"), `until ${format.time(active.start + active.duration)} · ${answers(active)}`);
    return;
  }
  const next = state.events.find((/** @type {any} */ event) => event.status === "scheduled");
  write(
    body.querySelector(".detail"),
    next ? `Next: ${format.control(next)} in ${format.span(next.start - now)}.` : "Devices follow the default of their program.",
  );
}

function forceParts(/** @type {any} */ event) {
  const button = make("button", { type: "button", class: "danger", "data-cancel": event.href }, "Cancel event");
  return [make("p", { class: "count" }), make("p", { class: "what title" }), make("p", { class: "detail" }), make("p", {}, button)];
}

/** @param {any} state @param {Record<string, number>} seen @param {number} now */
export function renderDevices(state, seen, now) {
  const { total, shown } = state.devices;
  find("#no-devices").hidden = total > 0;
  find("#devices").hidden = total === 0;
  const more = total > shown.length ? `The first ${shown.length} of ${total}. ` : "";
  write(find("#devices-note"), total === 0 ? "" : `${more}Stale after 3, offline after 12 intervals without a word.`);
  keep(find("#devices"), shown, (device) => device.lfdi, createDevice, (row, device) => {
    const heard = seen[device.heard_by];
    const state = freshness(heard, device.interval_s, now);
    write(part(row, ".title"), device.name);
    const grid = device.power_w === null && device.grid_w !== null;
    write(part(row, ".power"), grid ? `grid ${format.power(device.grid_w)}` : format.power(device.power_w));
    part(row, ".state").className = `state ${state}`;
    write(part(row, ".word"), device.enabled ? state : `${state}, not enabled`);
    const ago = heard === undefined ? "not heard since the server started" : `heard ${format.roughly(now - heard)} ago`;
    write(part(row, ".seen"), ago);
    part(row, ".seen").title = heard === undefined ? "" : format.date(heard);
    const facts = [device.status, device.max_w === null ? null : `max ${format.power(device.max_w)}`, device.firmware];
    write(part(row, ".facts"), facts.filter(Boolean).join(" · "));
  });
}

function createDevice(/** @type {any} */ device) {
  const lfdi = make("code", { title: device.lfdi }, format.short(device.lfdi));
  const copy = make("button", { type: "button", "data-copy-text": device.lfdi, "aria-label": `Copy LFDI of ${device.name}` }, "Copy LFDI");
  const pin = make("button", { type: "button", "data-pin": device.lfdi, "aria-label": `Show PIN of ${device.name}` }, "Show PIN");
  const link = make("a", { href: `/api/devices/${device.lfdi}` }, "JSON");
  return make(
    "li", {},
    make("span", { class: "title" }), make("span", { class: "power" }),
    make("span", { class: "sub" },
      make("span", { class: "state" }, make("span", { class: "dot", "aria-hidden": "true" }), make("span", { class: "word" })),
      make("span", { class: "seen" }), make("span", { class: "facts" })),
    make("span", { class: "sub" }, lfdi, copy, pin, link),
  );
}

/** As ``freshness`` on the server has it. */
function freshness(/** @type {number | undefined} */ heard, /** @type {number} */ interval, /** @type {number} */ now) {
  if (heard === undefined) return "unheard";
  if (now - heard > 12 * interval) return "offline";
  return now - heard > 3 * interval ? "stale" : "online";
}

/** @param {any} state @param {number} now */
export function renderEvents(state, now) {
  find("#no-events").hidden = state.events.length > 0;
  keep(find("#events"), state.events, (event) => event.href, createEvent, (row, event) => {
    const live = event.status === "active" || event.status === "scheduled";
    const word = event.status.startsWith("cancelled") ? "cancelled" : event.status;
    part(row, ".tag").className = `tag ${word}`;
    write(part(row, ".tag"), word);
    write(part(row, ".what"), format.control(event));
    write(part(row, ".when"), when(event, now));
    write(part(row, ".answers"), answers(event));
    part(row, "button").hidden = !live;
  });
}

function createEvent(/** @type {any} */ event) {
  const button = make("button", { type: "button", "data-cancel": event.href, "aria-label": `Cancel event ${event.href}` }, "Cancel");
  return make(
    "li", {},
    make("span", { class: "title" }, make("span", { class: "tag" }), " ", make("span", { class: "what" })),
    make("span", { class: "tools" }, button),
    make("span", { class: "sub" }, make("span", { class: "when" }), make("span", { class: "answers" })),
    make("span", { class: "sub" }, make("code", {}, event.href), event.description ?? "", make("a", { href: `/api/events${event.href}` }, "JSON")),
  );
}

function when(/** @type {any} */ event, /** @type {number} */ now) {
  const end = event.start + event.duration;
  if (event.status === "scheduled") return `starts in ${format.span(event.start - now)}, for ${format.span(event.duration)}`;
  if (event.status === "active") return `since ${format.time(event.start)}, until ${format.time(end)}`;
  return `${format.date(event.start)} to ${format.time(event.ended ?? end)}`;
}

function answers(/** @type {any} */ event) {
  const told = ANSWERS.filter((name) => event.responses[name] > 0).map((name) => `${event.responses[name]} ${name.replace("_", " ")}`);
  if (event.responses.silent > 0) told.push(`${event.responses.silent} silent`);
  return told.join(" · ") || "no response";
}

/** @param {any[]} programs */
export function renderPrograms(programs) {
  keep(find("#programs"), programs, (program) => program.href, (program) => make(
    "li", {},
    make("span", { class: "title" }), make("span", { class: "power" }),
    make("span", { class: "sub" }, make("code", {}, program.href), make("span", { class: "facts" })),
  ), (row, program) => {
    write(part(row, ".title"), program.description ?? program.href);
    write(part(row, ".power"), `default ${program.default_limit_percent === null ? "none" : `${program.default_limit_percent} %`}`);
    write(part(row, ".facts"), `primacy ${program.primacy}, lower wins`);
  });
  const select = find("#program");
  keep(select, programs, (program) => program.href, (program) => make("option", { value: program.href }), (option, program) => {
    write(option, program.description ?? program.href);
  });
}

/** @param {[number, number | null, number | null, number | null][]} samples newest last */
export function renderTable(samples) {
  const rows = samples.slice(-500).reverse().map(([at, devices, grid, limit]) => make(
    "tr", {},
    make("td", {}, format.date(at)), make("td", {}, format.power(devices)),
    make("td", {}, format.power(grid)), make("td", {}, format.power(limit)),
  ));
  find("#chart-table tbody").replaceChildren(...rows);
}

/** @param {Element} row @param {string} selector @returns {any} */
const part = (row, selector) => row.querySelector(selector);
