-- The windows of readings. Measures of threads (incidents, customers …) have a stock for
-- each: slot 0 plus the window's slot.
CREATE TABLE IF NOT EXISTS windows (
    name String,
    slot UInt16,
    length_seconds Int64,
    ring_seconds Int64,
    kept Bool,
    changed_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
) ENGINE = ReplacingMergeTree(changed_at)
ORDER BY name;
