-- Recorded replies, joined to turns by their key or by the place of the turn in its dialogue.
INSERT INTO recorded_replies
WITH given AS (
    SELECT coalesce(conv_id, dialogue_id) AS dialogue_id, utterance_idx, turn_key, reply
    FROM read_json(
        $file,
        format = 'newline_delimited',
        columns = {
            conv_id: 'VARCHAR', dialogue_id: 'VARCHAR', utterance_idx: 'INTEGER',
            turn_key: 'VARCHAR', reply: 'VARCHAR'
        }
    )
),
turns AS (
    SELECT DISTINCT dialogue_id, utterance_idx, turn_key FROM read_parquet($turn_files)
)
SELECT turn_key, min(reply)
FROM (
    SELECT turns.turn_key, given.reply FROM given JOIN turns ON turns.turn_key = given.turn_key
    UNION ALL
    SELECT turns.turn_key, given.reply FROM given JOIN turns USING (dialogue_id, utterance_idx)
)
WHERE reply IS NOT NULL
GROUP BY turn_key
