-- What became of each turn that the judge is done with: its characters, its calls, and what they used.
WITH done AS (
    SELECT turn_key
    FROM scores
    WHERE judge_id = $judge_id AND (sensibility IS NOT NULL OR unscored_reason IN (SELECT unnest($terminal)))
),
words AS (
    SELECT turn_key, any_value(characters_of(prompt, response)) AS n_characters
    FROM turns
    WHERE turn_key IN (SELECT turn_key FROM done)
    GROUP BY turn_key
)
SELECT any_value(n_characters), count(*), count(latency_s), coalesce(sum(latency_s), 0),
    sum(tokens_in)::BIGINT, sum(tokens_cached)::BIGINT, sum(tokens_out)::BIGINT
FROM attempts
JOIN words USING (turn_key)
WHERE judge_id = $judge_id
GROUP BY turn_key
ORDER BY turn_key
