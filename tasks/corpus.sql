-- Every ingested source, the last ingested last; one that was ingested again stands once, as it was last.
SELECT kind, uri, sha256, n_rows, config_digest
FROM artifacts
WHERE kind = 'dialogues'
QUALIFY row_number() OVER (
    PARTITION BY coalesce(inputs->>'source', config_digest) ORDER BY noted_at DESC, made_at DESC
) = 1
ORDER BY noted_at, made_at, config_digest
