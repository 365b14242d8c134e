-- Texts that stand in two splits: training on them and evaluating on them would be the same turn.
SELECT turn_key, list_sort(list(split)) AS splits
FROM (SELECT DISTINCT turn_key, split FROM read_parquet($turns))
GROUP BY turn_key
HAVING count(*) > 1
ORDER BY turn_key
