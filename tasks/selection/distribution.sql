-- How often every pair of score bins stands among the scored turns, and their sums: one pass, a few hundred rows.
SELECT
    least(floor(sensibility / $width), $last)::INT AS s, least(floor(rationality / $width), $last)::INT AS r, count(*),
    sum(sensibility), sum(sensibility * sensibility), sum(rationality), sum(rationality * rationality),
    sum(n_words), sum(n_words::DOUBLE * n_words)
FROM decisions
WHERE subset <> 'excluded'
GROUP BY ALL
