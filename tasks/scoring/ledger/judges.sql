-- Every judge with the number of its scores; none of one that has only judged what an evaluation had generated.
WITH kept AS (
    SELECT config->>'judge_id' AS judge_id,
        bool_or(list_contains([split_part(parent, '/', 1) FOR parent IN parents], 'dialogues')) AS is_of_dialogues
    FROM artifacts
    WHERE kind = 'scores'
    GROUP BY ALL
),
counted AS (
    SELECT judge_id, count(sensibility) AS n_scored
    FROM scores
    GROUP BY judge_id
)
SELECT judge_id, alias, CASE WHEN coalesce(is_of_dialogues, true) THEN coalesce(n_scored, 0) ELSE 0 END AS n_scored
FROM judges
LEFT JOIN counted USING (judge_id)
LEFT JOIN kept USING (judge_id)
ORDER BY first_used_at
