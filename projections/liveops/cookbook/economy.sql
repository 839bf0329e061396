-- Economy: what comes into a game and what goes out of it, by day, currency and cause.
--
-- `minted` is what was added, `spent` what was taken; `players` are those whose balance moved so. A currency whose
-- minted stays above spent for weeks inflates. For long times without causes ask the view economy, which is
-- summed by hour already.
-- Parameters: game (game_id).
SELECT
    toDate(at) AS day,
    key,
    cause,
    uniqExact(player_id) AS players,
    sumIf(amount, amount > 0) AS minted,
    -sumIf(amount, amount < 0) AS spent
FROM ledger
WHERE game_id = {game:String} AND type = 'currency'
GROUP BY day, key, cause
ORDER BY day, key, cause
