import GRDB

/// What `LearnSlice` keeps. A `body` is the message of the contract as the event carries it; the columns beside it are
/// what queries ask for.
enum LearnTables {
  static func create(in db: Database) throws {
    try db.execute(
      sql: """
        CREATE TABLE experiences (
          item INTEGER PRIMARY KEY,
          scope INTEGER NOT NULL REFERENCES scopes (row),
          id TEXT NOT NULL,
          task_text TEXT NOT NULL,
          task_kind TEXT NOT NULL,
          strategy TEXT NOT NULL,
          success INTEGER NOT NULL,
          reward REAL NOT NULL,
          cost REAL NOT NULL,
          duration_ms INTEGER NOT NULL,
          decision_id TEXT NOT NULL,
          created_at_us INTEGER NOT NULL,
          body BLOB NOT NULL, -- loci.v1.Experience
          UNIQUE (scope, id)
        ) STRICT;
        CREATE INDEX experiences_by_kind ON experiences (scope, task_kind, strategy);

        CREATE TABLE feedback (
          item INTEGER PRIMARY KEY,
          scope INTEGER NOT NULL REFERENCES scopes (row),
          id TEXT NOT NULL,
          kind INTEGER NOT NULL,
          target_kind INTEGER NOT NULL,
          target_id TEXT NOT NULL,
          score REAL, -- 0 to 1 on its own scale; NULL: no rating
          created_at_us INTEGER NOT NULL,
          body BLOB NOT NULL, -- loci.v1.Feedback
          UNIQUE (scope, id)
        ) STRICT;
        CREATE INDEX feedback_by_target ON feedback (scope, target_kind, target_id);
        CREATE INDEX feedback_by_time ON feedback (scope, created_at_us);

        CREATE TABLE metric_samples (
          row INTEGER PRIMARY KEY,
          scope INTEGER NOT NULL REFERENCES scopes (row),
          name TEXT NOT NULL,
          value REAL NOT NULL,
          unit TEXT NOT NULL,
          direction INTEGER NOT NULL,
          strategy TEXT NOT NULL,
          tool TEXT NOT NULL,
          at_us INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX metric_samples_by_name ON metric_samples (scope, name, at_us);

        CREATE TABLE decisions (
          row INTEGER PRIMARY KEY,
          scope INTEGER NOT NULL REFERENCES scopes (row),
          id TEXT NOT NULL,
          task_kind TEXT NOT NULL,
          made_at_us INTEGER NOT NULL,
          body BLOB NOT NULL, -- loci.v1.Decision without its outcome
          outcome_at_us INTEGER, -- NULL: none yet
          reward REAL,
          cost REAL,
          duration_ms INTEGER,
          used_strategy TEXT,
          rater TEXT,
          UNIQUE (scope, id)
        ) STRICT;
        CREATE INDEX decisions_by_kind ON decisions (scope, task_kind);

        -- What the bandits learn from, in the order in which it came.
        CREATE TABLE rewards (
          row INTEGER PRIMARY KEY,
          scope INTEGER NOT NULL REFERENCES scopes (row),
          task_kind TEXT NOT NULL,
          strategy TEXT NOT NULL,
          context BLOB NOT NULL, -- float32, little-endian
          reward REAL NOT NULL,
          rater TEXT NOT NULL,
          source TEXT NOT NULL -- id of the decision or experience
        ) STRICT;
        CREATE INDEX rewards_by_kind ON rewards (scope, task_kind, row);
        CREATE INDEX rewards_by_source ON rewards (scope, source);

        -- Counts deletions of rewards: a policy that was learned before one must be learned again.
        CREATE TABLE reward_deletions (
          scope INTEGER PRIMARY KEY REFERENCES scopes (row), count INTEGER NOT NULL
        ) STRICT;

        CREATE TABLE adjustments (
          row INTEGER PRIMARY KEY,
          scope INTEGER NOT NULL REFERENCES scopes (row),
          id TEXT NOT NULL,
          state INTEGER NOT NULL,
          kind INTEGER NOT NULL,
          subject TEXT NOT NULL,
          task_kind TEXT NOT NULL,
          body BLOB NOT NULL, -- loci.v1.Adjustment
          UNIQUE (scope, id)
        ) STRICT;
        CREATE INDEX adjustments_by_state ON adjustments (scope, state);

        CREATE TABLE learning_cycles (
          row INTEGER PRIMARY KEY,
          scope INTEGER NOT NULL REFERENCES scopes (row),
          id TEXT NOT NULL,
          at_us INTEGER NOT NULL,
          body BLOB NOT NULL, -- loci.v1.LearningCycle
          UNIQUE (scope, id)
        ) STRICT;
        """)
  }

  static let all = [
    ("experiences", "item"), ("feedback", "item"), ("metric_samples", "row"), ("decisions", "row"),
    ("rewards", "row"), ("reward_deletions", "scope"), ("adjustments", "row"), ("learning_cycles", "row")
  ]
}
