-- The dialogues of one artifact into the tables; the last ingested source wins.
INSERT OR REPLACE INTO dialogues
SELECT dialogue_id, split, emotion, situation, n_utterances, $artifact FROM read_parquet($folder || '/dialogues.parquet');

INSERT OR REPLACE INTO turns
SELECT dialogue_id, utterance_idx, turn_key, split, emotion, prompt, response
FROM read_parquet($folder || '/turns.parquet');

INSERT INTO quarantine
SELECT source, line, reason, raw, $artifact FROM read_parquet($folder || '/quarantine.parquet')
