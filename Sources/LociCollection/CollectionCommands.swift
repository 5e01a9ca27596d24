package import LociCore
package import LociProto
package import LociStore

extension V1.CreateCollectionResponse: PositionedAnswer {}
extension V1.DropCollectionResponse: PositionedAnswer {}
extension V1.SetAliasResponse: PositionedAnswer {}
extension V1.DeleteAliasResponse: PositionedAnswer {}

package struct CreateCollection: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes = 1_024
  private let name: String
  private let config: V1.CollectionConfig
  private let ifAbsent: Bool

  package init(
    _ request: V1.CreateCollectionRequest, scope: Scope, key: RequestKey?
  ) throws(LociError) {
    self.scope = scope
    requestKey = key
    try Validate.name(request.name, field: "name")
    name = request.name
    guard let config = request.config else { throw .invalid(field: "config", problem: "is missing") }
    self.config = try config.completed()
    ifAbsent = request.ifAbsent
  }

  package func decide(
    _ transaction: ProjectionTransaction
  ) throws -> Decision<V1.CreateCollectionResponse> {
    if let scopeRow = try transaction.scopeRow(scope) {
      if let existing = try CollectionQueries.named(name, scope: scopeRow, in: transaction.db) {
        guard ifAbsent, existing.config == config else {
          throw LociError.alreadyExists(.collection, id: name)
        }
        let aliases = try CollectionQueries.aliases(of: existing.id, in: transaction.db)
        return Decision(
          events: [], answer: V1.CreateCollectionResponse(collection: existing.described(aliases: aliases)))
      }
      guard try CollectionQueries.aliased(name, scope: scopeRow, in: transaction.db) == nil else {
        throw LociError.alreadyExists(.collection, id: name)
      }
    }
    let event = LogV1.CollectionCreated(
      collection: transaction.upcomingItems(1)[0], name: name, config: config.encoded())
    let collection = V1.Collection(name: name, config: config, createdAtUs: transaction.at.microseconds)
    return Decision(
      events: [.collectionCreated(event)], answer: V1.CreateCollectionResponse(collection: collection))
  }
}

package struct DropCollection: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes = 512
  private let name: String

  package init(_ request: V1.DropCollectionRequest, scope: Scope, key: RequestKey?) throws(LociError) {
    self.scope = scope
    requestKey = key
    try Validate.name(request.collection, field: "collection")
    name = request.collection
  }

  package func decide(
    _ transaction: ProjectionTransaction
  ) throws -> Decision<V1.DropCollectionResponse> {
    guard let scopeRow = try transaction.scopeRow(scope) else {
      throw LociError.notFound(.collection, id: name)
    }
    if let collection = try CollectionQueries.named(name, scope: scopeRow, in: transaction.db) {
      return Decision(
        events: [.collectionDropped(LogV1.CollectionDropped(collection: collection.id))],
        answer: V1.DropCollectionResponse(pointsDeleted: UInt64(collection.points)))
    }
    if try CollectionQueries.aliased(name, scope: scopeRow, in: transaction.db) != nil {
      throw LociError.invalid(field: "collection", problem: "is an alias; drop the collection by its name")
    }
    throw LociError.notFound(.collection, id: name)
  }
}

package struct SetAlias: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes = 512
  private let alias: String
  private let collection: String

  package init(_ request: V1.SetAliasRequest, scope: Scope, key: RequestKey?) throws(LociError) {
    self.scope = scope
    requestKey = key
    try Validate.name(request.alias, field: "alias")
    try Validate.name(request.collection, field: "collection")
    alias = request.alias
    collection = request.collection
  }

  package func decide(_ transaction: ProjectionTransaction) throws -> Decision<V1.SetAliasResponse> {
    guard let scopeRow = try transaction.scopeRow(scope),
      let target = try CollectionQueries.named(collection, scope: scopeRow, in: transaction.db)
    else { throw LociError.notFound(.collection, id: collection) }
    guard try CollectionQueries.named(alias, scope: scopeRow, in: transaction.db) == nil else {
      throw LociError.alreadyExists(.collection, id: alias)
    }
    if try CollectionQueries.aliased(alias, scope: scopeRow, in: transaction.db) == target.id {
      return Decision(events: [], answer: V1.SetAliasResponse())
    }
    return Decision(
      events: [.aliasSet(LogV1.AliasSet(alias: alias, collection: target.id))], answer: V1.SetAliasResponse())
  }
}

package struct DeleteAlias: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes = 512
  private let alias: String

  package init(_ request: V1.DeleteAliasRequest, scope: Scope, key: RequestKey?) throws(LociError) {
    self.scope = scope
    requestKey = key
    try Validate.name(request.alias, field: "alias")
    alias = request.alias
  }

  package func decide(_ transaction: ProjectionTransaction) throws -> Decision<V1.DeleteAliasResponse> {
    guard let scopeRow = try transaction.scopeRow(scope),
      try CollectionQueries.aliased(alias, scope: scopeRow, in: transaction.db) != nil
    else { return Decision(events: [], answer: V1.DeleteAliasResponse()) }
    return Decision(
      events: [.aliasDeleted(LogV1.AliasDeleted(alias: alias))], answer: V1.DeleteAliasResponse(deleted: true)
    )
  }
}
