/** @file The tables of the queue, and how a file comes from one version to the next. */

/** `LoRA`: tells our files from other SQLite databases. */
export const applicationId = 0x4c6f_5241;

/**
 * A step a version; what has been released is never changed.
 *
 * A job's place is (precedence, rank), both ascending; precedence is the negated priority. `waiting` counts the rows of
 * `needs`, which go when what is needed is done. Payload and result are apart, because progress rewrites a job's row.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    title TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'paused', 'done', 'failed', 'cancelled')),
    precedence INTEGER NOT NULL,
    rank INTEGER NOT NULL,
    waiting INTEGER NOT NULL DEFAULT 0,
    needed TEXT NOT NULL DEFAULT '[]',
    attempt INTEGER NOT NULL DEFAULT 0,
    faults INTEGER NOT NULL DEFAULT 0,
    maxAttempts INTEGER NOT NULL,
    createdAt INTEGER NOT NULL,
    startedAt INTEGER,
    endedAt INTEGER,
    progress TEXT,
    error TEXT,
    asked TEXT CHECK (asked IN ('cancel', 'pause')),
    isResumed INTEGER NOT NULL DEFAULT 0,
    worker TEXT,
    pid INTEGER,
    expiresAt INTEGER,
    CHECK ((state = 'running') = (worker IS NOT NULL)),
    CHECK ((state = 'running') = (expiresAt IS NOT NULL)),
    CHECK ((state IN ('done', 'failed', 'cancelled')) = (endedAt IS NOT NULL))
  ) STRICT;
  CREATE INDEX jobsReady ON jobs (precedence, rank, kind) WHERE state = 'queued' AND waiting = 0;
  CREATE INDEX jobsInOrder ON jobs (state, precedence, rank, kind);
  CREATE INDEX jobsPlaces ON jobs (precedence, rank) WHERE endedAt IS NULL;
  CREATE INDEX jobsEnded ON jobs (endedAt, state, kind) WHERE endedAt IS NOT NULL;

  CREATE TABLE contents (
    job TEXT PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
    payload TEXT NOT NULL,
    result TEXT
  ) STRICT;

  CREATE TABLE needs (
    job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    needed TEXT NOT NULL,
    PRIMARY KEY (job, needed)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX needsByNeeded ON needs (needed);

  CREATE TABLE artefacts (
    job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    place INTEGER NOT NULL,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    path TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    PRIMARY KEY (job, name)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    type TEXT NOT NULL CHECK (type IN ('changed', 'progress', 'removed')),
    job TEXT NOT NULL,
    -- of a removed job, what it was
    snapshot TEXT
  ) STRICT;
  CREATE INDEX eventsProgress ON events (job) WHERE type = 'progress';
  `,
];
