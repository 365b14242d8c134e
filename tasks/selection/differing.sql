-- How many rows stand in one of two files only, and the name of one of them.
WITH gone AS (
    SELECT * EXCLUDE (reason) FROM read_parquet($file) EXCEPT ALL SELECT * EXCLUDE (reason) FROM read_parquet($again)
),
added AS (
    SELECT * EXCLUDE (reason) FROM read_parquet($again) EXCEPT ALL SELECT * EXCLUDE (reason) FROM read_parquet($file)
)
SELECT
    (SELECT count(*) FROM gone),
    (SELECT count(*) FROM added),
    (SELECT min(dialogue_id || ':' || utterance_idx) FROM (FROM gone UNION ALL FROM added))
