/** Sessions of the game, to find a tester by: newest first, or those whose title or handle holds a text. */

import { h } from "../dom.js";
import { ago, count } from "../format.js";
import { Read } from "./s1.js";

const ROWS = 50;
const read = new Read("the list of sessions");
let parts = null;

export const testers = {
  id: "testers",
  title: "Testers",
  hint: "By their latest sessions",
  width: 4,
  every: 20_000,
  scope: "own",
  obeys: ["build", "environment"],
  tools: read.tools,
  isEmpty: () => false,
  load(selection, signal) {
    const { game, build, environment, q } = selection;
    return read.ask("/sessions", { game, ...(build && { build }), ...(environment && { env: environment }), ...(q && { q }), limit: ROWS }, signal);
  },
  draw(content, found, selection) {
    parts ??= build(content, selection);
    const items = found?.items ?? [];
    parts.about.textContent = items.length ? `${count(items.length)} of ${count(found.total)} sessions` : "";
    const focused = parts.list.contains(document.activeElement) ? document.activeElement.closest("[data-id]")?.dataset.id : null;
    const nothing = h("li", { class: "message" }, h("strong", { textContent: selection.q ? "No tester found" : "No sessions yet" }), selection.q ? "No title and no handle holds this text." : "A session appears with its first event.");
    parts.list.replaceChildren(...(items.length ? items.map((one) => row(one, selection)) : [nothing]));
    if (focused) [...parts.list.children].find((item) => item.dataset.id === focused)?.querySelector("button")?.focus();
  },
  reset() { parts = null; },
};

function build(content, selection) {
  const wanted = h("input", { type: "search", id: "tester-q", maxLength: 200, value: selection.q, placeholder: "Handle or title", autocomplete: "off", spellcheck: false });
  const seek = (event) => {
    event.preventDefault();
    selection.set({ q: wanted.value.trim() }, { only: "testers" });
  };
  const about = h("p", { class: "faint", role: "status" });
  const list = h("ul", { class: "sessions", "aria-label": "Sessions" });
  content.replaceChildren(
    h("form", { class: "choose", role: "search", on: { submit: seek } }, h("label", { for: "tester-q", class: "unseen", textContent: "A tester’s handle, or a part of a title" }), wanted, h("button", { type: "submit", textContent: "Find" })),
    about, h("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": "Sessions" }, list));
  return { about, list };
}

function row({ id, testerHandle, title, status, recordedAt, metadata }, selection) {
  const is = selection.tester === testerHandle;
  const about = [metadata.gameVersion, status, ago(recordedAt)].filter(Boolean).join(" · ");
  const pick = () => {
    selection.set({ tester: testerHandle }, { only: ["journey", "testers"] });
    [...parts.list.children].forEach((item) => item.querySelector("button")?.setAttribute("aria-pressed", String(item.dataset.tester === testerHandle)));
  };
  return h("li", { "data-id": id, "data-tester": testerHandle },
    h("button", { type: "button", class: "name", "aria-pressed": String(is), textContent: testerHandle, title: `The journey of ${testerHandle}`, on: { click: pick } }),
    h("span", { class: "faint", textContent: title ?? "" }),
    h("span", { class: "faint", textContent: about }));
}
