-- Names are written with their database, so that the views can be used from any other.
--
-- The rows that make up the totals over lo ≤ bucket < hi, both whole minutes: whole
-- hours from the hour ring, the rest from the minute ring.
CREATE VIEW IF NOT EXISTS measure_rows AS
SELECT tenant, measure, team, channel, priority, category, agent, post, segment, network, product, branch, outsourced, novelty, bucket, values
FROM {database}.measures_hour FINAL
WHERE tenant = {tenant:String} AND measure IN {measures:Array(String)}
  AND bucket >= toStartOfHour({lo:DateTime('UTC')} + 3599) AND bucket < toStartOfHour({hi:DateTime('UTC')})
UNION ALL
SELECT tenant, measure, team, channel, priority, category, agent, post, segment, network, product, branch, outsourced, novelty, bucket, values
FROM {database}.measures_minute FINAL
WHERE tenant = {tenant:String} AND measure IN {measures:Array(String)}
  AND bucket >= {lo:DateTime('UTC')} AND bucket < {hi:DateTime('UTC')}
  AND (bucket < toStartOfHour({lo:DateTime('UTC')} + 3599) OR bucket >= toStartOfHour({hi:DateTime('UTC')}));

-- Overdue requests: a stock, the sum of all its deltas before at.
CREATE VIEW IF NOT EXISTS kpi_overdue_ratio AS
SELECT
    if(has(splitByChar(',', {by:String}), 'team'), r.team, '') AS team,
    if(has(splitByChar(',', {by:String}), 'channel'), r.channel, '') AS channel,
    if(has(splitByChar(',', {by:String}), 'priority'), r.priority, '') AS priority,
    if(has(splitByChar(',', {by:String}), 'category'), r.category, '') AS category,
    if(has(splitByChar(',', {by:String}), 'agent'), r.agent, '') AS agent,
    if(has(splitByChar(',', {by:String}), 'post'), r.post, '') AS post,
    if(has(splitByChar(',', {by:String}), 'segment'), r.segment, '') AS segment,
    if(has(splitByChar(',', {by:String}), 'network'), r.network, '') AS network,
    if(has(splitByChar(',', {by:String}), 'product'), r.product, '') AS product,
    if(has(splitByChar(',', {by:String}), 'branch'), r.branch, '') AS branch,
    if(has(splitByChar(',', {by:String}), 'outsourced'), r.outsourced, '') AS outsourced,
    if(has(splitByChar(',', {by:String}), 'novelty'), r.novelty, '') AS novelty,
    sumIf(r.values[0], r.measure = 'tickets_overdue') AS numerator,
    sumIf(r.values[0], r.measure = 'tickets_open') AS denominator,
    if(denominator = 0, NULL, numerator / denominator) AS value
FROM {database}.measure_rows(tenant = {tenant:String}, measures = ['tickets_overdue', 'tickets_open'], lo = toDateTime(0, 'UTC'), hi = {at:DateTime('UTC')}) AS r
WHERE NOT throwIf(toSecond({at:DateTime('UTC')}) != 0, 'at: not a whole minute; readings from history lie on whole minutes')
  AND NOT throwIf(NOT hasAll(['', 'team', 'channel', 'priority', 'category', 'agent', 'post', 'segment', 'network', 'product', 'branch', 'outsourced', 'novelty'], splitByChar(',', {by:String})), 'by: unknown dimension; use names of the columns, separated by commas')
GROUP BY team, channel, priority, category, agent, post, segment, network, product, branch, outsourced, novelty;

-- Repeat incidents: one stock per window, each the sum of all its deltas before at. Slot 0
-- is common to all windows, and the window's own slot is added to it.
CREATE VIEW IF NOT EXISTS kpi_repeat_incident_ratio AS
WITH assumeNotNull((SELECT any(slot) FROM {database}.windows FINAL WHERE name = {window:String} AND kept)) AS wanted
SELECT
    if(has(splitByChar(',', {by:String}), 'team'), r.team, '') AS team,
    if(has(splitByChar(',', {by:String}), 'channel'), r.channel, '') AS channel,
    if(has(splitByChar(',', {by:String}), 'priority'), r.priority, '') AS priority,
    if(has(splitByChar(',', {by:String}), 'category'), r.category, '') AS category,
    if(has(splitByChar(',', {by:String}), 'agent'), r.agent, '') AS agent,
    if(has(splitByChar(',', {by:String}), 'post'), r.post, '') AS post,
    if(has(splitByChar(',', {by:String}), 'segment'), r.segment, '') AS segment,
    if(has(splitByChar(',', {by:String}), 'network'), r.network, '') AS network,
    if(has(splitByChar(',', {by:String}), 'product'), r.product, '') AS product,
    if(has(splitByChar(',', {by:String}), 'branch'), r.branch, '') AS branch,
    if(has(splitByChar(',', {by:String}), 'outsourced'), r.outsourced, '') AS outsourced,
    if(has(splitByChar(',', {by:String}), 'novelty'), r.novelty, '') AS novelty,
    sumIf(r.values[0] + r.values[wanted], r.measure = 'incidents_repeated') AS numerator,
    sumIf(r.values[0] + r.values[wanted], r.measure = 'incidents_reported') AS denominator,
    if(denominator = 0, NULL, numerator / denominator) AS value
FROM {database}.measure_rows(tenant = {tenant:String}, measures = ['incidents_repeated', 'incidents_reported'], lo = toDateTime(0, 'UTC'), hi = {at:DateTime('UTC')}) AS r
WHERE NOT throwIf(toSecond({at:DateTime('UTC')}) != 0, 'at: not a whole minute; readings from history lie on whole minutes')
  AND NOT throwIf((SELECT count() FROM {database}.windows FINAL WHERE name = {window:String} AND kept) = 0, 'window: unknown; see the table windows')
  AND NOT throwIf(NOT hasAll(['', 'team', 'channel', 'priority', 'category', 'agent', 'post', 'segment', 'network', 'product', 'branch', 'outsourced', 'novelty'], splitByChar(',', {by:String})), 'by: unknown dimension; use names of the columns, separated by commas')
GROUP BY team, channel, priority, category, agent, post, segment, network, product, branch, outsourced, novelty;

-- Response time: the merged histogram of the window. Slot 0 is the sum in milliseconds,
-- slot 1 counts what is below one, slot n > 1 counts bucket n-320 of schema 5. Quantiles
-- are the nearest rank at the geometric middle of its bucket.
CREATE VIEW IF NOT EXISTS kpi_response_time AS
WITH
    (SELECT if(any(length_seconds) = 0, 0, greatest(0, intDiv(toUnixTimestamp({at:DateTime('UTC')}) - any(length_seconds), greatest(60, any(ring_seconds))) * greatest(60, any(ring_seconds))))
     FROM {database}.windows FINAL WHERE name = {window:String} AND kept) AS lo,
    arrayFilter(e -> e.1 > 0, arrayZip(mapKeys(histogram), mapValues(histogram))) AS buckets,
    arrayCumSum(e -> e.2, buckets) AS ranks,
    arrayMap(q -> buckets[arrayFirstIndex(n -> n >= greatest(1, ceil(q * samples)), ranks)].1, [0.5, 0.9, 0.95, 0.99]) AS slots,
    arrayMap(s -> if(s = 1, 0, exp2((toInt32(s) - 320 - 0.5) / 32)), slots) AS quantiles
SELECT
    if(has(splitByChar(',', {by:String}), 'team'), r.team, '') AS team,
    if(has(splitByChar(',', {by:String}), 'channel'), r.channel, '') AS channel,
    if(has(splitByChar(',', {by:String}), 'priority'), r.priority, '') AS priority,
    if(has(splitByChar(',', {by:String}), 'category'), r.category, '') AS category,
    if(has(splitByChar(',', {by:String}), 'agent'), r.agent, '') AS agent,
    if(has(splitByChar(',', {by:String}), 'post'), r.post, '') AS post,
    if(has(splitByChar(',', {by:String}), 'segment'), r.segment, '') AS segment,
    if(has(splitByChar(',', {by:String}), 'network'), r.network, '') AS network,
    if(has(splitByChar(',', {by:String}), 'product'), r.product, '') AS product,
    if(has(splitByChar(',', {by:String}), 'branch'), r.branch, '') AS branch,
    if(has(splitByChar(',', {by:String}), 'outsourced'), r.outsourced, '') AS outsourced,
    if(has(splitByChar(',', {by:String}), 'novelty'), r.novelty, '') AS novelty,
    sumMap(r.values) AS histogram,
    arraySum(e -> e.2, buckets) AS samples,
    if(samples = 0, NULL, histogram[0] / 1000 / samples) AS mean_seconds,
    if(samples = 0, NULL, quantiles[1]) AS p50_seconds,
    if(samples = 0, NULL, quantiles[2]) AS p90_seconds,
    if(samples = 0, NULL, quantiles[3]) AS p95_seconds,
    if(samples = 0, NULL, quantiles[4]) AS p99_seconds
FROM {database}.measure_rows(tenant = {tenant:String}, measures = ['response_time'], lo = toDateTime(lo, 'UTC'), hi = {at:DateTime('UTC')}) AS r
WHERE NOT throwIf(toSecond({at:DateTime('UTC')}) != 0, 'at: not a whole minute; readings from history lie on whole minutes')
  AND NOT throwIf((SELECT count() FROM {database}.windows FINAL WHERE name = {window:String} AND kept) = 0, 'window: unknown; see the table windows')
  AND NOT throwIf(NOT hasAll(['', 'team', 'channel', 'priority', 'category', 'agent', 'post', 'segment', 'network', 'product', 'branch', 'outsourced', 'novelty'], splitByChar(',', {by:String})), 'by: unknown dimension; use names of the columns, separated by commas')
GROUP BY team, channel, priority, category, agent, post, segment, network, product, branch, outsourced, novelty;
