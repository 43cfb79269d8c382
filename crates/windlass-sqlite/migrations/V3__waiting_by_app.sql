-- What waits is looked at app by app, so that none hides the others. Of equal leases the order is that of the jobs.
DROP INDEX jobs_waiting;
CREATE INDEX jobs_waiting ON jobs (app, waits, branch, number) WHERE waits IS NOT NULL;
DROP INDEX jobs_leased;
CREATE INDEX jobs_leased ON jobs (lease, branch, number) WHERE lease IS NOT NULL;
