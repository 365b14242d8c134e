-- What a judge's calls took, a row a day (UTC): only the last days, oldest first. Recorded and local judges have none.
SELECT *
FROM (
    SELECT
        strftime(make_timestamp((epoch_us(sent_at) // 86400000000) * 86400000000), '%Y-%m-%d') AS day,
        count(*) AS n_calls,
        count(*) FILTER (error_class IS NOT NULL) AS n_failed,
        sum(cost_usd) AS cost_usd,
        count(cost_usd) AS n_priced,
        quantile_cont(latency_s, 0.5) AS latency_p50_s,
        quantile_cont(latency_s, 0.95) AS latency_p95_s
    FROM attempts
    WHERE judge_id = $judge_id AND sent_at IS NOT NULL AND method NOT IN ('distilled', 'recorded')
    GROUP BY day
    ORDER BY day DESC
    LIMIT $most
)
ORDER BY day
