import GRDB

/// What `SessionSlice` keeps.
///
/// A snapshot is a mark, not a copy: its row id lies between the items made before it and those made after, and its
/// sequence between the changes before and after. What a snapshot holds is still in the live tables until it is
/// changed or deleted; only then, and only when a snapshot needs it, the old row is kept beside them, with the
/// sequence until which it was true. So a snapshot costs a row, and later what was changed, once for all snapshots.
enum SessionTables {
  static func create(in db: Database) throws {
    try db.execute(
      sql: """
        CREATE TABLE sessions (
          row INTEGER PRIMARY KEY,
          scope INTEGER NOT NULL REFERENCES scopes (row),
          id TEXT NOT NULL,
          title TEXT NOT NULL,
          state INTEGER NOT NULL,
          reason TEXT NOT NULL,
          context_id TEXT NOT NULL,
          parent_id TEXT NOT NULL,
          trace_id TEXT NOT NULL,
          attributes TEXT, -- JSON object, NULL when there are none
          created_at_us INTEGER NOT NULL,
          updated_at_us INTEGER NOT NULL,
          heartbeat_at_us INTEGER NOT NULL,
          timeout_ms INTEGER NOT NULL, -- 0: none
          expires_at_us INTEGER NOT NULL, -- 0: never, or ended
          version INTEGER NOT NULL,
          snapshot_count INTEGER NOT NULL,
          forked_from_session_id TEXT NOT NULL,
          forked_from_snapshot_id TEXT NOT NULL,
          UNIQUE (scope, id),
          UNIQUE (scope, context_id)
        ) STRICT;
        CREATE INDEX sessions_by_state ON sessions (scope, state);
        CREATE INDEX sessions_by_parent ON sessions (scope, parent_id) WHERE parent_id <> '';
        CREATE INDEX sessions_by_expiry ON sessions (expires_at_us) WHERE expires_at_us > 0;
        CREATE INDEX sessions_with_snapshots ON sessions (scope, context_id) WHERE snapshot_count > 0;

        CREATE TABLE session_transitions (
          session INTEGER NOT NULL REFERENCES sessions (row),
          version INTEGER NOT NULL,
          from_state INTEGER NOT NULL,
          to_state INTEGER NOT NULL,
          reason TEXT NOT NULL,
          at_us INTEGER NOT NULL,
          PRIMARY KEY (session, version)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE session_variables (
          session INTEGER NOT NULL REFERENCES sessions (row),
          name TEXT NOT NULL,
          value TEXT NOT NULL,
          version INTEGER NOT NULL,
          updated_at_us INTEGER NOT NULL,
          since INTEGER NOT NULL, -- sequence that set it
          PRIMARY KEY (session, name)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE session_snapshots (
          row INTEGER PRIMARY KEY,
          session INTEGER NOT NULL REFERENCES sessions (row),
          id TEXT NOT NULL,
          label TEXT NOT NULL,
          attributes TEXT,
          sequence INTEGER NOT NULL,
          at_us INTEGER NOT NULL,
          state INTEGER NOT NULL,
          automatic INTEGER NOT NULL,
          message_count INTEGER NOT NULL,
          memory_count INTEGER NOT NULL,
          variable_count INTEGER NOT NULL,
          pins TEXT NOT NULL, -- JSON array of message numbers
          UNIQUE (session, id),
          UNIQUE (session, sequence)
        ) STRICT;

        CREATE TABLE kept_messages (
          item INTEGER PRIMARY KEY,
          session INTEGER NOT NULL REFERENCES sessions (row),
          until INTEGER NOT NULL, -- sequence that deleted it
          number INTEGER NOT NULL,
          id TEXT NOT NULL,
          role INTEGER NOT NULL,
          text TEXT NOT NULL,
          name TEXT NOT NULL,
          created_at_us INTEGER NOT NULL,
          trace_id TEXT NOT NULL,
          tool_call_id TEXT NOT NULL,
          attributes TEXT,
          tokens INTEGER NOT NULL,
          data BLOB
        ) STRICT;
        CREATE INDEX kept_messages_by_session ON kept_messages (session, until);

        CREATE TABLE kept_memories (
          session INTEGER NOT NULL REFERENCES sessions (row),
          item INTEGER NOT NULL,
          until INTEGER NOT NULL, -- sequence that changed or deleted it
          id TEXT NOT NULL,
          type INTEGER NOT NULL,
          text TEXT NOT NULL,
          trace_id TEXT NOT NULL,
          importance REAL NOT NULL,
          created_at_us INTEGER NOT NULL,
          updated_at_us INTEGER NOT NULL,
          expires_at_us INTEGER NOT NULL,
          attributes TEXT,
          version INTEGER NOT NULL,
          PRIMARY KEY (session, item, until)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE kept_variables (
          session INTEGER NOT NULL REFERENCES sessions (row),
          name TEXT NOT NULL,
          until INTEGER NOT NULL, -- sequence that changed or removed it
          value TEXT NOT NULL,
          version INTEGER NOT NULL,
          updated_at_us INTEGER NOT NULL,
          since INTEGER NOT NULL,
          PRIMARY KEY (session, name, until)
        ) STRICT, WITHOUT ROWID;
        """)
  }
}
