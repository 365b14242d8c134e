-- The turns of two selections that both could choose, with what each made of them.
CREATE OR REPLACE TEMP TABLE pairs AS
SELECT
    later.subset = earlier.subset AS is_alike,
    later.sensibility AS s_later, earlier.sensibility AS s_earlier,
    later.rationality AS r_later, earlier.rationality AS r_earlier
FROM read_parquet($later) AS later
JOIN read_parquet($earlier) AS earlier USING (dialogue_id, utterance_idx, turn_key)
