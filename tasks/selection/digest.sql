-- Order-free: equal rows give an equal sum, however they are laid out. Texts are in it by their turn_key, the sha256 of
-- what they say. The reason is why, not what, and no part of it. A text of any length is told apart by its length.
SELECT count(*), coalesce(sum(md5_number_lower(row_text)::HUGEINT), 0)
FROM (
    SELECT concat_ws(
        '|', turn_key, utterance_idx, split, coalesce(sensibility::VARCHAR, ''), coalesce(rationality::VARCHAR, ''),
        strlen(dialogue_id), dialogue_id, emotion
    ) AS row_text
    FROM read_parquet($file)
)
