-- Playtests' part of player_timeline: when a player's device was linked to a tester's handle.
SELECT
    studio_id, game_id, device_id AS player_id, claimed_at AS at, 'playtests' AS noun, 'tester-linked' AS kind,
    handle AS name, '' AS session_id, '' AS details
FROM tester_links FINAL
UNION ALL
SELECT studio_id, game_id, device_id, assumeNotNull(unlinked_at), 'playtests', 'tester-unlinked', handle, '', ''
FROM tester_links FINAL
WHERE unlinked_at IS NOT NULL
