-- The rows that make up the totals over lo ≤ bucket < hi, both whole minutes: whole hours
-- from the hour ring, the rest from the minute ring. Names are written with their
-- database, so that the view can be used from any other. The views of the KPIs, which rest
-- on it, are generated from their definitions.
CREATE VIEW IF NOT EXISTS measure_rows AS
SELECT tenant, measure, team, channel, priority, category, agent, post, segment, network, product, branch, outsourced, novelty, queue, stage, item, cause, state, purpose, bucket, values
FROM {database}.measures_hour FINAL
WHERE tenant = {tenant:String} AND measure IN {measures:Array(String)}
  AND bucket >= toStartOfHour({lo:DateTime('UTC')} + 3599) AND bucket < toStartOfHour({hi:DateTime('UTC')})
UNION ALL
SELECT tenant, measure, team, channel, priority, category, agent, post, segment, network, product, branch, outsourced, novelty, queue, stage, item, cause, state, purpose, bucket, values
FROM {database}.measures_minute FINAL
WHERE tenant = {tenant:String} AND measure IN {measures:Array(String)}
  AND bucket >= {lo:DateTime('UTC')} AND bucket < {hi:DateTime('UTC')}
  AND (bucket < toStartOfHour({lo:DateTime('UTC')} + 3599) OR bucket >= toStartOfHour({hi:DateTime('UTC')}));
