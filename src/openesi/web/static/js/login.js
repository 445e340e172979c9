// @ts-check
// The page that asks for the operator's token where none was shown.

import { logIn } from "./token.js";
import { find } from "./dom.js";

find("#login").addEventListener("submit", async (/** @type {SubmitEvent} */ submitted) => {
  submitted.preventDefault();
  const problem = await logIn(String(new FormData(find("#login")).get("token")));
  if (problem === null) location.reload();
  else find("#login-result").textContent = problem;
});
