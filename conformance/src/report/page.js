"use strict";
(() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  document.getElementById("theme").addEventListener("click", () => {
    const now = root.style.colorScheme || (dark.matches ? "dark" : "light");
    root.style.colorScheme = now === "dark" ? "light" : "dark";
  });

  const search = document.getElementById("search");
  if (!search) return;
  const checks = all(".check");
  const groups = all(".group");
  const chips = all(".chips button");
  const count = document.getElementById("count");
  const pressed = (kind) =>
    chips.filter((c) => c.dataset.kind === kind && c.getAttribute("aria-pressed") === "true").map((c) => c.dataset.value);

  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const outcomes = pressed("outcome");
    const levels = pressed("level");
    let shown = 0;
    for (const check of checks) {
      const data = check.dataset;
      const fits =
        (!outcomes.length || outcomes.includes(data.outcome)) &&
        (!levels.length || levels.includes(data.level)) &&
        words.every((word) => data.text.includes(word));
      check.hidden = !fits;
      shown += fits;
    }
    for (const group of groups) group.hidden = !group.querySelector(".check:not([hidden])");
    count.textContent = shown === checks.length ? `${shown} checks` : `${shown} of ${checks.length} checks`;
  };

  search.addEventListener("input", filter);
  for (const chip of chips) {
    chip.addEventListener("click", () => {
      chip.setAttribute("aria-pressed", String(chip.getAttribute("aria-pressed") !== "true"));
      filter();
    });
  }
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== search) {
      event.preventDefault();
      search.focus();
    }
  });
  const reveal = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    if (target.matches(".check")) {
      target.hidden = false;
      target.closest(".group").hidden = false;
      target.open = true;
    }
    target.scrollIntoView({ block: "center" });
  };
  addEventListener("hashchange", reveal);
  filter();
  reveal();
})();
