import GRDB

enum AuditTables {
  static func create(_ db: Database) throws {
    try db.execute(
      sql: """
        CREATE TABLE audit_logs (
          scope INTEGER PRIMARY KEY REFERENCES scopes (row),
          size INTEGER NOT NULL,
          chain BLOB NOT NULL
        ) STRICT;

        CREATE TABLE audit_records (
          scope INTEGER NOT NULL REFERENCES scopes (row),
          number INTEGER NOT NULL, -- from 1
          entry BLOB NOT NULL, -- loci.v1.AuditEntry
          leaf BLOB NOT NULL,
          chain BLOB NOT NULL,
          at_us INTEGER NOT NULL,
          PRIMARY KEY (scope, number)
        ) STRICT;

        CREATE TABLE audit_nodes ( -- full subtrees above the leaves
          scope INTEGER NOT NULL REFERENCES scopes (row),
          level INTEGER NOT NULL,
          place INTEGER NOT NULL,
          hash BLOB NOT NULL,
          PRIMARY KEY (scope, level, place)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE audit_heads (
          scope INTEGER NOT NULL REFERENCES scopes (row),
          size INTEGER NOT NULL,
          head BLOB NOT NULL, -- loci.v1.AuditHead
          PRIMARY KEY (scope, size)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE audit_rules (
          scope INTEGER PRIMARY KEY REFERENCES scopes (row),
          rules TEXT NOT NULL
        ) STRICT;
        CREATE TABLE audit_webhooks (
          scope INTEGER NOT NULL REFERENCES scopes (row),
          place INTEGER NOT NULL,
          webhook BLOB NOT NULL, -- loci.v1.AuditWebhook
          PRIMARY KEY (scope, place)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE audit_violations (
          row INTEGER PRIMARY KEY,
          scope INTEGER NOT NULL REFERENCES scopes (row),
          rule TEXT NOT NULL,
          record INTEGER NOT NULL,
          at_us INTEGER NOT NULL,
          violation BLOB NOT NULL -- loci.v1.AuditViolation
        ) STRICT;
        CREATE INDEX audit_violations_by_scope ON audit_violations (scope, row);

        CREATE TABLE audit_outbox ( -- alerts that are still to be delivered
          row INTEGER PRIMARY KEY,
          scope INTEGER NOT NULL REFERENCES scopes (row),
          webhook BLOB NOT NULL,
          violation INTEGER NOT NULL REFERENCES audit_violations (row),
          attempts INTEGER NOT NULL,
          next_at_us INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX audit_outbox_by_time ON audit_outbox (next_at_us);
        """)
  }
}
