import Foundation
package import GRDB
import LociCore
package import LociProto
package import LociStore

/// Tables of keys, grants and refusals, and how events change them.
package struct AccessSlice: Slice {
  private let directory: AccessDirectory

  package init(_ directory: AccessDirectory) { self.directory = directory }

  package let name = "access"

  package let tables = [
    ProjectedTable("access_keys", orderedBy: "row"),
    ProjectedTable("access_grants", orderedBy: "scope, agent"),
    ProjectedTable("access_refusals", orderedBy: "row")
  ]

  package var migrations: [@Sendable (Database) throws -> Void] {
    [
      { db in
        try db.execute(
          sql: """
            CREATE TABLE access_keys (
              row INTEGER PRIMARY KEY,
              tenant TEXT NOT NULL,
              id TEXT NOT NULL UNIQUE,
              name TEXT NOT NULL,
              role INTEGER NOT NULL, -- loci.v1.AccessRole
              agent TEXT NOT NULL, -- '': every agent of the tenant
              hash BLOB NOT NULL, -- SHA-256 of the key
              created_at_us INTEGER NOT NULL,
              expires_at_us INTEGER NOT NULL,
              revoked_at_us INTEGER NOT NULL
            ) STRICT;
            CREATE INDEX access_keys_by_tenant ON access_keys (tenant, row);
            CREATE TABLE access_grants (
              scope INTEGER NOT NULL REFERENCES scopes (row),
              agent TEXT NOT NULL,
              permission INTEGER NOT NULL, -- loci.v1.AccessPermission
              expires_at_us INTEGER NOT NULL,
              PRIMARY KEY (scope, agent)
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE access_refusals (
              row INTEGER PRIMARY KEY,
              tenant TEXT NOT NULL, -- the principal's
              principal TEXT NOT NULL,
              role INTEGER NOT NULL,
              principal_agent TEXT NOT NULL,
              method TEXT NOT NULL,
              wanted_tenant TEXT NOT NULL,
              wanted_agent TEXT NOT NULL,
              at_us INTEGER NOT NULL,
              count INTEGER NOT NULL
            ) STRICT;
            CREATE INDEX access_refusals_by_tenant ON access_refusals (tenant, row);
            """)
      }
    ]
  }

  package func apply(_ event: LogV1.Event, _ transaction: ProjectionTransaction) throws {
    switch event.kind {
    case .accessKeyCreated(let created): try apply(created, event, transaction)
    case .accessKeyRevoked(let revoked):
      try transaction.db.cachedStatement(sql: "UPDATE access_keys SET revoked_at_us = ? WHERE id = ?")
        .execute(arguments: [revoked.revokedAtUs, revoked.id])
      transaction.afterCommit { [directory] in directory.revoke(revoked.id, at: revoked.revokedAtUs) }
    case .grantSet(let set):
      let owner = try Scope(tenant: event.tenant, agent: event.agent)
      try transaction.db.cachedStatement(
        sql: """
          INSERT OR REPLACE INTO access_grants (scope, agent, permission, expires_at_us) VALUES (?, ?, ?, ?)
          """
      ).execute(arguments: [
        try transaction.ensureScopeRow(owner), set.agent, set.permission, set.expiresAtUs
      ])
      let grant = V1.Grant(
        agent: set.agent, permission: V1.AccessPermission(rawValue: set.permission),
        expiresAtUs: set.expiresAtUs)
      transaction.afterCommit { [directory] in directory.set(grant, of: owner) }
    case .grantRemoved(let removed):
      let owner = try Scope(tenant: event.tenant, agent: event.agent)
      let agent = try AgentID(validating: removed.agent)
      try transaction.db.cachedStatement(sql: "DELETE FROM access_grants WHERE scope = ? AND agent = ?")
        .execute(arguments: [try transaction.ensureScopeRow(owner), removed.agent])
      transaction.afterCommit { [directory] in directory.removeGrant(of: owner, to: agent) }
    case .accessRefused(let refused):
      try transaction.db.cachedStatement(
        sql: """
          INSERT INTO access_refusals (row, tenant, principal, role, principal_agent, method, wanted_tenant,
            wanted_agent, at_us, count) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
          """
      ).execute(arguments: [
        transaction.nextItem(), event.tenant, refused.principal, refused.role, refused.principalAgent,
        refused.method, refused.tenant, refused.agent, transaction.at.microseconds, Int64(refused.count)
      ])
    default: break
    }
  }

  private func apply(
    _ created: LogV1.AccessKeyCreated, _ event: LogV1.Event, _ transaction: ProjectionTransaction
  ) throws {
    let key = StoredKey(
      about: V1.ApiKey(
        id: created.id, name: created.name, role: V1.AccessRole(rawValue: created.role), tenant: event.tenant,
        agent: created.agent, createdAtUs: transaction.at.microseconds, expiresAtUs: created.expiresAtUs),
      hash: created.hash)
    try transaction.db.cachedStatement(
      sql: """
        INSERT INTO access_keys (row, tenant, id, name, role, agent, hash, created_at_us, expires_at_us,
          revoked_at_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)
        """
    ).execute(arguments: [
      transaction.nextItem(), event.tenant, created.id, created.name, created.role, created.agent,
      Data(created.hash), transaction.at.microseconds, created.expiresAtUs
    ])
    transaction.afterCommit { [directory] in directory.add(key) }
  }
}
