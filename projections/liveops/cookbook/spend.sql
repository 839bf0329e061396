-- Spend: how many players pay, how much, and where are they?
--
-- A player pays with a currency when it is debited. `rate` is the share of the country's players of telemetry who do,
-- where the game uses one id for both; the country is empty where it is not known.
-- Parameters: game (game_id).
WITH paid AS
(
    SELECT player_id, key, count() AS debits, -sum(amount) AS spent
    FROM ledger
    WHERE game_id = {game:String} AND type = 'currency' AND cause = 'debit'
    GROUP BY player_id, key
),
here AS
(
    SELECT player_id, country FROM players WHERE game_id = {game:String}
)
SELECT
    p.key AS key,
    h.country AS country,
    count() AS payers,
    sum(p.debits) AS debits,
    sum(p.spent) AS spent,
    round(spent / payers, 2) AS spent_a_payer,
    if(any(c.players) = 0, NULL, round(payers / any(c.players), 4)) AS rate
FROM paid AS p
LEFT JOIN here AS h ON h.player_id = p.player_id
LEFT JOIN (SELECT country, count() AS players FROM here GROUP BY country) AS c ON c.country = h.country
GROUP BY key, country
ORDER BY key, spent DESC, country
