-- What the written files of a selection say of every turn: narrow columns of Parquet, read as often as needed.
CREATE OR REPLACE TEMP VIEW decisions AS
SELECT
    dialogue_id, utterance_idx, turn_key, split, emotion, n_words, sensibility, rationality,
    calibrate_sensibility(sensibility) AS s, calibrate_rationality(rationality) AS r, subset, reason
FROM read_parquet(getvariable('written_files'))
