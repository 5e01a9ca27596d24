import ArgumentParser
import Foundation
import LociClient
import LociProto

/// Collections of vectors from the command line.
struct Vectors: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Collections of vectors of your own.",
    subcommands: [
      VectorsCreate.self, VectorsImport.self, VectorsSearch.self, VectorsStats.self, VectorsProject.self,
      VectorsBench.self
    ])
}

/// The shape of a collection to make.
struct CollectionShape: ParsableArguments {
  enum Metric: String, ExpressibleByArgument, CaseIterable {
    case cosine, ip, l2
    var value: V1.VectorMetric {
      switch self {
      case .cosine: .cosine
      case .ip: .innerProduct
      case .l2: .euclidean
      }
    }
  }
  enum Element: String, ExpressibleByArgument, CaseIterable {
    case float32, float16
    var value: V1.VectorElement { self == .float16 ? .float16 : .float32 }
  }

  @Option(help: "cosine, ip (inner product) or l2.") var metric = Metric.cosine
  @Option(help: "How vectors are kept: float32 or float16.") var element = Element.float32
  @Flag(help: "Points are named by text instead of numbers.") var names = false
  @Flag(help: "Segments keep codes only; full vectors stay in the log.") var dropOriginals = false

  func config(dimension: Int) -> V1.CollectionConfig {
    V1.CollectionConfig(
      dimension: UInt32(clamping: dimension), metric: metric.value, idKind: names ? .name : .number,
      element: element.value, originals: dropOriginals ? .dropped : .mapped)
  }
}

struct VectorsCreate: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "create", abstract: "Make a collection.")

  @OptionGroup var server: ServerOptions
  @OptionGroup var who: ScopeOptions
  @OptionGroup var shape: CollectionShape
  @Argument(help: "Its name.") var name: String
  @Option(help: "Numbers of a vector, 1 to 4096.") var dimension: Int

  func run() async throws {
    let answer = try await server.withClient { client in
      try await client.vectors.createCollection(
        V1.CreateCollectionRequest(scope: who.scope, name: name, config: shape.config(dimension: dimension)))
    }
    if server.json { return try JSONOutput.print(answer) }
    print("\(name) made: \(dimension) dimensions, \(shape.metric.rawValue)")
  }
}

struct VectorsSearch: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "search", abstract: "Find the points nearest to a vector.")

  @OptionGroup var server: ServerOptions
  @OptionGroup var who: ScopeOptions
  @Argument(help: "The collection.") var collection: String
  @Option(help: "The vector, numbers separated by commas.") var vector: String?
  @Option(help: "Points to be like, ids separated by commas.") var like: String?
  @Option(name: [.customShort("k"), .customLong("limit")], help: "How many results.") var limit: UInt32 = 10
  @Option(help: "Recall to aim at, above 0 to 1.") var recall: Float = 0
  @Flag(help: "Compare with every vector.") var exact = false

  func validate() throws {
    guard (vector == nil) != (like == nil) else { throw ValidationError("give either --vector or --like") }
  }

  func run() async throws {
    let parameters = V1.VectorSearchParameters(recallTarget: recall, exact: exact)
    let (hits, report) = try await server.withClient { client in
      if let like {
        let described = try await client.vectors.describeCollection(
          V1.DescribeCollectionRequest(scope: who.scope, collection: collection))
        let ids = try pointIDs(like, described.collection?.config?.idKind ?? .number)
        let answer = try await client.vectors.recommend(
          V1.RecommendRequest(
            scope: who.scope, collection: collection, positive: ids, limit: limit, parameters: parameters,
            withAttributes: true))
        return (answer.hits, answer.report)
      }
      let answer = try await client.vectors.searchVectors(
        V1.SearchVectorsRequest(
          scope: who.scope, collection: collection, query: V1.Vectors(values: try numbers(vector ?? "")),
          limit: limit, parameters: parameters, withAttributes: true))
      return (answer.hits, answer.report)
    }
    if server.json {
      return try JSONOutput.print([
        "hits": JSONOutput.object(hits), "report": JSONOutput.object(report as Any)
      ])
    }
    for hit in hits {
      let attributes = (hit.point?.attributes ?? []).map { "\($0.key)=\(PointText.value($0.value))" }
      let line = String(format: "%9.5f  ", hit.score) + PointText.id(hit.point?.id)
      print(attributes.isEmpty ? line : "\(line)  \(Text.line(attributes.joined(separator: " ")))")
    }
  }

  private func numbers(_ text: String) throws -> [Float] {
    try text.split(separator: ",").map { part in
      guard let number = Float(part.trimmingCharacters(in: .whitespaces)) else {
        throw ValidationError("'\(part)' is not a number")
      }
      return number
    }
  }

  private func pointIDs(_ text: String, _ kind: V1.PointIdKind) throws -> V1.PointIds {
    let parts = text.split(separator: ",").map(String.init)
    guard kind == .number else { return V1.PointIds(names: parts) }
    return V1.PointIds(
      numbers: try parts.map { part in
        guard let number = Int64(part) else { throw ValidationError("'\(part)' is not a number") }
        return number
      })
  }
}

struct VectorsStats: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats", abstract: "What the collections are made of.")

  @OptionGroup var server: ServerOptions
  @OptionGroup var who: ScopeOptions
  @Argument(help: "One collection; none: a list of all.") var collection: String?
  @Flag(help: "Seal, merge and clean up first, and wait for it.") var optimize = false

  func run() async throws {
    guard let collection else { return try await list() }
    let state = try await server.withClient { client in
      if optimize {
        return try await client.vectors.optimizeCollection(
          V1.OptimizeCollectionRequest(scope: who.scope, collection: collection, wait: true)
        ).state
      }
      return try await client.vectors.collectionStats(
        V1.CollectionStatsRequest(scope: who.scope, collection: collection)
      ).state
    }
    if server.json { return try JSONOutput.print(state as Any) }
    guard let state else { return }
    print("\(state.points) points, \(state.tailPoints) of them in memory (\(Text.bytes(state.tailBytes)))")
    for segment in state.segments {
      let kind = segment.index == .ivfPq ? "inverted lists" : "flat"
      print(
        "  segment \(segment.id)  \(segment.liveRows) of \(segment.rows) points  \(kind)  "
          + Text.bytes(segment.fileBytes))
    }
    if state.isOptimizing { print("building a segment") }
    if !state.problem.isEmpty { print("last attempt failed: \(state.problem)") }
  }

  private func list() async throws {
    let collections = try await server.withClient { client in
      var (all, token): ([V1.Collection], String) = ([], "")
      repeat {
        let page = try await client.vectors.listCollections(
          V1.ListCollectionsRequest(scope: who.scope, page: V1.Page(token: token)))
        all += page.collections
        token = page.page?.nextToken ?? ""
      } while !token.isEmpty
      return all
    }
    if server.json { return try JSONOutput.print(collections) }
    for collection in collections {
      let aliases = collection.aliases.isEmpty ? "" : "  (\(collection.aliases.joined(separator: ", ")))"
      print(
        "\(collection.name)  \(collection.points) points  \(collection.config?.dimension ?? 0) dimensions"
          + aliases)
    }
  }
}

/// Points as a person reads them.
enum PointText {
  static func id(_ id: V1.Point.Id?) -> String {
    switch id {
    case .number(let number): "\(number)"
    case .name(let name): name
    case nil: "?"
    }
  }

  static func value(_ value: V1.TypedAttribute.Value?) -> String {
    switch value {
    case .text(let text): text
    case .integer(let integer): "\(integer)"
    case .number(let number): "\(number)"
    case .flag(let flag): "\(flag)"
    case .texts(let list): list.texts.joined(separator: ",")
    case nil: ""
    }
  }
}
