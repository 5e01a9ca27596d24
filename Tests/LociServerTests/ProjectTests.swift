import LociClient
import LociProto
import LociWire
import Testing

/// Principal components over the wire.
struct ProjectTests {
  private static let scope = V1.Scope(tenant: "acme", agent: "planner")

  private func with(_ body: (LociClient) async throws -> Void) async throws {
    try await TestNode.run { node in
      try await body(node.client)
      await node.client.close()
    }
  }

  /// On the line through (1, 2) with slope 2, and a little beside it.
  private static let line: [Float] = [1, 2, 2, 4, 3, 6, 4, 8, 5, 10, 3, 6.5, 3, 5.5]

  @Test func axesFollowTheVariance() async throws {
    try await with { client in
      let answer = try await client.embeddings.project(
        V1.ProjectRequest(scope: Self.scope, vectors: Self.line, dimension: 2))
      #expect((answer.dimension, answer.components, answer.rows) == (2, 2, 7))
      #expect(answer.mean == [3, 6])
      let sign: Float = answer.axes[0] < 0 ? -1 : 1
      #expect(abs(answer.axes[0] * sign - 0.4472) < 0.02 && abs(answer.axes[1] * sign - 0.8944) < 0.02)
      #expect(abs(answer.axes[0] * answer.axes[2] + answer.axes[1] * answer.axes[3]) < 1e-5)
      #expect(answer.variances[0] > 50 * answer.variances[1])
      #expect(abs(answer.variances[0] + answer.variances[1] - answer.totalVariance) < 1e-4)
      // Coordinates are <axis, vector - mean>.
      for row in 0..<7 {
        for axis in 0..<2 {
          let x = Self.line[row * 2] - 3, y = Self.line[row * 2 + 1] - 6
          let wanted = answer.axes[axis * 2] * x + answer.axes[axis * 2 + 1] * y
          #expect(abs(answer.coordinates[row * 2 + axis] - wanted) < 1e-4)
        }
      }
    }
  }

  @Test func whitenedCoordinatesVaryAlikeAndOthersAreProjected() async throws {
    try await with { client in
      let white = try await client.embeddings.project(
        V1.ProjectRequest(scope: Self.scope, vectors: Self.line, dimension: 2, components: 2, whiten: true))
      for axis in 0..<2 {
        let square = (0..<7).reduce(Float(0)) {
          $0 + white.coordinates[$1 * 2 + axis] * white.coordinates[$1 * 2 + axis]
        }
        #expect(abs(square / 7 - 1) < 1e-3)
      }
      let others = try await client.embeddings.project(
        V1.ProjectRequest(
          scope: Self.scope, vectors: Self.line, dimension: 2, components: 1, uncentred: true,
          others: [0, 0, 1, 2]))
      #expect(others.rows == 2 && others.components == 1 && others.mean == [0, 0])
      #expect(others.coordinates[0] == 0)
      #expect(abs(abs(others.coordinates[1]) - Float(5).squareRoot()) < 0.01)
    }
  }

  @Test func pointsOfACollectionAreProjected() async throws {
    try await with { client in
      _ = try await client.vectors.createCollection(
        V1.CreateCollectionRequest(
          scope: Self.scope, name: "line",
          config: V1.CollectionConfig(dimension: 2, metric: .euclidean, idKind: .name)))
      _ = try await client.vectors.upsert(
        V1.UpsertRequest(
          scope: Self.scope, collection: "line", ids: V1.PointIds(names: ["a", "b", "c", "d", "e", "f", "g"]),
          vectors: V1.Vectors(values: Self.line)))
      let given = try await client.embeddings.project(
        V1.ProjectRequest(scope: Self.scope, vectors: Self.line, dimension: 2))
      let stored = try await client.embeddings.project(
        V1.ProjectRequest(scope: Self.scope, collection: "line"))
      #expect(stored.ids?.names == ["a", "b", "c", "d", "e", "f", "g"])
      #expect(stored.coordinates == given.coordinates && stored.axes == given.axes)
      #expect((stored.position?.sequence ?? 0) > 0)
      let three = try await client.embeddings.project(
        V1.ProjectRequest(scope: Self.scope, collection: "line", points: 3))
      #expect(three.ids?.names == ["a", "b", "c"] && three.rows == 3)
    }
  }

  @Test func whatCannotBeIsRefused() async throws {
    try await with { client in
      func code(_ request: V1.ProjectRequest) async throws -> RPCStatus.Code? {
        await #expect(throws: RPCStatus.self) { _ = try await client.embeddings.project(request) }?.code
      }
      let s = Self.scope
      for request in [
        V1.ProjectRequest(scope: s), V1.ProjectRequest(vectors: [1, 2], dimension: 2),
        V1.ProjectRequest(scope: s, vectors: [1, 2, 3], dimension: 2),
        V1.ProjectRequest(scope: s, vectors: [1, 2], dimension: 4_097),
        V1.ProjectRequest(scope: s, vectors: [1, 2], dimension: 2, components: 3),
        V1.ProjectRequest(scope: s, vectors: [1, .nan], dimension: 2),
        V1.ProjectRequest(scope: s, vectors: [1, 2], dimension: 2, others: [1]),
        V1.ProjectRequest(scope: s, vectors: [1, 2], dimension: 2, others: [1, .infinity]),
        V1.ProjectRequest(scope: s, vectors: [1, 2], dimension: 2, collection: "line"),
        V1.ProjectRequest(scope: s, collection: "line", points: 8_193)
      ] {
        let answered = try await code(request)
        #expect(answered == .invalidArgument, "\(request)")
      }
      let unknown = try await code(V1.ProjectRequest(scope: s, collection: "none"))
      #expect(unknown == .notFound)
    }
  }
}
