-- The texts of a subset as an order-free sum, for a comparison within this process only: its hash is not for keeping.
SELECT sum(hash(turn_key, dialogue_id, utterance_idx, prompt, completion, n_words)::HUGEINT) FROM read_parquet($file)
