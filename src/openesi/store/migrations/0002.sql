-- Which subscriptions are to hear of a change of what; "tag" is what the store announces of a change.
CREATE TABLE watch (
    tag          TEXT NOT NULL,
    subscription TEXT NOT NULL,
    PRIMARY KEY (tag, subscription)
) WITHOUT ROWID;
CREATE INDEX watch_of_subscription ON watch (subscription);

-- What is still to be told: one row for each subscription, written in the transaction of the change.
-- "seq" counts changes, so that one that comes while a notification is under way is not lost.
CREATE TABLE outbox (
    subscription TEXT PRIMARY KEY,
    seq          INTEGER NOT NULL DEFAULT 1,
    pending      INTEGER NOT NULL DEFAULT 1,
    attempts     INTEGER NOT NULL DEFAULT 0,
    next         INTEGER NOT NULL DEFAULT 0,
    parked       TEXT
) WITHOUT ROWID;
CREATE INDEX outbox_pending ON outbox (next) WHERE pending = 1 AND parked IS NULL;
