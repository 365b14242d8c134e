-- Artifacts of a kind, the one that a run last made or found first.
SELECT kind, uri, sha256, n_rows, config_digest,
    coalesce(config->>'judge_id', '') AS judge_id,
    coalesce((facts->>'n_scored')::BIGINT, 0) AS n_scored,
    parents
FROM artifacts
WHERE kind = $kind
ORDER BY noted_at DESC, config_digest
