-- Every call that brought samples of the turns that the new rows are about, old calls too, in the order of time.
SELECT turn_key, reply, choices, error_class
FROM attempts
WHERE judge_id = $judge_id AND n_samples > 0 AND turn_key IN (SELECT turn_key FROM new_rows)
ORDER BY turn_key, sent_at, segment, line
