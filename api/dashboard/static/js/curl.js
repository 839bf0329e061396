/** A button that copies the REST call that gives what a panel shows. */

import { h } from "./dom.js";

const SAID_MS = 2_000;

/** A part of a path, with nothing left in it that means something to a shell. */
export const part = (text) => encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);

/** `path()` is below the address, empty while there is no call yet; `key(path)` names the shell's variable that holds a key for it. */
export function curlButton(path, key = () => "MGMT", about = "this panel") {
  return copyButton("curl", "the REST call", () => (path() ? `curl -H "Authorization: Bearer $${key(path())}" '${location.origin}${path()}'` : ""), about);
}

/** A button that copies `call()`, which is what `name` runs; the button has it too. */
export function copyButton(name, what, call, about = "this panel") {
  const button = h("button", { type: "button", class: "quiet curl", call, textContent: name, title: `Copy ${what} that gives this`, "aria-label": `${name}: copy ${what} that gives ${about}`, on: { click: () => copy(button, name, what, call()) } });
  return button;
}

async function copy(button, name, what, call) {
  if (!call) return;
  try {
    await navigator.clipboard.writeText(call);
    button.textContent = "copied";
  } catch {
    prompt(`${what[0].toUpperCase()}${what.slice(1)} that gives this`, call);
  }
  setTimeout(() => { button.textContent = name; }, SAID_MS);
}
