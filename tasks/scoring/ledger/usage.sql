-- One row a judge: what it scored, what its calls came to, and which versions of a model answered.
-- What is no turn of the corpus is a response that an evaluation had generated.
WITH judged AS (
    SELECT judge_id,
        count(sensibility) FILTER (turn_key IN (SELECT turn_key FROM turns)) AS n_scored,
        count(sensibility) FILTER (turn_key NOT IN (SELECT turn_key FROM turns)) AS n_responses_scored,
        histogram(unscored_reason) AS unscored
    FROM scores
    GROUP BY judge_id
),
calls AS (
    SELECT judge_id, count(*) AS n_calls, histogram(error_class) AS failed_calls,
        sum(tokens_in)::BIGINT AS tokens_in, sum(tokens_cached)::BIGINT AS tokens_cached,
        sum(tokens_out)::BIGINT AS tokens_out,
        round(fsum(cost_usd), 9) AS cost_usd, -- rounded, so that the order of adding up is not seen
        count(cost_usd) AS n_calls_priced, quantile_cont(latency_s, [0.5, 0.95]) AS latencies
    FROM attempts
    GROUP BY judge_id
),
versions AS (
    SELECT judge_id, model, system_fingerprint, count(*) AS n_calls
    FROM attempts
    WHERE model IS NOT NULL
    GROUP BY ALL
),
seen AS (
    SELECT judge_id, list(
        {'model': model, 'system_fingerprint': system_fingerprint, 'n_calls': n_calls}
        ORDER BY n_calls DESC, model, system_fingerprint NULLS LAST
    ) AS versions
    FROM versions
    GROUP BY judge_id
)
SELECT alias AS judge, judge_id, kind, coalesce(n_scored, 0) AS n_scored,
    coalesce(n_responses_scored, 0) AS n_responses_scored, coalesce(unscored, MAP {}) AS unscored,
    coalesce(n_calls, 0) AS n_calls, coalesce(failed_calls, MAP {}) AS failed_calls,
    tokens_in, tokens_cached, tokens_out, cost_usd, coalesce(n_calls_priced, 0) AS n_calls_priced,
    round(latencies[1], 3) AS latency_p50_s, round(latencies[2], 3) AS latency_p95_s,
    coalesce(versions, []) AS versions
FROM judges
LEFT JOIN judged USING (judge_id)
LEFT JOIN calls USING (judge_id)
LEFT JOIN seen USING (judge_id)
ORDER BY alias, judge_id
