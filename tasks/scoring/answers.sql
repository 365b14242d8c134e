-- The calls for each question of a judge that compares, in the order of time.
SELECT turn_key, reply, error_class
FROM attempts
WHERE judge_id = $judge_id
ORDER BY turn_key, sent_at, segment, line
