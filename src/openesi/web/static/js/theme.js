// @ts-check
// Light, dark, or as the system has it; kept for the next visit.

const THEMES = ["auto", "light", "dark"];

/** @param {HTMLButtonElement} button @param {() => void} changed */
export function setUpTheme(button, changed) {
  const system = matchMedia("(prefers-color-scheme: dark)");
  let theme = stored();

  function apply() {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    button.textContent = theme[0].toUpperCase() + theme.slice(1);
    button.setAttribute("aria-label", `Colours: ${theme}. Change`);
    const page = getComputedStyle(document.documentElement).getPropertyValue("--page").trim();
    document.querySelector("meta[name=theme-color]")?.setAttribute("content", page);
    changed();
  }

  button.addEventListener("click", () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    try {
      localStorage.setItem("theme", theme);
    } catch {
      // private windows may not keep anything; the choice then holds for this visit
    }
    apply();
  });
  system.addEventListener("change", apply);
  apply();
}

function stored() {
  try {
    const theme = localStorage.getItem("theme") ?? "auto";
    return THEMES.includes(theme) ? theme : "auto";
  } catch {
    return "auto";
  }
}
