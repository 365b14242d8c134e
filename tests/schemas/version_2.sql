-- The index over journal and artifacts on one host; `empathy rebuild` makes it anew from both.
CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL);

CREATE TABLE IF NOT EXISTS artifacts (
    kind VARCHAR NOT NULL,
    config_digest VARCHAR NOT NULL,
    uri VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL,
    n_rows BIGINT NOT NULL,
    parents VARCHAR[] NOT NULL, -- "kind/config_digest" of each
    config JSON NOT NULL,
    facts JSON NOT NULL,
    inputs JSON NOT NULL,
    made_at TIMESTAMPTZ NOT NULL,
    noted_at TIMESTAMPTZ NOT NULL,  -- when a run last made or found it
    flow_run_id VARCHAR NOT NULL,
    PRIMARY KEY (kind, config_digest)
);

CREATE TABLE IF NOT EXISTS dialogues (
    dialogue_id VARCHAR PRIMARY KEY,
    split VARCHAR NOT NULL,
    emotion VARCHAR NOT NULL,
    situation VARCHAR NOT NULL,
    n_utterances INTEGER NOT NULL,
    artifact VARCHAR NOT NULL
);

CREATE TABLE IF NOT EXISTS turns (
    dialogue_id VARCHAR NOT NULL,
    utterance_idx INTEGER NOT NULL,
    turn_key VARCHAR NOT NULL,
    split VARCHAR NOT NULL,
    emotion VARCHAR NOT NULL,
    prompt STRUCT(role VARCHAR, content VARCHAR)[] NOT NULL,
    response VARCHAR NOT NULL,
    PRIMARY KEY (dialogue_id, utterance_idx)
);

CREATE TABLE IF NOT EXISTS quarantine (
    source VARCHAR NOT NULL,
    line BIGINT NOT NULL,
    reason VARCHAR NOT NULL,
    raw VARCHAR NOT NULL,
    artifact VARCHAR NOT NULL
);

CREATE TABLE IF NOT EXISTS rubrics (
    rubric_id VARCHAR PRIMARY KEY,
    name VARCHAR NOT NULL,
    text VARCHAR NOT NULL
);

CREATE TABLE IF NOT EXISTS judges (
    judge_id VARCHAR PRIMARY KEY,
    alias VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    endpoint_alias VARCHAR NOT NULL,
    model VARCHAR NOT NULL,
    rubric_id VARCHAR NOT NULL,
    parameters JSON NOT NULL,
    first_used_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE IF NOT EXISTS attempts (
    judge_id VARCHAR NOT NULL,
    turn_key VARCHAR NOT NULL,
    request_key VARCHAR NOT NULL,
    segment VARCHAR NOT NULL,
    line INTEGER NOT NULL,
    sent_at TIMESTAMPTZ,
    http_status INTEGER,
    error_class VARCHAR,          -- NULL where the reply (one of the choices at least) was parsed
    finish_reason VARCHAR,
    model VARCHAR,
    system_fingerprint VARCHAR,
    tokens_in BIGINT,
    tokens_cached BIGINT,
    tokens_out BIGINT,
    cost_usd DOUBLE,              -- NULL where the price is not known
    latency_s DOUBLE,
    method VARCHAR NOT NULL,      -- point, logprobs, samples, distilled or recorded
    reply VARCHAR,
    choices VARCHAR[],            -- all replies of a call that was asked for several
    n_samples INTEGER,            -- how many replies of a call for samples parse; NULL of other calls
    PRIMARY KEY (judge_id, segment, line)
);

CREATE TABLE IF NOT EXISTS scores (
    turn_key VARCHAR NOT NULL,
    judge_id VARCHAR NOT NULL,
    sensibility DOUBLE,
    rationality DOUBLE,
    sensibility_sd DOUBLE,
    rationality_sd DOUBLE,
    method VARCHAR NOT NULL,
    source_judge_id VARCHAR NOT NULL,
    unscored_reason VARCHAR,      -- why there is no score; NULL where there is one
    PRIMARY KEY (turn_key, judge_id),
    CHECK ((sensibility IS NULL) = (unscored_reason IS NOT NULL)),
    CHECK ((sensibility IS NULL) = (rationality IS NULL)),
    CHECK (sensibility IS NULL OR sensibility BETWEEN 0 AND 10),
    CHECK (rationality IS NULL OR rationality BETWEEN 0 AND 10)
);

CREATE TABLE IF NOT EXISTS segments (
    judge_id VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    PRIMARY KEY (judge_id, name)
);

CREATE TABLE IF NOT EXISTS subsets (
    config_digest VARCHAR NOT NULL,
    subset VARCHAR NOT NULL,
    rule VARCHAR NOT NULL,
    judge_id VARCHAR NOT NULL,
    sensibility_threshold DOUBLE NOT NULL,
    rationality_threshold DOUBLE NOT NULL,
    split VARCHAR NOT NULL,
    n_rows BIGINT NOT NULL,
    share DOUBLE NOT NULL,
    PRIMARY KEY (config_digest, subset)
);

CREATE TABLE IF NOT EXISTS evaluations (
    config_digest VARCHAR NOT NULL,
    system VARCHAR NOT NULL,
    metric VARCHAR NOT NULL,
    value DOUBLE,
    low DOUBLE,
    high DOUBLE,
    n BIGINT NOT NULL,
    PRIMARY KEY (config_digest, system, metric)
);
