-- The distinct turns of the corpus that this judge has not scored, in hash order, cut into chunks.
-- Keys are chosen first and their words fetched after, from the first row that has them.
COPY (
    WITH turns AS (
        SELECT filename, file_row_number, turn_key, split, prompt, response
        FROM read_parquet(getvariable('turn_files'), filename = true, file_row_number = true)
    ),
    useless AS (
        SELECT turn_key, count(*) AS n_useless
        FROM attempts
        WHERE judge_id = getvariable('judge_id') AND error_class IN (SELECT unnest(getvariable('asked_on')))
            AND method NOT IN ('recorded', 'distilled')
        GROUP BY turn_key
    ),
    pending AS (
        SELECT turns.turn_key, min((filename, file_row_number)) AS place
        FROM turns
        LEFT JOIN scores ON scores.turn_key = turns.turn_key AND scores.judge_id = getvariable('judge_id')
        LEFT JOIN useless ON useless.turn_key = turns.turn_key
        WHERE (getvariable('split') = 'all' OR split = getvariable('split'))
            AND (NOT getvariable('is_chosen') OR turns.turn_key IN (SELECT turn_key FROM chosen_keys))
            AND (scores.turn_key IS NULL OR scores.unscored_reason IN (SELECT unnest(getvariable('asked_again')))
                -- a run that was stopped between two tries leaves a reason that is not the last word
                OR (scores.unscored_reason IN (SELECT unnest(getvariable('asked_on'))) AND n_useless < getvariable('most_useless')))
        GROUP BY turns.turn_key
        ORDER BY turns.turn_key
        LIMIT getvariable('at_most')
    ),
    numbered AS (
        SELECT turn_key, place, (row_number() OVER (ORDER BY turn_key) - 1)
            // greatest(getvariable('chunk_size'), CAST(ceil(count(*) OVER () / getvariable('most_chunks')) AS BIGINT)) AS chunk
        FROM pending
    ),
    sampled AS (
        SELECT turn_key, sum(n_samples) AS n_samples
        FROM attempts
        WHERE judge_id = getvariable('judge_id') AND n_samples > 0
        GROUP BY turn_key
    )
    SELECT CAST(numbered.chunk AS INTEGER) AS chunk, turns.turn_key, turns.prompt, turns.response, recorded.reply,
        CAST(coalesce(sampled.n_samples, 0) AS INTEGER) AS n_samples
    FROM turns
    JOIN numbered ON numbered.turn_key = turns.turn_key AND numbered.place = (turns.filename, turns.file_row_number)
    LEFT JOIN recorded_replies AS recorded ON recorded.turn_key = turns.turn_key
    LEFT JOIN sampled ON sampled.turn_key = turns.turn_key
    ORDER BY turns.turn_key
) TO $plan_file (FORMAT parquet, ROW_GROUP_SIZE 5000)
