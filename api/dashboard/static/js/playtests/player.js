/** Plays one recording from its signed address, in a box whose size never changes. */

import { ask } from "../request.js";
import { h } from "../dom.js";

export class Player {
  constructor() {
    this.video = h("video", { controls: true, preload: "metadata", playsInline: true, "aria-label": "Recording", on: { error: () => this.failed(), loadedmetadata: () => { this.said(""); } } });
    this.message = h("p", { class: "video-message", role: "status" });
    this.element = h("div", { class: "video" }, this.video, this.message);
    this.slot = null;
    this.askedAgain = false;
  }

  /** `{slot, name}`, or null for nothing. */
  show(recording) {
    this.slot = recording?.slot ?? null;
    this.askedAgain = false;
    this.video.pause();
    this.video.removeAttribute("src");
    this.video.load();
    if (!recording) return;
    this.video.setAttribute("aria-label", recording.name);
    this.load();
  }

  async load() {
    const { slot } = this;
    this.said("Loading the recording");
    try {
      const { downloadUrl } = await ask("playtests/recording", { slot });
      if (slot === this.slot) this.video.src = downloadUrl;
    } catch (error) {
      if (slot === this.slot) this.said(error.code === "not_found" ? "The recording is gone: its playtester was forgotten, or the object store lost it." : error.message);
    }
  }

  /** An address holds for an hour: a new one is tried once before the browser is said to be unable. */
  failed() {
    if (!this.slot || !this.video.getAttribute("src")) return;
    if (!this.askedAgain) {
      this.askedAgain = true;
      this.load();
      return;
    }
    this.said("This browser can’t play the recording. ");
    this.message.append(h("a", { href: this.video.src, textContent: "Download it" }));
  }

  said(text) { this.message.textContent = text; }

  toggle() {
    if (this.video.paused) this.video.play().catch(() => {});
    else this.video.pause();
  }
}
