-- The turns nearest to a threshold, so many selected and so many left out, with their texts.
WITH numbered AS (
    SELECT unnest(getvariable('turn_files')) AS filename, generate_subscripts(getvariable('turn_files'), 1) AS source
),
near AS (
    SELECT
        *, subset <> 'discard' AS is_selected,
        least(coalesce(abs(s - $sensibility), 99), coalesce(abs(r - $rationality), 99)) AS distance
    FROM decisions
    WHERE subset <> 'excluded' AND ($emotion = '' OR emotion = $emotion)
),
shown AS (
    SELECT *, row_number() OVER (
        PARTITION BY is_selected ORDER BY distance, turn_key, dialogue_id, utterance_idx
    ) AS place
    FROM near
    QUALIFY place <= $n
)
SELECT
    shown.is_selected, shown.subset, shown.reason, shown.emotion, shown.sensibility, shown.rationality,
    shown.dialogue_id || ':' || shown.utterance_idx AS turn, turns.prompt[-1].content AS message, turns.response
FROM shown
JOIN numbered USING (source)
JOIN read_parquet(getvariable('turn_files'), filename = true, file_row_number = true) AS turns
    ON turns.filename = numbered.filename AND turns.file_row_number = shown.row
ORDER BY shown.is_selected DESC, shown.place
