-- A group is stored by statements for all of it, whatever its size, and what is in work is found by app.
--
-- Dead entries of an index are passed over by every scan until a vacuum, or until their page is full and is tidied. By time,
-- all that has ever waited lies before what waits now, on pages that are never full again; by branch, the next job of a
-- branch comes to lie where its last one was.
DROP INDEX jobs_waiting;
CREATE INDEX jobs_waiting ON jobs (app, branch, number) WHERE waits IS NOT NULL;
DROP INDEX jobs_leased;
DROP INDEX jobs_passable;
CREATE INDEX jobs_held ON jobs (app, branch, number) WHERE lease IS NOT NULL;

-- Most jobs deploy what is their own.
DROP INDEX jobs_by_content;
CREATE INDEX jobs_by_content ON jobs (branch, content, number) WHERE content <> number;

-- What one command stored of a job is one row, at the place of its last record. The places of those before it lie before it.
-- No version that was released reads rows otherwise.
ALTER TABLE records ADD COLUMN earlier BYTEA[];
CREATE VIEW happenings AS
    SELECT r.cursor - COALESCE(cardinality(r.earlier), 0) - 1 + h.nth AS cursor, r.branch, r.number, h.body
    FROM records r CROSS JOIN LATERAL unnest(r.earlier || r.body) WITH ORDINALITY AS h (body, nth);

-- Plans are made once, when tables may be small still and nothing is known of them, and are for tables of any size: look-ups
-- by key, and scans of the indexes above, in their order: others do not tidy dead entries away.
CREATE OR REPLACE FUNCTION windlass_work(ahead BIGINT, most BIGINT)
RETURNS TABLE (part INT, since BIGINT, app TEXT, branch BIGINT, number BIGINT) LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off
AS $$
BEGIN
    RETURN QUERY
    WITH RECURSIVE apps_waiting (app) AS (
        (SELECT j.app FROM jobs j WHERE j.waits IS NOT NULL ORDER BY j.app LIMIT 1)
        UNION ALL
        SELECT (SELECT j.app FROM jobs j WHERE j.waits IS NOT NULL AND j.app > a.app ORDER BY j.app LIMIT 1)
        FROM apps_waiting a WHERE a.app IS NOT NULL
    ),
    held AS MATERIALIZED (
        SELECT j.app, j.branch, j.number, j.lease, j.passable, j.lease > windlass_now() + ahead AS lasts
        FROM jobs j WHERE j.lease IS NOT NULL
    )
    (SELECT 0, COUNT(*), h.app, 0::bigint, 0::bigint FROM held h WHERE h.lasts GROUP BY h.app)
    UNION ALL
    (SELECT 1, h.lease, h.app, h.branch, h.number FROM held h
     WHERE h.passable AND NOT h.lasts ORDER BY h.lease, h.branch, h.number LIMIT most)
    UNION ALL
    (SELECT 2, w.waits, w.app, w.branch, w.number FROM apps_waiting a CROSS JOIN LATERAL (
        SELECT j.* FROM (
            SELECT j.waits, j.app, j.branch, j.number FROM jobs j WHERE j.app = a.app AND j.waits IS NOT NULL
            ORDER BY j.waits, j.branch, j.number
        ) j
        WHERE (SELECT b.working IS NULL FROM branches b WHERE b.uid = j.branch) LIMIT most
     ) w)
    ORDER BY 1, 2, 4, 5;
END
$$;

-- Whether a look at the work may find some for a runner, while fewer than `concurrent` jobs are in work. It takes no locks.
CREATE FUNCTION windlass_may_claim(ahead BIGINT, concurrent BIGINT) RETURNS BOOLEAN LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off
AS $$
DECLARE
    working BIGINT;
    lost BIGINT;
BEGIN
    SELECT COUNT(*) FILTER (WHERE j.lease > windlass_now() + ahead),
           COUNT(*) FILTER (WHERE j.lease <= windlass_now() + ahead AND j.passable)
    INTO working, lost FROM jobs j WHERE j.lease IS NOT NULL;
    RETURN working < concurrent AND (lost > 0 OR EXISTS (
        SELECT FROM jobs j
        WHERE j.waits IS NOT NULL AND (SELECT b.working IS NULL FROM branches b WHERE b.uid = j.branch)
    ));
END
$$;

-- As before: stores what came of a group of commands, in one transaction and one round trip, and answers which of them
-- fitted. One that does not fit leaves nothing behind. Items come by uid of branch, so that two groups never wait for each
-- other; of two of one branch only the first can fit.
--
-- Its plans are made once, when tables may be small still, and are for groups of any size: look-ups by key.
CREATE OR REPLACE FUNCTION windlass_append(
    uids BIGINT[], numbers BIGINT[], apps TEXT[], expected BIGINT[], seqs BIGINT[], births BYTEA[], progresses BYTEA[],
    contents BIGINT[], dues BIGINT[], waiting BIGINT[], passables BOOLEAN[], ended BOOLEAN[],
    versions BIGINT[], afters BYTEA[], workings BIGINT[],      -- null where the branch stays as it is
    runners BYTEA[], lengths BIGINT[],                         -- null where no hold comes with it
    record_items INT[], record_bodies BYTEA[],
    blob_items INT[], blob_keys BYTEA[], blob_bytes BYTEA[],
    notices TEXT[]
) RETURNS BOOLEAN[] LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
AS $$
DECLARE
    fits BOOLEAN[];
    place BIGINT;
    fitting BIGINT;
BEGIN
    -- What follows sees what was committed before these locks were had.
    PERFORM 1 FROM branches b WHERE b.uid = ANY (uids) ORDER BY b.uid FOR UPDATE;
    fits := ARRAY(
        SELECT COALESCE(b.branch_version = COALESCE(i.version, b.branch_version), FALSE)
           AND COALESCE(j.seq, 0) = i.expected AND (i.nth = 1 OR uids[i.nth - 1] <> i.uid)
        FROM unnest(uids, numbers, expected, versions) WITH ORDINALITY AS i (uid, number, expected, version, nth)
        LEFT JOIN branches b ON b.uid = i.uid
        LEFT JOIN jobs j ON j.branch = i.uid AND j.number = i.number
        ORDER BY i.nth
    );

    UPDATE branches b SET branch_version = i.version + 1, branch = i.after, working = i.working
    FROM unnest(fits, uids, versions, afters, workings) AS i (fits, uid, version, after, working)
    WHERE i.fits AND i.version IS NOT NULL AND b.uid = i.uid;

    INSERT INTO jobs (branch, number, app, seq, birth, progress, content, due, waits, passable, runner, lease)
    SELECT i.uid, i.number, i.app, i.seq, i.birth, i.progress, i.content, i.due, i.waits, i.passable,
           CASE WHEN NOT i.ended THEN i.runner END,
           CASE WHEN NOT i.ended AND i.runner IS NOT NULL THEN windlass_now() + i.length END
    FROM unnest(fits, uids, numbers, apps, expected, seqs, births, progresses, contents, dues, waiting, passables, ended,
                runners, lengths)
        AS i (fits, uid, number, app, expected, seq, birth, progress, content, due, waits, passable, ended, runner, length)
    WHERE i.fits AND i.expected = 0;

    UPDATE jobs j
    SET seq = i.seq, progress = i.progress, due = i.due, waits = i.waits, passable = i.passable,
        runner = CASE WHEN NOT i.ended THEN COALESCE(i.runner, j.runner) END,
        lease = CASE WHEN i.ended THEN NULL WHEN i.runner IS NULL THEN j.lease ELSE windlass_now() + i.length END
    FROM unnest(fits, uids, numbers, expected, seqs, progresses, dues, waiting, passables, ended, runners, lengths)
        AS i (fits, uid, number, expected, seq, progress, due, waits, passable, ended, runner, length)
    WHERE i.fits AND i.expected > 0 AND j.branch = i.uid AND j.number = i.number;

    -- So many of them that they are far from the 8,000 bytes that one may have.
    PERFORM pg_notify('windlass', string_agg(i.notice, E'\n'))
    FROM unnest(fits, notices) WITH ORDINALITY AS i (fits, notice, nth) WHERE i.fits GROUP BY i.nth / 64;

    -- Of two with one key the later stays.
    IF cardinality(blob_items) > 0 THEN
        INSERT INTO blobs (key, bytes)
            SELECT DISTINCT ON (b.key) b.key, b.bytes
            FROM unnest(blob_items, blob_keys, blob_bytes) WITH ORDINALITY AS b (item, key, bytes, nth)
            WHERE fits[b.item] ORDER BY b.key, b.nth DESC
            ON CONFLICT (key) DO UPDATE SET bytes = excluded.bytes;
    END IF;

    -- Last of all, since everyone waits for it.
    SELECT COUNT(*) INTO fitting FROM unnest(record_items) AS r (item) WHERE fits[r.item];
    UPDATE feed SET last = last + fitting WHERE one RETURNING last INTO place;
    INSERT INTO records (cursor, branch, number, earlier, body)
        SELECT place - fitting + r.upto, uids[r.item], numbers[r.item],
               r.bodies[:cardinality(r.bodies) - 1], r.bodies[cardinality(r.bodies)]
        FROM (
            SELECT r.item, array_agg(r.body ORDER BY r.nth) AS bodies,
                   (SUM(COUNT(*)) OVER (ORDER BY r.item))::bigint AS upto
            FROM unnest(record_items, record_bodies) WITH ORDINALITY AS r (item, body, nth)
            WHERE fits[r.item] GROUP BY r.item
        ) r;
    RETURN fits;
END
$$;
