-- One subset as conversations with scores, in an order that only its content decides.
COPY (
    WITH numbered AS (
        SELECT unnest(getvariable('turn_files')) AS filename, generate_subscripts(getvariable('turn_files'), 1) AS source
    ),
    chosen AS (
        SELECT decisions.*, filename FROM decisions JOIN numbered USING (source) WHERE subset = $subset
    )
    SELECT
        chosen.dialogue_id, chosen.utterance_idx, chosen.turn_key, chosen.split, chosen.emotion, turns.prompt,
        [{'role': 'assistant', 'content': turns.response}] AS completion,
        chosen.sensibility, chosen.rationality, chosen.subset, chosen.reason
    FROM chosen
    JOIN read_parquet(getvariable('turn_files'), filename = true, file_row_number = true) AS turns
        ON turns.filename = chosen.filename AND turns.file_row_number = chosen.row
    ORDER BY chosen.turn_key, chosen.dialogue_id, chosen.utterance_idx
) TO $file (FORMAT parquet, COMPRESSION zstd)
