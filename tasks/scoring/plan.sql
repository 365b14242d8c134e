-- The distinct turns of the corpus that this judge has not scored, in hash order, cut into chunks.
COPY (
    WITH corpus AS (
        SELECT turn_key, first(prompt) AS prompt, first(response) AS response
        FROM read_parquet(getvariable('turn_files'))
        WHERE getvariable('split') = 'all' OR split = getvariable('split')
        GROUP BY turn_key
    ),
    pending AS (
        SELECT corpus.*
        FROM corpus
        LEFT JOIN scores ON scores.turn_key = corpus.turn_key AND scores.judge_id = getvariable('judge_id')
        WHERE scores.turn_key IS NULL
            OR scores.unscored_reason IN (SELECT unnest(getvariable('asked_again')))
        ORDER BY corpus.turn_key
        LIMIT getvariable('at_most')
    )
    SELECT
        CAST((row_number() OVER (ORDER BY pending.turn_key) - 1) // getvariable('chunk_size') AS INTEGER) AS chunk,
        pending.turn_key,
        pending.prompt,
        pending.response,
        recorded.reply
    FROM pending
    LEFT JOIN recorded_replies AS recorded ON recorded.turn_key = pending.turn_key
    ORDER BY pending.turn_key
) TO $plan_file (FORMAT parquet, ROW_GROUP_SIZE 5000)
