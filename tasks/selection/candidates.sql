-- Every turn of the split with its scores; what cannot be selected is marked with why.
-- A dialogue that stands in two ingested sources counts once, as the last source gave it.
CREATE OR REPLACE TEMP TABLE candidates AS
WITH numbered AS (
    SELECT unnest(getvariable('turn_files')) AS filename, generate_subscripts(getvariable('turn_files'), 1) AS source
),
corpus AS (
    SELECT turns.*
    FROM read_parquet(getvariable('turn_files'), filename = true) AS turns
    JOIN numbered USING (filename)
    QUALIFY row_number() OVER (PARTITION BY dialogue_id, utterance_idx ORDER BY source DESC) = 1
),
held_out AS (
    SELECT turn_key, min(split) AS split
    FROM corpus
    WHERE split <> getvariable('split')
    GROUP BY turn_key
)
SELECT
    corpus.dialogue_id, corpus.utterance_idx, corpus.turn_key, corpus.split, corpus.emotion,
    corpus.prompt, corpus.response, scores.sensibility, scores.rationality,
    CASE
        WHEN held_out.turn_key IS NOT NULL THEN 'its text stands in the ' || held_out.split || ' split'
        WHEN scores.turn_key IS NULL THEN 'unscored: not asked'
        WHEN scores.sensibility IS NULL THEN 'unscored: ' || scores.unscored_reason
    END AS excluded_because
FROM corpus
LEFT JOIN read_parquet(getvariable('scores_file')) AS scores USING (turn_key)
LEFT JOIN held_out USING (turn_key)
WHERE corpus.split = getvariable('split')
