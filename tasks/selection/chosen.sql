-- Conversations with scores and where they go, in the order of the turns.
SELECT
    dialogue_id, utterance_idx, turn_key, getvariable('split') AS split, emotion, prompt,
    [{{'role': 'assistant', 'content': response}}] AS completion,
    n_words, sensibility, rationality, subset, reason
FROM ({turns})
