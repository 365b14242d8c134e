-- The turns that a key's start, or a place, names, with what was decided of them.
SELECT decisions.*, near_duplicates.twin
FROM decisions
LEFT JOIN near_duplicates USING (source, row)
WHERE ($prefix <> '' AND starts_with(turn_key, $prefix))
    OR (dialogue_id = $dialogue_id AND utterance_idx = $utterance_idx)
ORDER BY turn_key, dialogue_id, utterance_idx
