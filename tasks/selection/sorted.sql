-- The candidates in the order of the files, with nothing that a sort need not carry.
SELECT
    dialogue_id, utterance_idx, turn_key, emotion, prompt, response, n_words,
    sensibility, rationality, sensibility_sd, rationality_sd, excluded_because
FROM ({turns})
ORDER BY
    CASE subset WHEN 'sensibility' THEN 0 WHEN 'rationality' THEN 1 WHEN 'discard' THEN 2 ELSE 3 END::UTINYINT,
    turn_key, dialogue_id, utterance_idx
