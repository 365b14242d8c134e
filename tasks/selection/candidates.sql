-- Every turn of the split with its scores, and where its text stands; what cannot be selected is marked with why.
-- A dialogue that stands in two ingested sources counts once, as the last source gave it.
-- As a table it leaves texts in their files: counting and deciding need none of them. As a view it has them.
CREATE OR REPLACE TEMP {kind} candidates AS
WITH numbered AS (
    SELECT unnest(getvariable('turn_files')) AS filename, generate_subscripts(getvariable('turn_files'), 1) AS source
),
corpus AS {inlined} (
    SELECT
        {source} AS source, file_row_number AS row, dialogue_id, utterance_idx, turn_key, turns.split, emotion,
        (strlen(response) - strlen(replace(response, ' ', '')) + 1)::INTEGER AS n_words {texts}
    FROM {turns}
    {only_last}
),
held_out AS (
    SELECT turn_key, min(split) AS split
    FROM corpus
    WHERE split <> getvariable('split')
    GROUP BY turn_key
)
SELECT
    corpus.*,
    scores.sensibility, scores.rationality, scores.sensibility_sd, scores.rationality_sd, {other}
    CASE
        WHEN held_out.turn_key IS NOT NULL THEN 'its text stands in the ' || held_out.split || ' split'
        WHEN scores.turn_key IS NULL THEN 'unscored: not asked'
        WHEN scores.sensibility IS NULL THEN 'unscored: ' || scores.unscored_reason
    END AS excluded_because
FROM corpus
LEFT JOIN read_parquet(getvariable('scores_file')) AS scores USING (turn_key)
{join_other}
LEFT JOIN held_out USING (turn_key)
WHERE corpus.split = getvariable('split')
