/** Level models uploaded for the game. */

import { h } from "../dom.js";
import { bytes, moment } from "../format.js";
import { dataTable } from "../table.js";

export const models = {
  id: "models",
  title: "Uploaded models",
  hint: "Newest first",
  width: 12,
  every: 30_000,
  endpoint: "models",
  scope: "game",
  empty: ["No models yet", "Upload one with POST /api/models and the game’s secret key."],
  isEmpty: ({ models: list }) => !list.length,
  draw(content, { models: list }) {
    content.replaceChildren(dataTable({
      caption: "Uploaded models, newest first",
      columns: [{ name: "Level", wide: true }, { name: "App", optional: true }, { name: "Size", number: true }, { name: "SHA-256", optional: true }, { name: "Uploaded", number: true }],
      rows: list.map((model) => [model.level_name || "(no level)", model.app_name, bytes(model.size), h("code", { class: "faint", textContent: model.sha256.slice(0, 12), title: model.sha256 }), moment(model.uploaded_at)]),
    }));
  },
};
