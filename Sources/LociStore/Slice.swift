package import GRDB
package import LociCore
package import LociProto

/// What a subject module (contexts, memories, …) gives the store: its tables, and how its events change them.
package protocol Slice: Sendable {
  /// Names the slice in the table of migrations. Never changes.
  var name: String { get }

  /// Statements that bring the slice's tables from one version to the next, oldest first. Each runs once in the
  /// life of a data directory; a landed one is never edited.
  var migrations: [@Sendable (Database) throws -> Void] { get }

  /// Tables whose content is a pure function of the log, with the columns that order their rows. `doctor`
  /// compares them row by row with a rebuilt projection.
  var tables: [ProjectedTable] { get }

  /// Tables whose rows count against their tenant's quota.
  var counted: [CountedTable] { get }

  /// What an event that a command decided on adds to the counted tables; one that frees more than it adds, adds
  /// nothing. Asked only for tenants with a quota.
  func growth(_ event: LogV1.Event.Kind, scope: Scope, _ transaction: ProjectionTransaction) throws
    -> StoredAmount

  /// Changes the tables as `event` says; ignores kinds of other slices. Reads no clock, no random number and
  /// nothing outside `transaction`.
  func apply(_ event: LogV1.Event, _ transaction: ProjectionTransaction) throws
}

extension Slice {
  package var counted: [CountedTable] { [] }

  package func growth(
    _ event: LogV1.Event.Kind, scope: Scope, _ transaction: ProjectionTransaction
  ) throws -> StoredAmount { .zero }
}

package struct ProjectedTable: Sendable {
  package let name: String
  package let orderedBy: String
  package init(_ name: String, orderedBy: String) {
    self.name = name
    self.orderedBy = orderedBy
  }
}
