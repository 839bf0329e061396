/** The deployment's hosts: which are up, and how much room each has left. */

import { h } from "../dom.js";
import { ago, bytes, decimal, plural } from "../format.js";
import { copyButton } from "../curl.js";
import { statePill, toolbar } from "./parts.js";

const MIB = 1024 * 1024;
const SQL = "questlog sql \"SELECT id, status, servers, memory_mb - memory_used_mb AS free_mb, seen_at FROM fleet_hosts FINAL\"";

export const hosts = {
  id: "hosts",
  title: "Hosts",
  hint: "Of the deployment",
  width: 5,
  every: 5_000,
  endpoint: "fleet/hosts",
  scope: "none",
  /** Sessions of other keys may not see them. */
  kind: "pl_mgmt",
  empty: ["No host has joined", "Start one with “questlog worker fleet”."],
  isEmpty: ({ hosts: found }) => !found.length,
  tools: toolbar(copyButton("sql", "the command", () => SQL)),
  draw(content, { hosts: found }) {
    const scrolled = content.querySelector(".scroll")?.scrollTop ?? 0;
    content.replaceChildren(h("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": "Hosts" }, h("ul", { class: "rows hosts" }, found.map(row))));
    content.querySelector(".scroll").scrollTop = scrolled;
  },
};

function row(host) {
  const gone = host.status === "lost";
  const freeCores = Math.max(0, host.cpu_millis - host.cpu_reserved_millis) / 1000;
  const regions = host.regions.length > 2 ? plural(host.regions.length, "region") : host.regions.join(", ");
  return h("li", { "data-id": host.id, "data-status": host.status },
    h("div", { class: "host-name" }, h("b", { textContent: host.id }), statePill(host.status), h("span", { class: "faint", textContent: [host.isolation, regions, gone ? `seen ${ago(host.seen_at)}` : plural(host.servers, "server")].join(" · "), title: host.regions.join(", ") })),
    ...(gone ? [] : [
      bar(host.memory_used_mb, host.memory_mb),
      h("p", { class: "faint", textContent: `${memory(host)} · ${decimal(freeCores)} of ${decimal(host.cpu_millis / 1000)} cores not reserved` }),
    ]));
}

/** A host that may promise its memory twice has no free rest that one could rely on. */
function memory({ memory_mb: all, memory_used_mb: used, overcommit }) {
  if (overcommit) return `${bytes(used * MIB)} of ${bytes(all * MIB)} memory promised, more may be (overcommit)`;
  return `${bytes(Math.max(0, all - used) * MIB)} of ${bytes(all * MIB)} memory free`;
}

const bar = (used, all) => h("span", { class: "bar-of", "aria-hidden": "true" }, [["on", used], ["idle", Math.max(0, all - used)]].filter(([, part]) => part).map(([tone, part]) => h("i", { class: tone, style: { "flex-grow": String(part) } })));
