-- Order-free: equal rows give an equal sum, however they are laid out. The reason is why, not what, and no part of it.
-- Nested values cast to text with their quotes escaped, so that no two rows read the same.
SELECT count(*), coalesce(sum(md5_number_lower(row_text)::HUGEINT), 0)
FROM (
    SELECT
        struct_pack(
            dialogue_id, utterance_idx, turn_key, split, emotion, prompt, completion, sensibility, rationality
        )::VARCHAR AS row_text
    FROM read_parquet($file)
)
