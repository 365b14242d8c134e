-- The scores in force of one judge for the turns of a corpus, in hash order.
CREATE OR REPLACE TEMP TABLE snapshot AS
SELECT
    turn_key, sensibility, rationality, sensibility_sd, rationality_sd, method, unscored_reason
FROM scores
WHERE judge_id = $judge_id
    AND turn_key IN (SELECT turn_key FROM read_parquet($turn_files))
ORDER BY turn_key
