-- Totals per minute, of what was younger than 24 hours when it came.
CREATE TABLE IF NOT EXISTS measures_minute (
    tenant LowCardinality(String),
    measure LowCardinality(String),
    team LowCardinality(String),
    channel LowCardinality(String),
    priority LowCardinality(String),
    category LowCardinality(String),
    agent LowCardinality(String),
    post LowCardinality(String),
    segment LowCardinality(String),
    network LowCardinality(String),
    product LowCardinality(String),
    branch LowCardinality(String),
    outsourced LowCardinality(String),
    novelty LowCardinality(String),
    queue LowCardinality(String),
    stage LowCardinality(String),
    item LowCardinality(String),
    cause LowCardinality(String),
    state LowCardinality(String),
    purpose LowCardinality(String),
    bucket DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    values Map(UInt16, Int64) CODEC(ZSTD(1)),
    partition UInt16 CODEC(T64, ZSTD(1)),
    version UInt64 CODEC(T64, ZSTD(1))
) ENGINE = ReplacingMergeTree(version)
PARTITION BY toMonday(bucket)
ORDER BY (tenant, measure, team, channel, priority, category, agent, post, segment, network, product, branch, outsourced, novelty, queue, stage, item, cause, state, purpose, bucket, partition)
SETTINGS ttl_only_drop_parts = 1;

-- Totals per hour, of everything. Bucket 0 (1970) holds what came after its hour was closed.
CREATE TABLE IF NOT EXISTS measures_hour (
    tenant LowCardinality(String),
    measure LowCardinality(String),
    team LowCardinality(String),
    channel LowCardinality(String),
    priority LowCardinality(String),
    category LowCardinality(String),
    agent LowCardinality(String),
    post LowCardinality(String),
    segment LowCardinality(String),
    network LowCardinality(String),
    product LowCardinality(String),
    branch LowCardinality(String),
    outsourced LowCardinality(String),
    novelty LowCardinality(String),
    queue LowCardinality(String),
    stage LowCardinality(String),
    item LowCardinality(String),
    cause LowCardinality(String),
    state LowCardinality(String),
    purpose LowCardinality(String),
    bucket DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    values Map(UInt16, Int64) CODEC(ZSTD(1)),
    partition UInt16 CODEC(T64, ZSTD(1)),
    version UInt64 CODEC(T64, ZSTD(1))
) ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(bucket)
ORDER BY (tenant, measure, team, channel, priority, category, agent, post, segment, network, product, branch, outsourced, novelty, queue, stage, item, cause, state, purpose, bucket, partition)
SETTINGS ttl_only_drop_parts = 1;

-- Totals per day of the tenant's own zone, of everything. Bucket 0 (1970) holds what came
-- after its day was closed.
CREATE TABLE IF NOT EXISTS measures_day (
    tenant LowCardinality(String),
    measure LowCardinality(String),
    team LowCardinality(String),
    channel LowCardinality(String),
    priority LowCardinality(String),
    category LowCardinality(String),
    agent LowCardinality(String),
    post LowCardinality(String),
    segment LowCardinality(String),
    network LowCardinality(String),
    product LowCardinality(String),
    branch LowCardinality(String),
    outsourced LowCardinality(String),
    novelty LowCardinality(String),
    queue LowCardinality(String),
    stage LowCardinality(String),
    item LowCardinality(String),
    cause LowCardinality(String),
    state LowCardinality(String),
    purpose LowCardinality(String),
    bucket Date CODEC(DoubleDelta, ZSTD(1)),
    values Map(UInt16, Int64) CODEC(ZSTD(1)),
    partition UInt16 CODEC(T64, ZSTD(1)),
    version UInt64 CODEC(T64, ZSTD(1))
) ENGINE = ReplacingMergeTree(version)
PARTITION BY toYear(bucket)
ORDER BY (tenant, measure, team, channel, priority, category, agent, post, segment, network, product, branch, outsourced, novelty, queue, stage, item, cause, state, purpose, bucket, partition)
SETTINGS ttl_only_drop_parts = 1;
