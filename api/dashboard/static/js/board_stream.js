/** Follows one leaderboard's server-sent events, and says how that goes: "live", "waiting" or "closed". */

const RETRY_MS_MAX = 30_000;

/**
 * `told(update)` gets every score_update, `state(word)` every change, `ready()` each time a connection stands.
 * The browser resumes a broken connection by its Last-Event-ID; where the server refused one, it is asked again
 * here, with growing pauses. `close()` ends it for good.
 */
export class BoardStream {
  constructor({ game, board }, { told, state, ready }) {
    this.address = `/dashboard/data/board/stream?${new URLSearchParams({ game, board })}`;
    this.board = board;
    this.handlers = { told, state, ready };
    this.failures = 0;
    this.open();
  }

  open() {
    const source = new EventSource(this.address);
    this.source = source;
    source.addEventListener("ready", () => {
      this.failures = 0;
      this.handlers.state("live");
      this.handlers.ready();
    });
    source.addEventListener("score_update", (event) => this.handlers.told(JSON.parse(event.data)));
    source.addEventListener("closed", () => {
      this.close();
      this.handlers.state("closed");
    });
    source.addEventListener("error", () => {
      this.handlers.state("waiting");
      if (source.readyState === EventSource.CLOSED) this.openLater();
    });
  }

  openLater() {
    this.failures += 1;
    this.timer = setTimeout(() => this.open(), Math.min(RETRY_MS_MAX, 1000 * 2 ** this.failures));
    // A person who is signed out is sent to the form by asking for the board itself.
    this.handlers.ready();
  }

  close() {
    clearTimeout(this.timer);
    this.source.close();
  }
}
