-- Every turn that can be selected: where it stands, and hashes of its dialogue, emotion, response and words.
-- Words are lower-cased and split at spaces, tabs and line ends; responses of equal words are equal.
CREATE OR REPLACE TEMP TABLE sweep_texts AS
WITH numbered AS (
    SELECT unnest(getvariable('turn_files')) AS filename, generate_subscripts(getvariable('turn_files'), 1) AS source
),
split AS (
    SELECT
        candidates.source, candidates.row, candidates.dialogue_id, candidates.emotion,
        list_filter(
            string_split(
                replace(replace(replace(lower(turns.response), chr(9), ' '), chr(10), ' '), chr(13), ' '), ' '
            ),
            lambda word: word <> ''
        ) AS words
    FROM candidates
    JOIN numbered USING (source)
    JOIN read_parquet(getvariable('turn_files'), filename = true, file_row_number = true) AS turns
        ON turns.filename = numbered.filename AND turns.file_row_number = candidates.row
    WHERE candidates.excluded_because IS NULL
)
SELECT
    source::BIGINT << 40 | row AS place, hash(dialogue_id) AS dialogue, hash(emotion) AS emotion,
    hash(words) AS response, list_transform(words, lambda word: hash(word)) AS words
FROM split
