-- The judges that have scored turns of the corpus that this judge has scored too, and how many; the most first, of equal
-- ones that with the newest scores.
WITH made AS (
    SELECT facts ->> '$.judge_id' AS judge_id, max(made_at) AS made_at
    FROM artifacts
    WHERE kind = 'scores'
    GROUP BY ALL
)
SELECT judges.judge_id, judges.alias, count(DISTINCT theirs.turn_key) AS n_common
FROM scores AS theirs
JOIN scores AS ours USING (turn_key)
JOIN judges ON judges.judge_id = theirs.judge_id
LEFT JOIN made ON made.judge_id = theirs.judge_id
WHERE ours.judge_id = $judge_id AND theirs.judge_id <> $judge_id
    AND ours.sensibility IS NOT NULL AND theirs.sensibility IS NOT NULL
    AND theirs.turn_key IN (SELECT turn_key FROM turns)
GROUP BY judges.judge_id, judges.alias, made.made_at, judges.first_used_at
ORDER BY n_common DESC, coalesce(made.made_at, judges.first_used_at) DESC, judges.judge_id
