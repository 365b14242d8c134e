-- Turns of a corpus (not keys) by why they have no score of this judge; NULL where they have one.
SELECT
    CASE WHEN scores.sensibility IS NULL THEN coalesce(scores.unscored_reason, 'not asked') END AS reason,
    count(*) AS n_turns
FROM read_parquet($turn_files) AS turns
LEFT JOIN scores ON scores.turn_key = turns.turn_key AND scores.judge_id = $judge_id
WHERE $split = 'all' OR turns.split = $split
GROUP BY reason
ORDER BY reason
