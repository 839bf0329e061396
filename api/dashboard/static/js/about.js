/** A panel's definition, on demand: what its figures count, and the calls that give them. */

import { h } from "./dom.js";
import { ABOUT, defined } from "./measures.js";

/** Variables of the calls, and what they hold. */
const KEYS = { MGMT: "a management key (pl_mgmt_…)", SK: "the studio’s key for playtests (wpg_sk_…)", PF: "the studio’s key for servers (pf_…)" };

/** The button and what it opens. `view` and `selection` are the panel's. */
export function aboutButton(view, selection) {
  const about = ABOUT[view.about ?? view.id];
  const id = `${view.id}-about`;
  const box = h("div", { id, class: "about-panel", popover: "auto", role: "dialog", "aria-label": `About ${view.title}`, on: { beforetoggle: (event) => { if (event.newState === "open") box.replaceChildren(...said(view, about, selection)); } } });
  const button = h("button", { type: "button", class: "quiet", textContent: "About", "aria-label": `About ${view.title}: what it counts and the calls that give it` });
  button.popoverTargetElement = box;
  return [button, box];
}

const unknownToRest = (selection) => selection.beyond(["build", "environment"]).join(" or ");

/** Whether a path is answered without a key. */
const isOpen = (path) => path === "/readyz";
const keysOf = (calls) => Object.entries(KEYS).filter(([name]) => calls.includes(`$${name}`)).map(([name, what]) => h("p", { class: "faint", textContent: `$${name} is ${what}.` }));

function said(view, { counts = [], says = "", rest = null, differs = "" }, selection) {
  const own = view.endpoint ? `/dashboard/data/${view.endpoint}?${new URLSearchParams(view.scope === "all" ? { ...selection.parameters(), ...view.parameters?.(selection) } : view.scope === "none" ? {} : { game: selection.game })}` : null;
  const call = (path, key) => h("code", { textContent: `curl ${key} '${location.origin}${path}'` });
  const copied = view.tools?.querySelector(".curl")?.call() ?? "";
  return [
    h("h3", { textContent: view.title }),
    ...counts.map((name) => h("p", { textContent: defined(name) })),
    says ? h("p", { textContent: says }) : "",
    ...(own && !copied ? [h("p", { textContent: "These figures, with the cookie of a signed-in browser:" }), call(own, "-b questlog_dashboard=…")] : []),
    ...(rest && unknownToRest(selection) ? [h("p", { textContent: `REST does not filter by ${unknownToRest(selection)}.` })] : []),
    ...(rest ? [h("p", { textContent: differs ? `The nearest of REST. ${differs}` : "The same of REST:" }), call(rest(selection), isOpen(rest(selection)) ? "-s" : "-H \"Authorization: Bearer $MGMT\"")] : []),
    ...(copied ? [h("p", { textContent: "The call that gives the same:" }), h("code", { textContent: copied })] : []),
    ...keysOf([rest && !isOpen(rest(selection)) ? "$MGMT" : "", copied].join(" ")),
  ].filter(Boolean);
}
