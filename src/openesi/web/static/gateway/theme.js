// Runs before the first paint, so that a dark page never flashes white. Not a module for that reason.
"use strict";
(() => {
  const themes = ["auto", "light", "dark"];
  const media = matchMedia("(prefers-color-scheme: dark)");
  const stored = () => {
    try {
      return localStorage.getItem("theme") || "auto";
    } catch {
      return "auto"; // storage can be forbidden; the page works without
    }
  };
  const apply = (theme) => {
    const dark = theme === "dark" || (theme === "auto" && media.matches);
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    document.querySelector('meta[name="theme-color"]').content = dark ? "#0f1419" : "#ffffff";
    dispatchEvent(new Event("themechange"));
  };
  apply(stored());
  media.addEventListener("change", () => apply(stored()));
  addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const show = () => (button.textContent = `Theme: ${stored()}`);
    button.addEventListener("click", () => {
      const next = themes[(themes.indexOf(stored()) + 1) % themes.length];
      try {
        localStorage.setItem("theme", next);
      } catch {
        document.documentElement.dataset.theme = next;
      }
      apply(next);
      show();
    });
    show();
  });
})();
