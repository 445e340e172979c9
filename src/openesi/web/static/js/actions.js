// @ts-check
// What the operator does: the same requests as the command line sends.

import { copy, find } from "./dom.js";
import { askForToken } from "./token.js";

/** Ask the API; throws an Error with the server's own words.
 * @param {string} method @param {string} path @param {object} [body] */
export async function ask(method, path, body) {
  const options = body ? { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } } : {};
  let response = await fetch(path, { method, ...options });
  if (response.status === 401 && (await askForToken())) response = await fetch(path, { method, ...options });
  const answer = response.status === 204 ? null : await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

export function setUpForm() {
  const form = find("#send");
  form.addEventListener("submit", async (/** @type {SubmitEvent} */ submitted) => {
    submitted.preventDefault();
    const given = new FormData(form);
    const limit = Number(given.get("limit"));
    const body = {
      duration_s: Math.round(Number(given.get("duration")) * Number(given.get("time"))),
      program: given.get("program"),
      ...(given.get("unit") === "percent" ? { limit_percent: limit } : { limit_w: limit * 1000 }),
    };
    await tell(form.querySelector("[type=submit]"), async () => {
      const sent = await ask("POST", "/api/events", body);
      return `Sent: ${sent.href} is ${sent.status}.`;
    });
  });
}

/** One listener for all buttons, those that come later included. */
export function setUpButtons() {
  document.addEventListener("click", async (event) => {
    const button = /** @type {HTMLElement} */ (event.target).closest("button");
    if (!button) return;
    const { cancel, copy: selector, copyText, pin } = button.dataset;
    if (cancel) await cancelEvent(button, cancel);
    else if (selector) await copy(button, find(selector), find(selector).textContent);
    else if (copyText) await copy(button, /** @type {HTMLElement} */ (button.previousElementSibling), copyText);
    else if (pin) await togglePin(button, pin);
  });
}

async function cancelEvent(/** @type {HTMLButtonElement} */ button, /** @type {string} */ href) {
  const dialog = find("#confirm");
  find("#confirm-text").textContent = `Cancel ${href}? Devices that have started it end it at once.`;
  dialog.returnValue = "";
  dialog.showModal();
  await new Promise((closed) => dialog.addEventListener("close", closed, { once: true }));
  if (dialog.returnValue !== "cancel") return;
  await tell(button, async () => {
    const cancelled = await ask("DELETE", `/api/events${href}`);
    return `${cancelled.href} is ${cancelled.status}.`;
  });
}

async function togglePin(/** @type {HTMLButtonElement} */ button, /** @type {string} */ lfdi) {
  if (button.dataset.shown) {
    delete button.dataset.shown;
    button.textContent = "Show PIN";
    return;
  }
  const device = await ask("GET", `/api/devices/${lfdi}`);
  button.dataset.shown = "yes";
  button.textContent = device.pin === null ? "No PIN" : `PIN ${String(device.pin).padStart(6, "0")}`;
}

/** Run an action and say what came of it. */
async function tell(/** @type {HTMLButtonElement} */ button, /** @type {() => Promise<string>} */ action) {
  const result = find("#send-result");
  button.disabled = true;
  try {
    result.textContent = await action();
    result.classList.remove("failed");
  } catch (error) {
    result.textContent = error instanceof TypeError ? "The server does not answer." : /** @type {Error} */ (error).message;
    result.classList.add("failed");
  } finally {
    button.disabled = false;
  }
}
