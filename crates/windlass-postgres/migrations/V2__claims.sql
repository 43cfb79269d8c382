-- What waits is looked at app by app, so that no app hides the others.
DROP INDEX jobs_waiting;
CREATE INDEX jobs_waiting ON jobs (app, waits, branch, number) WHERE waits IS NOT NULL;

-- What there is to do as of so many milliseconds from now, in three parts: how many jobs of each app are in work; those
-- whose runner is lost; those that wait, up to `most` of each app.
CREATE FUNCTION windlass_work(ahead BIGINT, most BIGINT)
RETURNS TABLE (part INT, since BIGINT, app TEXT, branch BIGINT, number BIGINT) LANGUAGE sql STABLE AS $$
    WITH RECURSIVE apps_waiting (app) AS (
        (SELECT j.app FROM jobs j WHERE j.waits IS NOT NULL ORDER BY j.app LIMIT 1)
        UNION ALL
        SELECT (SELECT j.app FROM jobs j WHERE j.waits IS NOT NULL AND j.app > a.app ORDER BY j.app LIMIT 1)
        FROM apps_waiting a WHERE a.app IS NOT NULL
    )
    (SELECT 0, COUNT(*), j.app, 0::bigint, 0::bigint FROM jobs j WHERE j.lease > windlass_now() + ahead GROUP BY j.app)
    UNION ALL
    (SELECT 1, j.lease, j.app, j.branch, j.number FROM jobs j
     WHERE j.lease <= windlass_now() + ahead AND j.passable ORDER BY j.lease, j.branch, j.number LIMIT most)
    UNION ALL
    (SELECT 2, w.waits, w.app, w.branch, w.number FROM apps_waiting a CROSS JOIN LATERAL (
        SELECT j.waits, j.app, j.branch, j.number FROM jobs j JOIN branches b ON b.uid = j.branch
        WHERE j.app = a.app AND j.waits IS NOT NULL AND b.working IS NULL
        ORDER BY j.waits, j.branch, j.number LIMIT most
     ) w)
    ORDER BY 1, 2, 4, 5
$$;

-- The same once nobody else decides on claims, until the end of the transaction. This lock comes before all others. It looks
-- in a statement of its own, and so after it has the lock. Whoever stands still then is ended soon: all others wait for it.
CREATE FUNCTION windlass_work_alone(ahead BIGINT, most BIGINT)
RETURNS TABLE (part INT, since BIGINT, app TEXT, branch BIGINT, number BIGINT) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('windlass claims', 0));
    PERFORM set_config('idle_in_transaction_session_timeout', '5s', TRUE);
    RETURN QUERY SELECT * FROM windlass_work(ahead, most);
END
$$;
