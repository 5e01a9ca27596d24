import GRDB

enum TraceTables {
  static func create(_ db: Database) throws {
    try db.execute(
      sql: """
        CREATE TABLE traces (
          row INTEGER PRIMARY KEY,
          scope INTEGER NOT NULL REFERENCES scopes (row),
          trace_id BLOB NOT NULL, -- 16 bytes
          name TEXT NOT NULL,
          root_status INTEGER NOT NULL, -- -1 no root yet, 0 running, else StepStatus + 1
          started_at_us INTEGER NOT NULL,
          ended_at_us INTEGER NOT NULL,
          steps INTEGER NOT NULL,
          errors INTEGER NOT NULL,
          running INTEGER NOT NULL,
          input_tokens INTEGER NOT NULL,
          output_tokens INTEGER NOT NULL,
          cost_nano_usd INTEGER NOT NULL,
          session_id TEXT NOT NULL,
          context_id TEXT NOT NULL,
          error TEXT NOT NULL,
          forked_from BLOB,
          forked_after INTEGER NOT NULL,
          created_at_us INTEGER NOT NULL,
          version INTEGER NOT NULL, -- counts changes
          UNIQUE (scope, trace_id)
        ) STRICT;
        CREATE INDEX traces_by_scope ON traces (scope, row);
        CREATE INDEX traces_by_session ON traces (scope, session_id) WHERE session_id <> '';

        CREATE TABLE trace_blocks (
          row INTEGER PRIMARY KEY,
          trace INTEGER NOT NULL REFERENCES traces (row),
          first INTEGER NOT NULL, -- number of its first step
          count INTEGER NOT NULL,
          spans BLOB NOT NULL, -- 8 bytes each
          columns BLOB NOT NULL,
          texts BLOB NOT NULL,
          UNIQUE (trace, first)
        ) STRICT;

        CREATE TABLE trace_completed ( -- steps as they are now, where they differ from their block
          trace INTEGER NOT NULL REFERENCES traces (row),
          number INTEGER NOT NULL,
          step BLOB NOT NULL, -- loci.v1.Step
          PRIMARY KEY (trace, number)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE trace_groups ( -- steps of each kind and name in a trace
          trace INTEGER NOT NULL REFERENCES traces (row),
          kind INTEGER NOT NULL,
          name TEXT NOT NULL,
          count INTEGER NOT NULL,
          errors INTEGER NOT NULL,
          PRIMARY KEY (trace, kind, name)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE step_baselines ( -- the same over all of an agent's traces, with their durations
          scope INTEGER NOT NULL REFERENCES scopes (row),
          kind INTEGER NOT NULL,
          name TEXT NOT NULL,
          count INTEGER NOT NULL,
          errors INTEGER NOT NULL,
          durations BLOB NOT NULL, -- u16 bucket, i64 count
          PRIMARY KEY (scope, kind, name)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE step_blobs (
          scope INTEGER NOT NULL REFERENCES scopes (row),
          hash BLOB NOT NULL,
          content BLOB NOT NULL,
          PRIMARY KEY (scope, hash)
        ) STRICT;
        CREATE TABLE trace_blobs ( -- which traces name a blob
          trace INTEGER NOT NULL REFERENCES traces (row),
          hash BLOB NOT NULL,
          PRIMARY KEY (trace, hash)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX trace_blobs_by_hash ON trace_blobs (hash);
        """)
  }

  static func addPolicies(_ db: Database) throws {
    try db.execute(
      sql: """
        CREATE TABLE trace_policies (
          scope INTEGER PRIMARY KEY REFERENCES scopes (row),
          policy BLOB NOT NULL -- loci.v1.TracePolicy
        ) STRICT;
        CREATE INDEX traces_by_age ON traces (scope, created_at_us);
        """)
  }
}
