/// The schema, one step for each release that changed it, as SQLite reads it: `SqlDialect.schema` says it for others. A
/// step that was released is never edited.
package enum SqlSchema {
  /// A change of the schema.
  package struct Step: Sendable {
    /// As a database remembers it.
    package let name: String
    /// Statements, each with its semicolon.
    package let text: String
  }

  /// In their order.
  package static let steps = [
    Step(name: "1 models, tokens, jobs", text: first),
    Step(name: "2 calibrations", text: second),
    Step(
      name: "3 time that jobs have had", text: "ALTER TABLE jobs ADD COLUMN spent_ms INTEGER NOT NULL DEFAULT 0;"),
    Step(name: "4 files that were placed; versions by file and card", text: fourth),
    Step(name: "5 leases of shards; changes", text: fifth),
    Step(
      name: "6 what servers have in common",
      text: "CREATE TABLE common (name TEXT PRIMARY KEY, content BLOB NOT NULL) STRICT, WITHOUT ROWID;"),
    Step(name: "7 makers of shards", text: seventh),
    Step(name: "8 replicas", text: eighth),
    Step(name: "9 versions that can be restored", text: restorable),
    Step(name: "10 a trail of who did what", text: trail),
    Step(name: "11 cards and tags that change", text: revisions),
    Step(name: "12 signatures of files", text: signatures),
    Step(name: "13 candidates of aliases", text: rollouts),
    Step(name: "14 what tokens are for, how long and how often", text: grants),
    Step(name: "15 how far shards have come", text: progress),
  ]

  private static let first = """
    CREATE TABLE names (
      name TEXT PRIMARY KEY,
      next_version INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE versions (
      name TEXT NOT NULL REFERENCES names (name),
      version INTEGER NOT NULL,
      blob TEXT NOT NULL,
      bytes INTEGER NOT NULL,
      card TEXT NOT NULL,
      signature TEXT NOT NULL,
      noise TEXT NOT NULL,
      default_samples INTEGER NOT NULL,
      created_ms INTEGER NOT NULL,
      created_by TEXT NOT NULL,
      removed_ms INTEGER,
      PRIMARY KEY (name, version)
    ) STRICT;
    CREATE UNIQUE INDEX versions_by_blob ON versions (name, blob) WHERE removed_ms IS NULL;

    CREATE TABLE aliases (
      name TEXT NOT NULL,
      alias TEXT NOT NULL,
      version INTEGER NOT NULL,
      PRIMARY KEY (name, alias),
      FOREIGN KEY (name, version) REFERENCES versions (name, version)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE alias_history (
      id INTEGER PRIMARY KEY,
      name TEXT NOT NULL,
      alias TEXT NOT NULL,
      version INTEGER,
      set_ms INTEGER NOT NULL,
      set_by TEXT NOT NULL
    ) STRICT;

    CREATE TABLE imports (
      file TEXT PRIMARY KEY,
      stamp TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE tokens (
      id INTEGER PRIMARY KEY,
      name TEXT NOT NULL,
      hash BLOB NOT NULL UNIQUE,
      roles TEXT NOT NULL,
      created_ms INTEGER NOT NULL,
      revoked_ms INTEGER
    ) STRICT;
    CREATE UNIQUE INDEX tokens_by_name ON tokens (name) WHERE revoked_ms IS NULL;

    CREATE TABLE jobs (
      id TEXT PRIMARY KEY,
      kind TEXT NOT NULL,
      subject TEXT NOT NULL,
      spec BLOB NOT NULL,
      state TEXT NOT NULL,
      message TEXT NOT NULL DEFAULT '',
      created_ms INTEGER NOT NULL,
      created_by TEXT NOT NULL,
      json BLOB,
      html BLOB
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX jobs_by_time ON jobs (kind, created_ms);

    CREATE TABLE job_blobs (
      job TEXT NOT NULL REFERENCES jobs (id),
      blob TEXT NOT NULL,
      PRIMARY KEY (job, blob)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE job_shards (
      job TEXT NOT NULL REFERENCES jobs (id),
      shard INTEGER NOT NULL,
      result BLOB NOT NULL,
      PRIMARY KEY (job, shard)
    ) STRICT, WITHOUT ROWID;
    """

  private static let second = """
    CREATE TABLE calibrations (
      name TEXT NOT NULL,
      version INTEGER NOT NULL,
      number INTEGER NOT NULL,
      content BLOB NOT NULL,
      created_ms INTEGER NOT NULL,
      created_by TEXT NOT NULL,
      PRIMARY KEY (name, version, number),
      FOREIGN KEY (name, version) REFERENCES versions (name, version)
    ) STRICT, WITHOUT ROWID;
    """

  private static let fourth = """
    CREATE TABLE blobs (
      blob TEXT PRIMARY KEY,
      announced_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    INSERT INTO blobs SELECT blob, MIN(created_ms) FROM versions WHERE removed_ms IS NULL GROUP BY blob;
    INSERT INTO blobs
      SELECT blob, MIN(created_ms) FROM job_blobs JOIN jobs ON jobs.id = job
      WHERE state IN ('queued', 'running') AND blob NOT IN (SELECT blob FROM blobs) GROUP BY blob;
    DROP INDEX versions_by_blob;
    CREATE INDEX versions_by_blob ON versions (blob) WHERE removed_ms IS NULL;
    CREATE INDEX jobs_by_blob ON job_blobs (blob);
    """

  private static let fifth = """
    CREATE TABLE leased_shards (
      job TEXT NOT NULL REFERENCES jobs (id),
      shard INTEGER NOT NULL,
      result BLOB,
      owner TEXT,
      lease_until_ms INTEGER NOT NULL DEFAULT 0,
      attempts INTEGER NOT NULL DEFAULT 0,
      lost INTEGER NOT NULL DEFAULT 0,
      PRIMARY KEY (job, shard)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO leased_shards (job, shard, result) SELECT job, shard, result FROM job_shards;
    DROP TABLE job_shards;
    ALTER TABLE leased_shards RENAME TO job_shards;

    CREATE TABLE changes (
      number INTEGER PRIMARY KEY AUTOINCREMENT,
      kind TEXT NOT NULL,
      name TEXT NOT NULL
    ) STRICT;
    """

  /// A maker is a program and its way of computing: a job's results are all of one.
  private static let seventh = """
    ALTER TABLE jobs ADD COLUMN maker TEXT NOT NULL DEFAULT '';
    ALTER TABLE jobs ADD COLUMN alive_ms INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE jobs ADD COLUMN divergence TEXT NOT NULL DEFAULT '';
    ALTER TABLE job_shards ADD COLUMN maker TEXT NOT NULL DEFAULT '';
    CREATE INDEX jobs_to_do ON jobs (kind) WHERE state IN ('queued', 'running');
    """

  private static let eighth = """
    CREATE TABLE replicas (
      id TEXT PRIMARY KEY,
      kind TEXT NOT NULL,
      code TEXT NOT NULL,
      compute_class TEXT NOT NULL,
      seen INTEGER NOT NULL,
      started_ms INTEGER NOT NULL,
      heard_ms INTEGER NOT NULL,
      live_until_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    """

  /// Until `kept_until_ms` a removed version's file stays; NULL, as of all that were removed before: it was not kept.
  private static let restorable = """
    ALTER TABLE versions ADD COLUMN removed_by TEXT NOT NULL DEFAULT '';
    ALTER TABLE versions ADD COLUMN kept_until_ms INTEGER;
    CREATE INDEX kept_versions_by_blob ON versions (blob) WHERE kept_until_ms IS NOT NULL;
    """

  private static let trail = """
    CREATE TABLE trail (
      number INTEGER PRIMARY KEY,
      at_ms INTEGER NOT NULL,
      who TEXT NOT NULL,
      action TEXT NOT NULL,
      subject TEXT NOT NULL,
      detail TEXT NOT NULL,
      hash TEXT NOT NULL
    ) STRICT;
    CREATE INDEX trail_by_subject ON trail (subject, number);
    CREATE INDEX trail_by_who ON trail (who, number);
    """

  /// A card that is NULL is the one before; `tags` is JSON.
  private static let revisions = """
    CREATE TABLE revisions (
      name TEXT NOT NULL,
      version INTEGER NOT NULL,
      number INTEGER NOT NULL,
      card TEXT,
      tags TEXT NOT NULL,
      created_ms INTEGER NOT NULL,
      created_by TEXT NOT NULL,
      PRIMARY KEY (name, version, number),
      FOREIGN KEY (name, version) REFERENCES versions (name, version)
    ) STRICT, WITHOUT ROWID;
    """

  /// Keys in base64, of 32 bytes.
  private static let signatures = """
    CREATE TABLE signatures (
      blob TEXT NOT NULL,
      key TEXT NOT NULL,
      signature BLOB NOT NULL,
      created_ms INTEGER NOT NULL,
      created_by TEXT NOT NULL,
      PRIMARY KEY (blob, key)
    ) STRICT, WITHOUT ROWID;
    """

  /// A share is in millionths.
  private static let rollouts = """
    CREATE TABLE rollouts (
      name TEXT NOT NULL,
      alias TEXT NOT NULL,
      version INTEGER NOT NULL,
      share_ppm INTEGER NOT NULL,
      is_shadow INTEGER NOT NULL,
      set_ms INTEGER NOT NULL,
      set_by TEXT NOT NULL,
      PRIMARY KEY (name, alias),
      FOREIGN KEY (name, version) REFERENCES versions (name, version)
    ) STRICT, WITHOUT ROWID;
    """

  /// A token's patterns of models stand with commas between them; a rate that is not said is the server's.
  private static let grants = """
    ALTER TABLE tokens ADD COLUMN models TEXT NOT NULL DEFAULT '';
    ALTER TABLE tokens ADD COLUMN calls_per_second INTEGER;
    ALTER TABLE tokens ADD COLUMN samples_per_second INTEGER;
    ALTER TABLE tokens ADD COLUMN issued_ms INTEGER;
    ALTER TABLE tokens ADD COLUMN expires_ms INTEGER;
    ALTER TABLE tokens ADD COLUMN previous_hash BLOB;
    ALTER TABLE tokens ADD COLUMN previous_until_ms INTEGER;
    """

  /// Names are the kind of job's own; rows go when the job ends.
  private static let progress = """
    CREATE TABLE job_progress (
      job TEXT NOT NULL REFERENCES jobs (id),
      name TEXT NOT NULL,
      content BLOB NOT NULL,
      PRIMARY KEY (job, name)
    ) STRICT;
    """
}
