/** A leaderboard's entries: loaded whole, then moved by what the board's stream tells. */

const KEPT_MS = 5_000;
const KEPT_MAX = 500;

export class Standings {
  constructor(order, limit = 50) {
    this.order = order;
    this.limit = limit;
    this.entries = [];
    this.total = 0;
    this.recent = [];
  }

  /**
   * Take a view in. It may be older than what the stream has told meanwhile, so that is told to it once more:
   * updates carry resulting scores, and whatever is newer still comes.
   */
  load({ entries, totalPlayers }, now = performance.now()) {
    this.entries = entries.map(({ externalId, score, achievedAt, isBot }) => ({ externalId, score, achievedAt, isBot }));
    this.total = totalPlayers;
    this.recent = this.recent.filter(({ at }) => now - at < KEPT_MS);
    this.recent.forEach(({ update }) => this.move(update));
    this.sort();
  }

  /** One score_update. Says whether a view has to be loaded, because a player who is not listed may have moved up. */
  apply(update, now = performance.now()) {
    this.recent.push({ at: now, update });
    if (this.recent.length > KEPT_MAX) this.recent.shift();
    const full = this.entries.length >= this.limit;
    if (update.previousScore === null && !this.find(update)) this.total += 1;
    const worse = this.move(update);
    this.sort();
    return worse && full;
  }

  find({ externalId }) {
    return this.entries.find((entry) => entry.externalId === externalId && !entry.isBot);
  }

  move({ externalId, score, occurredAt, previousScore }) {
    const known = this.find({ externalId });
    if (!known) {
      this.entries.push({ externalId, score, achievedAt: occurredAt, isBot: false });
      return false;
    }
    if (known.score === score) return false;
    const worse = this.order === "asc" ? score > known.score : score < known.score;
    if (previousScore !== score) known.achievedAt = occurredAt;
    known.score = score;
    return worse;
  }

  /** The board's own order: the score, then who got there first, then the id. */
  sort() {
    const sign = this.order === "asc" ? 1 : -1;
    const text = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
    this.entries.sort((a, b) => sign * (a.score - b.score) || text(a.achievedAt, b.achievedAt) || text(a.externalId, b.externalId));
    this.entries.length = Math.min(this.entries.length, this.limit);
  }
}
