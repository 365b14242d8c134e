-- Conversations with scores and where they go, in an order that only their content decides.
SELECT
    dialogue_id, utterance_idx, turn_key, split, emotion, prompt,
    [{{'role': 'assistant', 'content': response}}] AS completion,
    n_words, sensibility, rationality, subset, reason
FROM ({turns})
ORDER BY subset, turn_key, dialogue_id, utterance_idx
