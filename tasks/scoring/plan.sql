-- The distinct turns of the corpus that this judge has not scored, in hash order, cut into chunks.
-- Keys are chosen first and their words fetched after, from the first row that has them.
COPY (
    WITH turns AS (
        SELECT filename, file_row_number, turn_key, split, prompt, response
        FROM read_parquet(getvariable('turn_files'), filename = true, file_row_number = true)
    ),
    pending AS (
        SELECT turns.turn_key, min((filename, file_row_number)) AS place
        FROM turns
        LEFT JOIN scores ON scores.turn_key = turns.turn_key AND scores.judge_id = getvariable('judge_id')
        WHERE (getvariable('split') = 'all' OR split = getvariable('split'))
            AND (scores.turn_key IS NULL OR scores.unscored_reason IN (SELECT unnest(getvariable('asked_again'))))
        GROUP BY turns.turn_key
        ORDER BY turns.turn_key
        LIMIT getvariable('at_most')
    ),
    numbered AS (
        SELECT turn_key, place, (row_number() OVER (ORDER BY turn_key) - 1) // getvariable('chunk_size') AS chunk
        FROM pending
    )
    SELECT CAST(numbered.chunk AS INTEGER) AS chunk, turns.turn_key, turns.prompt, turns.response, recorded.reply
    FROM turns
    JOIN numbered ON numbered.turn_key = turns.turn_key AND numbered.place = (turns.filename, turns.file_row_number)
    LEFT JOIN recorded_replies AS recorded ON recorded.turn_key = turns.turn_key
    ORDER BY turns.turn_key
) TO $plan_file (FORMAT parquet, ROW_GROUP_SIZE 5000)
