-- The dialogues of one artifact into the tables; what stands there already stays (the first source wins).
INSERT INTO dialogues
SELECT dialogue_id, split, emotion, situation, n_utterances, $artifact FROM read_parquet($folder || '/dialogues.parquet')
ON CONFLICT DO NOTHING;

INSERT INTO turns
SELECT dialogue_id, utterance_idx, turn_key, split, emotion, prompt, response
FROM read_parquet($folder || '/turns.parquet')
ON CONFLICT DO NOTHING;

INSERT INTO quarantine
SELECT source, line, reason, raw, $artifact FROM read_parquet($folder || '/quarantine.parquet')
