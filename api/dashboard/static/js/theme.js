// Runs before the first paint, so that the chosen theme never flashes. Not a module: modules run too late.
(() => {
  "use strict";
  const KEY = "questlog-theme";
  const read = () => {
    try { return localStorage.getItem(KEY); } catch { return null; }
  };
  const apply = (theme) => {
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
  };
  apply(read());
  /** The page's theme: `shown()` is what is seen, `set()` keeps a choice (null follows the system). */
  window.questlogTheme = {
    shown: () => read() ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"),
    set: (theme) => {
      try {
        if (theme) localStorage.setItem(KEY, theme);
        else localStorage.removeItem(KEY);
      } catch { /* a browser that keeps nothing still shows the theme until it leaves */ }
      apply(theme);
      dispatchEvent(new Event("themechange"));
    },
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => dispatchEvent(new Event("themechange")));
})();
