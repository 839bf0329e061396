/** A button that copies the REST call that gives what a panel shows. */

import { h } from "./dom.js";

const SAID_MS = 2_000;

/** A part of a path, with nothing left in it that means something to a shell. */
export const part = (text) => encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);

/** `path()` is below the address; `key(path)` names the shell's variable that holds a key for it. */
export function curlButton(path, key = () => "MGMT", about = "this panel") {
  const button = h("button", { type: "button", class: "quiet curl", textContent: "curl", title: "Copy the REST call that gives this", "aria-label": `curl: copy the REST call that gives ${about}`, on: { click: () => copy(button, path(), key) } });
  return button;
}

async function copy(button, path, key) {
  const call = `curl -H "Authorization: Bearer $${key(path)}" '${location.origin}${path}'`;
  try {
    await navigator.clipboard.writeText(call);
    button.textContent = "copied";
  } catch {
    prompt("The REST call that gives this", call);
  }
  setTimeout(() => { button.textContent = "curl"; }, SAID_MS);
}
