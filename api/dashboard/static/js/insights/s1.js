/** Reads of S1's Management API: one path gives what a panel shows and the call that it offers to copy. */

import { curlButton } from "../curl.js";
import { h } from "../dom.js";
import { ask } from "../request.js";

/** For reads that ask a model, which answer after 20 s at most, or 40 where they ask two things. */
export const MODEL_MS = 45_000;

/** One panel's read. `path` is below /api/v1. */
export class Read {
  constructor(about, timeoutMs = undefined) {
    this.path = "";
    this.timeoutMs = timeoutMs;
    this.button = curlButton(() => (this.path ? `/api/v1${this.path}` : ""), () => "MGMT", about);
    this.tools = h("div", { class: "tools" }, this.button);
  }

  /** The answer, or null where there is no such thing. Throws RequestError. */
  async ask(path, parameters, signal) {
    const query = new URLSearchParams(parameters).toString();
    this.path = path + (query ? `?${query}` : "");
    try {
      return await ask(`s1${path}`, parameters, signal, this.timeoutMs);
    } catch (error) {
      if (error.code === "not_found") return null;
      throw error;
    }
  }
}
