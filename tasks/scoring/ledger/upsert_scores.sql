-- What is known of the turns that the new rows are about, from all their attempts.
INSERT INTO scores
WITH asked AS (
    SELECT turn_key, segment, line, error_class, epoch_us(sent_at) AS sent_us,
        error_class IS NULL AND method <> 'samples' AS is_score
    FROM attempts
    WHERE judge_id = $judge_id AND turn_key IN (SELECT turn_key FROM new_rows)
),
-- Of all attempts at a turn one tells: the first whose reply is a score, else the last of all.
telling AS (
    SELECT turn_key, segment, line, error_class, is_score
    FROM asked
    QUALIFY row_number() OVER (
        PARTITION BY turn_key
        ORDER BY NOT is_score, CASE WHEN is_score THEN sent_us ELSE -sent_us END, segment, line
    ) = 1
),
told AS (
    -- Where that one is old, the scores hold what it says already.
    SELECT turn_key, sensibility, rationality, sensibility_sd, rationality_sd, new_rows.method, new_rows.error_class
    FROM new_rows
    JOIN telling USING (turn_key, segment, line)
    WHERE is_score OR turn_key NOT IN (SELECT turn_key FROM pooled)
    UNION ALL
    -- Samples tell together, and none of them is what the last call failed of, unless that is for good.
    SELECT turn_key, sensibility, rationality, sensibility_sd, rationality_sd, 'samples',
        CASE WHEN sensibility IS NULL THEN
            CASE WHEN error_class IN (SELECT unnest($terminal)) THEN error_class ELSE $too_few END
        END
    FROM pooled
    JOIN telling USING (turn_key)
    WHERE NOT is_score
)
SELECT turn_key, $judge_id, sensibility, rationality, sensibility_sd, rationality_sd, method,
    CASE WHEN method = $asked THEN $asked_judge ELSE $judge_id END, error_class
FROM told
ON CONFLICT DO UPDATE SET
    sensibility = excluded.sensibility, rationality = excluded.rationality,
    sensibility_sd = excluded.sensibility_sd, rationality_sd = excluded.rationality_sd,
    method = excluded.method, source_judge_id = excluded.source_judge_id, unscored_reason = excluded.unscored_reason
WHERE (excluded.sensibility, excluded.rationality, excluded.sensibility_sd, excluded.rationality_sd, excluded.method,
        excluded.unscored_reason)
    IS DISTINCT FROM (scores.sensibility, scores.rationality, scores.sensibility_sd, scores.rationality_sd,
        scores.method, scores.unscored_reason)
