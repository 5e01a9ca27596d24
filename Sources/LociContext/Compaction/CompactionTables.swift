import GRDB
import LociStore

/// Tables of compactions. A compacted message keeps its row; its text is in a cold block.
enum CompactionTables {
  static let tables = [
    ProjectedTable("compactions", orderedBy: "row"), ProjectedTable("cold_blocks", orderedBy: "row"),
    ProjectedTable("cold_dictionaries", orderedBy: "scope, number"),
    ProjectedTable("compression_policies", orderedBy: "scope, context_id")
  ]

  @Sendable static func create(_ db: Database) throws {
    try db.execute(
      sql: """
        CREATE TABLE compactions (
          row INTEGER PRIMARY KEY,
          scope INTEGER NOT NULL,
          context INTEGER NOT NULL,
          context_id TEXT NOT NULL,
          id TEXT NOT NULL,
          from_number INTEGER NOT NULL,
          until_number INTEGER NOT NULL,
          created_at_us INTEGER NOT NULL,
          strategy INTEGER NOT NULL,
          automatic INTEGER NOT NULL,
          text TEXT NOT NULL, -- what is left of the messages
          figures BLOB NOT NULL, -- loci.v1.CompressionFigures
          retention BLOB NOT NULL, -- loci.v1.Retention
          UNIQUE (scope, id)
        ) STRICT;
        CREATE INDEX compactions_by_context ON compactions (context, until_number);
        CREATE TABLE cold_blocks (
          row INTEGER PRIMARY KEY,
          compaction INTEGER NOT NULL REFERENCES compactions (row),
          dictionary INTEGER, -- cold_dictionaries.number of the scope
          block BLOB NOT NULL
        ) STRICT;
        CREATE INDEX cold_blocks_by_compaction ON cold_blocks (compaction);
        CREATE TABLE cold_dictionaries (
          scope INTEGER NOT NULL, number INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (scope, number)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE compression_policies (
          scope INTEGER NOT NULL,
          context_id TEXT NOT NULL, -- empty: the agent's
          policy BLOB NOT NULL, -- loci.v1.CompressionPolicy
          PRIMARY KEY (scope, context_id)
        ) STRICT, WITHOUT ROWID;
        ALTER TABLE messages ADD COLUMN cold INTEGER; -- of a compacted message: the block of its text
        ALTER TABLE messages ADD COLUMN cold_at INTEGER NOT NULL DEFAULT 0; -- and its place there
        CREATE INDEX messages_by_block ON messages (cold) WHERE cold IS NOT NULL;
        """)
  }
}
