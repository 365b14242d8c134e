-- The turns of the home with these keys; a text that stands at several places is taken at the first of them.
SELECT turn_key, dialogue_id, utterance_idx::BIGINT AS utterance_idx, emotion, prompt, response
FROM turns
WHERE turn_key IN (SELECT unnest($keys))
QUALIFY row_number() OVER (PARTITION BY turn_key ORDER BY dialogue_id, utterance_idx) = 1
ORDER BY turn_key
