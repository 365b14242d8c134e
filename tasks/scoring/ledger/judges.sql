-- Every judge with the number of its scores; none of one that has only judged what an evaluation had generated.
-- Its artifacts say which it is; without any (a run was killed before it kept one), whether a turn of the corpus is scored.
-- Not always that turn: what was generated may by chance be what the corpus says.
WITH kept AS (
    SELECT config->>'judge_id' AS judge_id,
        bool_or(list_contains([split_part(parent, '/', 1) FOR parent IN parents], 'dialogues')) AS is_of_dialogues
    FROM artifacts
    WHERE kind = 'scores'
    GROUP BY ALL
),
counted AS (
    SELECT judge_id, count(sensibility) AS n_scored,
        bool_or(sensibility IS NOT NULL AND turn_key IN (SELECT turn_key FROM turns)) AS has_scored_turns
    FROM scores
    GROUP BY judge_id
)
SELECT judge_id, alias,
    CASE WHEN coalesce(is_of_dialogues, has_scored_turns) THEN coalesce(n_scored, 0) ELSE 0 END AS n_scored
FROM judges
LEFT JOIN counted USING (judge_id)
LEFT JOIN kept USING (judge_id)
ORDER BY first_used_at
