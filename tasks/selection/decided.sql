-- What was decided of every turn, with its text, in an order that only content decides.
WITH numbered AS (
    SELECT unnest(getvariable('turn_files')) AS filename, generate_subscripts(getvariable('turn_files'), 1) AS source
)
SELECT decisions.*, turns.prompt, turns.response
FROM read_parquet(getvariable('turn_files'), filename = true, file_row_number = true) AS turns
JOIN numbered USING (filename)
JOIN decisions ON decisions.source = numbered.source AND decisions.row = turns.file_row_number
ORDER BY
    CASE decisions.subset WHEN 'sensibility' THEN 0 WHEN 'rationality' THEN 1 WHEN 'discard' THEN 2 ELSE 3 END,
    decisions.turn_key, decisions.dialogue_id, decisions.utterance_idx
