-- Sessions and runs. What is only ever read back whole is JSON: usage, tags, metadata, a run's view.
-- Times are seconds since the epoch.

PRAGMA application_id = 1668052587;  -- "clvk"

CREATE TABLE sessions (
    id TEXT NOT NULL PRIMARY KEY,
    backend TEXT NOT NULL,
    workdir TEXT NOT NULL,
    created_at REAL NOT NULL,
    last_used REAL NOT NULL,
    model TEXT,
    title TEXT,
    initial_prompt TEXT,
    status TEXT NOT NULL,
    turn_count INTEGER NOT NULL,
    usage TEXT NOT NULL,
    tags TEXT NOT NULL,
    metadata TEXT NOT NULL,
    backend_session_id TEXT
);

-- Those that are to be deleted, moved here until all that belongs to them is gone: nothing finds or counts them.
CREATE TABLE doomed_sessions (
    id TEXT NOT NULL PRIMARY KEY,
    backend TEXT NOT NULL,
    workdir TEXT NOT NULL,
    created_at REAL NOT NULL,
    last_used REAL NOT NULL,
    model TEXT,
    title TEXT,
    initial_prompt TEXT,
    status TEXT NOT NULL,
    turn_count INTEGER NOT NULL,
    usage TEXT NOT NULL,
    tags TEXT NOT NULL,
    metadata TEXT NOT NULL,
    backend_session_id TEXT
);

-- One index for each way to ask for a page, so that none is sorted or searched through.
CREATE INDEX sessions_newest ON sessions (last_used, id);
CREATE INDEX sessions_backend ON sessions (backend, last_used, id);
CREATE INDEX sessions_status ON sessions (status, last_used, id);
CREATE INDEX sessions_backend_status ON sessions (backend, status, last_used, id);
CREATE INDEX sessions_workdir ON sessions (backend, workdir, last_used, id);

CREATE TABLE runs (
    id TEXT NOT NULL PRIMARY KEY,
    backend TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at REAL NOT NULL,
    finished_at REAL,
    session_id TEXT,
    group_id TEXT,
    log_bytes INTEGER NOT NULL,
    view BLOB NOT NULL,
    request TEXT  -- last: what lies behind a long one would have to be searched for
);

CREATE INDEX runs_newest ON runs (created_at, id);
CREATE INDEX runs_backend ON runs (backend, created_at, id);
CREATE INDEX runs_state ON runs (state, created_at, id);
CREATE INDEX runs_backend_state ON runs (backend, state, created_at, id);
-- A session has one backend: none of these needs it.
CREATE INDEX runs_session ON runs (session_id, created_at, id) WHERE session_id IS NOT NULL;
CREATE INDEX runs_session_state ON runs (session_id, state, created_at, id) WHERE session_id IS NOT NULL;
CREATE INDEX runs_group ON runs (group_id, created_at, id) WHERE group_id IS NOT NULL;
CREATE INDEX runs_ended ON runs (finished_at, id, log_bytes) WHERE finished_at IS NOT NULL;
CREATE INDEX runs_alone ON runs (finished_at, id) WHERE finished_at IS NOT NULL AND session_id IS NULL;

-- Written to and emptied again, to see whether the disk takes anything.
CREATE TABLE probes (filling BLOB NOT NULL);

-- Totals are kept, not counted. A row that has come down to nothing goes.
CREATE TABLE session_totals (
    backend TEXT NOT NULL,
    status TEXT NOT NULL,
    amount INTEGER NOT NULL,
    PRIMARY KEY (backend, status)
) WITHOUT ROWID;

CREATE TABLE run_totals (
    backend TEXT NOT NULL,
    state TEXT NOT NULL,
    amount INTEGER NOT NULL,
    log_bytes INTEGER NOT NULL,
    PRIMARY KEY (backend, state)
) WITHOUT ROWID;

CREATE TABLE session_run_totals (
    session_id TEXT NOT NULL,
    backend TEXT NOT NULL,
    state TEXT NOT NULL,
    amount INTEGER NOT NULL,
    PRIMARY KEY (session_id, backend, state)
) WITHOUT ROWID;

CREATE TRIGGER session_added AFTER INSERT ON sessions BEGIN
    INSERT INTO session_totals VALUES (new.backend, new.status, 1)
        ON CONFLICT (backend, status) DO UPDATE SET amount = amount + 1;
END;

CREATE TRIGGER session_removed AFTER DELETE ON sessions BEGIN
    UPDATE session_totals SET amount = amount - 1 WHERE backend = old.backend AND status = old.status;
    DELETE FROM session_totals WHERE backend = old.backend AND status = old.status AND amount = 0;
END;

CREATE TRIGGER session_changed AFTER UPDATE OF backend, status ON sessions BEGIN
    INSERT INTO session_totals VALUES (new.backend, new.status, 1)
        ON CONFLICT (backend, status) DO UPDATE SET amount = amount + 1;
    UPDATE session_totals SET amount = amount - 1 WHERE backend = old.backend AND status = old.status;
    DELETE FROM session_totals WHERE backend = old.backend AND status = old.status AND amount = 0;
END;

CREATE TRIGGER run_added AFTER INSERT ON runs BEGIN
    INSERT INTO run_totals VALUES (new.backend, new.state, 1, new.log_bytes)
        ON CONFLICT (backend, state) DO UPDATE SET amount = amount + 1, log_bytes = log_bytes + new.log_bytes;
END;

CREATE TRIGGER run_removed AFTER DELETE ON runs BEGIN
    UPDATE run_totals SET amount = amount - 1, log_bytes = log_bytes - old.log_bytes
        WHERE backend = old.backend AND state = old.state;
    DELETE FROM run_totals WHERE backend = old.backend AND state = old.state AND amount = 0;
END;

CREATE TRIGGER run_changed AFTER UPDATE OF backend, state, log_bytes ON runs BEGIN
    INSERT INTO run_totals VALUES (new.backend, new.state, 1, new.log_bytes)
        ON CONFLICT (backend, state) DO UPDATE SET amount = amount + 1, log_bytes = log_bytes + new.log_bytes;
    UPDATE run_totals SET amount = amount - 1, log_bytes = log_bytes - old.log_bytes
        WHERE backend = old.backend AND state = old.state;
    DELETE FROM run_totals WHERE backend = old.backend AND state = old.state AND amount = 0;
END;

CREATE TRIGGER session_run_added AFTER INSERT ON runs WHEN new.session_id IS NOT NULL BEGIN
    INSERT INTO session_run_totals VALUES (new.session_id, new.backend, new.state, 1)
        ON CONFLICT (session_id, backend, state) DO UPDATE SET amount = amount + 1;
END;

CREATE TRIGGER session_run_removed AFTER DELETE ON runs WHEN old.session_id IS NOT NULL BEGIN
    UPDATE session_run_totals SET amount = amount - 1
        WHERE session_id = old.session_id AND backend = old.backend AND state = old.state;
    DELETE FROM session_run_totals
        WHERE session_id = old.session_id AND backend = old.backend AND state = old.state AND amount = 0;
END;

-- In two: a run is bound to its session while it runs, so that one side may be none.
CREATE TRIGGER session_run_changed_from AFTER UPDATE OF backend, state, session_id ON runs
WHEN old.session_id IS NOT NULL BEGIN
    UPDATE session_run_totals SET amount = amount - 1
        WHERE session_id = old.session_id AND backend = old.backend AND state = old.state;
    DELETE FROM session_run_totals
        WHERE session_id = old.session_id AND backend = old.backend AND state = old.state AND amount = 0;
END;

CREATE TRIGGER session_run_changed_to AFTER UPDATE OF backend, state, session_id ON runs
WHEN new.session_id IS NOT NULL BEGIN
    INSERT INTO session_run_totals VALUES (new.session_id, new.backend, new.state, 1)
        ON CONFLICT (session_id, backend, state) DO UPDATE SET amount = amount + 1;
END;

-- Idempotency keys: digests of the key and of its request, never their text, and the run or group that was started.
CREATE TABLE idempotency_keys (
    key BLOB NOT NULL PRIMARY KEY,
    request BLOB NOT NULL,
    operation TEXT NOT NULL,
    claimed_at REAL NOT NULL,
    is_over INTEGER NOT NULL DEFAULT 0,
    answer BLOB,
    last_line BLOB
);

CREATE INDEX idempotency_keys_operation ON idempotency_keys (operation);
CREATE INDEX idempotency_keys_oldest ON idempotency_keys (claimed_at);

-- An answer is what its runs said: it goes with the first of them. The key stays used.
CREATE TRIGGER run_removed_with_its_answer AFTER DELETE ON runs BEGIN
    UPDATE idempotency_keys SET is_over = 1, answer = NULL, last_line = NULL
        WHERE operation IN (old.id, old.group_id);
END;
