/** Start, stop, resume, winner and digest of one experiment, for sessions that may. */

import { h } from "../dom.js";
import { Notice } from "../notice.js";
import { part } from "../curl.js";
import { Refusal, UNKNOWN, write } from "../session_writes.js";

const NONE = "none";
const SURE_MS = 6_000;

export class ExperimentActions {
  /** `done()` is called after each change, and where what is shown is no longer so. */
  constructor(done) {
    this.done = done;
    this.notice = new Notice();
    this.experiment = null;
    this.start = this.button("Start", () => this.started());
    this.stop = this.button("Stop", () => this.act("stop", undefined, "Stopped. Within a second no player is assigned any more."));
    this.resume = this.button("Resume", () => this.act("resume", undefined, "Runs again: every device has the variant it had."));
    this.winner = h("select", { "aria-label": "Winner", on: { change: () => this.pick() } });
    this.digest = this.button("Write digest", () => this.act("digest", undefined, "Written from the figures as they are now."));
    this.element = h("div", { class: "actions-of", role: "group", "aria-label": "What may be done with the experiment", hidden: true }, this.start, this.stop, this.resume, this.winner, this.digest);
  }

  button(textContent, click) {
    return h("button", { type: "button", textContent, on: { click } });
  }

  show(experiment, may) {
    if (experiment.id !== this.experiment?.id) this.unsure();
    this.experiment = experiment;
    this.element.hidden = !may;
    const { status } = experiment;
    this.start.hidden = status !== "draft";
    this.stop.hidden = status !== "running";
    this.resume.hidden = status !== "stopped";
    this.winner.hidden = this.digest.hidden = status === "draft";
    const options = [[NONE, "No winner"], ...experiment.variants.map(({ key, name }) => [key, `Winner: ${name}`])];
    const wanted = JSON.stringify(options);
    if (this.options !== wanted) this.winner.replaceChildren(...options.map(([value, textContent]) => h("option", { value, textContent })));
    this.options = wanted;
    if (!this.busy) this.winner.value = experiment.winnerVariantKey ?? NONE;
  }

  get busy() { return this.element.ariaBusy === "true"; }

  /** A start can't be taken back: it is asked twice. */
  started() {
    if (this.start.dataset.sure) {
      this.unsure();
      this.act("start", undefined, "Runs. Its variants, audience and salt are locked from now on.");
      return;
    }
    this.start.dataset.sure = "1";
    this.start.textContent = "Start for good?";
    this.notice.say("From the first start on variants, audience and salt are locked. Press again to start.");
    this.timer = setTimeout(() => this.unsure(), SURE_MS);
  }

  unsure() {
    clearTimeout(this.timer);
    delete this.start.dataset.sure;
    this.start.textContent = "Start";
  }

  pick() {
    const key = this.winner.value === NONE ? null : this.winner.value;
    this.act("winner", { variantKey: key }, key === null ? "No variant has won." : `Noted: ${key} has won.`);
  }

  async act(verb, body, told) {
    if (this.busy) return;
    const { id } = this.experiment;
    this.element.ariaBusy = "true";
    try {
      const { status, ok, said } = await write(`/dashboard/actions/experiments/${part(id)}/${verb}`, body);
      if (!ok) throw new Refusal(status >= 500 ? `Not available right now. ${UNKNOWN}` : said.message ?? `The server answered ${status}.`);
      this.notice.good(told);
    } catch (error) {
      this.notice.bad(error.message);
    } finally {
      this.element.ariaBusy = "false";
      this.done();
    }
  }
}
