/** A panel's definition, on demand: what its figures count, and the calls that give them. */

import { h } from "./dom.js";
import { ABOUT, defined } from "./measures.js";

/** The button and what it opens, or null for a panel that copies its call by itself. `view` and `selection` are the panel's. */
export function aboutButton(view, selection) {
  const about = ABOUT[view.id];
  if (!about) return null;
  const id = `${view.id}-about`;
  const box = h("div", { id, class: "about-panel", popover: "auto", role: "dialog", "aria-label": `About ${view.title}`, on: { beforetoggle: (event) => { if (event.newState === "open") box.replaceChildren(...said(view, about, selection)); } } });
  const button = h("button", { type: "button", class: "quiet", textContent: "About", "aria-label": `About ${view.title}: what it counts and the calls that give it` });
  button.popoverTargetElement = box;
  return [button, box];
}

const unknownToRest = (selection) => selection.beyond(["build", "environment"]).join(" or ");

function said(view, { counts = [], says = "", rest = null, differs = "" }, selection) {
  const own = view.endpoint ? `/dashboard/data/${view.endpoint}?${new URLSearchParams(view.scope === "all" ? { ...selection.parameters(), ...view.parameters?.(selection) } : view.scope === "none" ? {} : { game: selection.game })}` : null;
  const call = (path, key) => h("code", { textContent: `curl ${key} '${location.origin}${path}'` });
  return [
    h("h3", { textContent: view.title }),
    ...counts.map((name) => h("p", { textContent: defined(name) })),
    says ? h("p", { textContent: says }) : "",
    ...(own ? [h("p", { textContent: "These figures, with the cookie of a signed-in browser:" }), call(own, "-b questlog_dashboard=…")] : []),
    ...(rest && unknownToRest(selection) ? [h("p", { textContent: `REST does not filter by ${unknownToRest(selection)}.` })] : []),
    ...(rest ? [h("p", { textContent: differs ? `The nearest of REST. ${differs}` : "The same of REST:" }), call(rest(selection), "-H \"Authorization: Bearer $MGMT\"")] : []),
  ].filter(Boolean);
}
