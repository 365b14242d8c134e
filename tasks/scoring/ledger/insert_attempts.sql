INSERT INTO attempts
SELECT $judge_id, turn_key, request_key, segment, line, to_timestamp(sent_at), http_status, error_class,
    finish_reason, model, system_fingerprint, tokens_in, tokens_cached, tokens_out, cost_usd, latency_s, method,
    reply, choices, n_samples
FROM new_rows
