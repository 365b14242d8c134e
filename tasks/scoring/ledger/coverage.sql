-- Turns of a corpus (not keys) by why they have no score of this judge; NULL where they have one.
-- A dialogue that stands in two sources counts once.
WITH turns AS (
    SELECT DISTINCT dialogue_id, utterance_idx, turn_key
    FROM read_parquet($turn_files)
    WHERE ($split = 'all' OR split = $split)
        AND (NOT getvariable('is_chosen') OR turn_key IN (SELECT turn_key FROM chosen_keys))
)
SELECT
    CASE WHEN scores.sensibility IS NULL THEN coalesce(scores.unscored_reason, 'not asked') END AS reason,
    count(*) AS n_turns
FROM turns
LEFT JOIN scores ON scores.turn_key = turns.turn_key AND scores.judge_id = $judge_id
GROUP BY reason
ORDER BY reason
