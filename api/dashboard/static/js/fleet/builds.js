/** A game's builds: which are ready, what they weigh, why one failed. One is chosen for the log beside. */

import { h } from "../dom.js";
import { ago, bytes, plural } from "../format.js";
import { Pager } from "../pager.js";
import { ask } from "../request.js";
import { askAgain, chosenBuild, known, views } from "./known.js";
import { replaceRows, statePill, tools } from "./parts.js";

let list = null;
let game = null;

export const builds = {
  id: "builds",
  about: "server-builds",
  title: "Builds",
  hint: "Newest first; pick one",
  width: 7,
  every: 3_000,
  scope: "own",
  empty: ["No builds yet", "Ask for an address with POST /api/v3/builds/upload-url, PUT a ZIP there, and process it."],
  isEmpty: ({ builds: found }) => !found.length,
  async load(selection, signal) {
    if (game !== selection.game) {
      game = selection.game;
      pager.restart();
    }
    const page = Number(pager.parameters.cursor ?? 1);
    const found = await ask("fleet/builds", { game, page }, signal);
    const before = chosenBuild(selection)?.build_id;
    Object.assign(known, { buildsOf: game, builds: found.builds });
    pager.show(found.has_more ? String(page + 1) : null);
    if (chosenBuild(selection)?.build_id !== before) askAgain("processing");
    return found;
  },
  draw(content, { builds: found }, selection) {
    if (!list) {
      list = h("ul", { class: "rows builds", "aria-label": "Builds" });
      content.replaceChildren(h("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": "Builds" }, list));
    }
    const picked = chosenBuild(selection);
    replaceRows(list, found.map((build) => row(build, build === picked, selection)));
  },
  reset() { list = null; },
};
const pager = new Pager(builds, "builds");
builds.tools = tools(() => "/api/v3/builds?limit=50", pager.element);
views.push(builds);

function row(build, isChosen, selection) {
  const { build_id: id, name, version, status, build_type: type, image_url: image, executable_path: path, created_at: created } = build;
  const about = [type === "zip" ? path : image, ago(Date.parse(created))].filter(Boolean).join(" · ");
  const pick = h("button", { type: "button", class: "pick", "data-action": "pick", "aria-pressed": String(isChosen), on: { click: () => choose(id, selection) } },
    h("span", { class: "what", textContent: `${name} v${version}` }), h("span", { class: "faint", textContent: about, title: about }));
  return h("li", { "data-id": id, "data-status": status, class: isChosen ? "chosen" : "" }, pick, statePill(status), h("span", { class: "faint note", textContent: note(build) }));
}

function note({ error, size_bytes: size, unpacked_bytes: unpacked, files }) {
  if (error) return error;
  return size === null ? "" : `${bytes(size)} · ${plural(files, "file")}, ${bytes(unpacked)} unpacked`;
}

function choose(id, selection) {
  selection.set({ hosted: id }, { only: "processing" });
  list.querySelectorAll("li").forEach((item) => {
    item.classList.toggle("chosen", item.dataset.id === id);
    item.querySelector(".pick").setAttribute("aria-pressed", String(item.dataset.id === id));
  });
}
