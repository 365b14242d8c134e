-- Rank correlation (Spearman) of both scores; equal scores share the mean of their ranks.
SELECT corr(s_later, s_earlier), corr(r_later, r_earlier)
FROM (
    SELECT
        rank() OVER (ORDER BY s_later) + count(*) OVER (PARTITION BY s_later) / 2 AS s_later,
        rank() OVER (ORDER BY s_earlier) + count(*) OVER (PARTITION BY s_earlier) / 2 AS s_earlier,
        rank() OVER (ORDER BY r_later) + count(*) OVER (PARTITION BY r_later) / 2 AS r_later,
        rank() OVER (ORDER BY r_earlier) + count(*) OVER (PARTITION BY r_earlier) / 2 AS r_earlier
    FROM pairs
)
