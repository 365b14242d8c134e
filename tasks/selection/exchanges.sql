-- The last message and the response of every turn that may be selected, in the order of their content hash.
WITH numbered AS (
    SELECT unnest(getvariable('turn_files')) AS filename, generate_subscripts(getvariable('turn_files'), 1) AS source
)
SELECT
    candidates.source, candidates.row,
    candidates.turn_key || ' ' || candidates.dialogue_id || ':' || candidates.utterance_idx AS name,
    coalesce(turns.prompt[-1].content, ''), turns.response
FROM candidates
JOIN numbered USING (source)
JOIN read_parquet(getvariable('turn_files'), filename = true, file_row_number = true) AS turns
    ON turns.filename = numbered.filename AND turns.file_row_number = candidates.row
WHERE excluded_because IS NULL AND ({removed}) IS NULL
ORDER BY candidates.turn_key, candidates.dialogue_id, candidates.utterance_idx
