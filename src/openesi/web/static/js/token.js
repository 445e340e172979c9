// @ts-check
// The operator's token: shown once, then the browser has a cookie that scripts cannot read.

import { find } from "./dom.js";

/** Return null, or what is wrong with the token. @param {string} token @returns {Promise<string | null>} */
export async function logIn(token) {
  const response = await fetch("/api/login", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ token: token.trim() }),
  });
  return response.ok ? null : (await response.json()).error;
}

/** Ask for the token until it is right or the operator gives up. @returns {Promise<boolean>} whether it is right */
export async function askForToken() {
  const dialog = find("#token");
  const field = dialog.querySelector("[name=token]");
  const result = find("#token-result");
  result.textContent = "";
  for (;;) {
    field.value = "";
    dialog.returnValue = "";
    dialog.showModal();
    field.focus();
    await new Promise((closed) => dialog.addEventListener("close", closed, { once: true }));
    if (dialog.returnValue !== "enter") return false;
    const problem = await logIn(field.value);
    if (problem === null) return true;
    result.textContent = problem;
  }
}
