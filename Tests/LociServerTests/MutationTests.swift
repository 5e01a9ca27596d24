import LociClient
import LociProto
import LociServer
import Testing
import LociTestKit

/// Good requests of every unary RPC, broken at random. Whatever comes, the answer is never an internal error, the server
/// goes on, and what an uninvolved agent stored stays as it was.
@Suite struct MutationTests {
  private static let scope = V1.Scope(tenant: "t", agent: "a")
  private static let options = V1.WriteOptions(requestID: "request-1")
  private static let consistency = V1.Consistency(
    level: .session, after: [V1.Position(shard: 0, sequence: 1), V1.Position(shard: 1, sequence: 0)])
  private static let attributes = [V1.Attribute(key: "k", value: "v"), V1.Attribute(key: "l", value: "w")]
  private static let trace = "0af7651916cd43dd8448eb211c80319c"
  private static let filter = V1.Filter(
    contextIDs: ["c"], traceIDs: [trace], created: V1.TimeRange(fromUs: 1, untilUs: 1 << 50), roles: [.user],
    memoryTypes: [.semantic], importanceMin: 0.25, attributes: attributes)
  private static let weights = V1.RankWeights(semantic: 0.5, exact: 0.5, recency: 0.1, importance: 0.1)

  /// A full request of each unary RPC.
  private static let samples: [String: [UInt8]] = [
    "Health": V1.HealthRequest().encoded(),
    "Stats": V1.StatsRequest(scope: scope).encoded(),
    "Echo": V1.EchoRequest(payload: [1, 2, 3, 4]).encoded(),
    "CreateContext": V1.CreateContextRequest(
      scope: scope, id: "new", title: "title", attributes: attributes, options: options
    ).encoded(),
    "GetContext": V1.GetContextRequest(scope: scope, contextID: "c", consistency: consistency).encoded(),
    "ListContexts": V1.ListContextsRequest(
      scope: scope, page: V1.Page(size: 10, token: "1.7"), consistency: consistency
    ).encoded(),
    "DeleteContext": V1.DeleteContextRequest(scope: scope, contextID: "d", options: options).encoded(),
    "Append": V1.AppendRequest(
      scope: scope, contextID: "c",
      messages: [
        V1.MessageDraft(
          id: "m", role: .user, text: "about trains", name: "Ana", createdAtUs: 1 << 50, traceID: trace,
          toolCallID: "call", attributes: attributes)
      ], createContext: true, options: options
    ).encoded(),
    "ListMessages": V1.ListMessagesRequest(
      scope: scope, contextID: "c", fromNumber: 1, untilNumber: 9, newestFirst: true, page: V1.Page(size: 5),
      consistency: consistency
    ).encoded(),
    "DeleteMessages": V1.DeleteMessagesRequest(scope: scope, messageIDs: ["m", "n"], options: options)
      .encoded(),
    "SearchMessages": V1.SearchMessagesRequest(
      scope: scope, query: "trains 火车", limit: 5, mode: .keyword, filter: filter, weights: weights,
      explain: true, consistency: consistency
    ).encoded(),
    "Forget": V1.ForgetRequest(
      scope: scope, memoryIDs: ["k"], messageIDs: ["m"], contextIDs: ["c"], subject: "Ana",
      reason: "ticket 7",
      noWait: true
    ).encoded(),
    "GetErasure": V1.GetErasureRequest(scope: scope, erasureID: "e").encoded(),
    "ListErasures": V1.ListErasuresRequest(scope: scope, limit: 5).encoded(),
    "Encode": V1.EncodeRequest(texts: ["a", "b"]).encoded(),
    "Similarity": V1.SimilarityRequest(
      left: V1.VectorSet(texts: ["a"], inputType: .query), right: V1.VectorSet(vectors: [0.5, 0.5])
    ).encoded(),
    "Project": V1.ProjectRequest(
      scope: scope, vectors: [1, 2, 3, 4, 5, 7], dimension: 2, components: 1, whiten: true,
      others: [0.5, 0.5],
      consistency: consistency
    ).encoded(),
    "GetEncoderStats": V1.GetEncoderStatsRequest().encoded(),
    "WhoAmI": V1.WhoAmIRequest().encoded(),
    "CreateKey": V1.CreateKeyRequest(scope: scope, role: .reader, name: "n", expiresAtUs: 1 << 50).encoded(),
    "ListKeys": V1.ListKeysRequest(scope: scope, page: V1.Page(size: 5)).encoded(),
    "RevokeKey": V1.RevokeKeyRequest(scope: scope, keyID: "abcdefghijklmnop").encoded(),
    "RotateKey": V1.RotateKeyRequest(scope: scope, keyID: "abcdefghijklmnop", overlapMs: 1_000).encoded(),
    "SetGrant": V1.SetGrantRequest(
      scope: scope, grant: V1.Grant(agent: "other", permission: .write, expiresAtUs: 1 << 50)
    ).encoded(),
    "RemoveGrant": V1.RemoveGrantRequest(scope: scope, agent: "other").encoded(),
    "ListGrants": V1.ListGrantsRequest(scope: scope).encoded(),
    "ListRefusals": V1.ListRefusalsRequest(scope: scope, limit: 5).encoded(),
    "SetQuota": V1.SetQuotaRequest(
      scope: V1.Scope(tenant: "another", agent: ""), quota: V1.Quota(itemsMax: 1 << 40, bytesMax: 1 << 50)
    ).encoded(),
    "GetQuota": V1.GetQuotaRequest(scope: scope).encoded(),
    "ListModels": V1.ListModelsRequest().encoded(),
    "AddMemories": V1.AddMemoriesRequest(
      scope: scope,
      memories: [
        V1.MemoryDraft(
          id: "k", type: .episodic, text: "likes trains", contextID: "c", traceID: trace, importance: 0.5,
          createdAtUs: 1 << 50, attributes: attributes, embedding: [0.5, 0.5])
      ], options: options
    ).encoded(),
    "GetMemory": V1.GetMemoryRequest(scope: scope, memoryID: "k", consistency: consistency).encoded(),
    "UpdateMemory": V1.UpdateMemoryRequest(
      scope: scope, memoryID: "k", text: "likes ships", type: .semantic, importance: 0.75,
      attributes: V1.AttributeList(attributes: attributes), expectedVersion: 1, options: options
    ).encoded(),
    "DeleteMemories": V1.DeleteMemoriesRequest(scope: scope, memoryIDs: ["k"], options: options).encoded(),
    "ListMemories": V1.ListMemoriesRequest(
      scope: scope, filter: filter, page: V1.Page(size: 5, token: "1.1.1"), consistency: consistency
    ).encoded(),
    "SearchMemories": V1.SearchMemoriesRequest(
      scope: scope, query: "trains", embedding: [0.5, 0.5], limit: 5, mode: .hybrid, filter: filter,
      weights: weights, explain: true, consistency: consistency,
      tuning: V1.TuningUnit(unit: "u", taskKind: "k")
    ).encoded(),
    "SearchAgents": V1.SearchAgentsRequest(
      scope: scope, agents: ["a", "b"], query: "trains", limit: 5, mode: .keyword,
      filter: V1.Filter(attributes: attributes), weights: weights, explain: true,
      options: V1.SearchOptions(deadlineMs: 50, neighbours: 1), consistency: consistency
    ).encoded(),
    "ExplainMessageMiss": V1.ExplainMessageMissRequest(
      search: V1.SearchMessagesRequest(scope: scope, query: "trains", limit: 5, filter: filter),
      messageID: "m", scope: scope
    ).encoded(),
    "ExplainMiss": V1.ExplainMissRequest(
      search: V1.SearchMemoriesRequest(
        query: "trains", limit: 5, mode: .keyword, filter: filter, weights: weights,
        options: V1.SearchOptions(
          granularity: .item, diversity: 0.5, deadlineMs: 50, moreQueries: ["ships"], timeExpressions: true,
          nowUs: 1 << 50, utcOffsetMinutes: 60, neighbours: 2)), memoryID: "k", scope: scope
    ).encoded(),
    "RestoreMemories": V1.RestoreMemoriesRequest(
      scope: scope, memoryIDs: ["k"], expiresAtUs: 1 << 51, options: options
    ).encoded(),
    "SetMemoryPolicy": V1.SetMemoryPolicyRequest(
      scope: scope,
      policy: V1.MemoryPolicy(
        lifetimes: [V1.TypeLifetime(type: .working, ttlMs: 60_000)], retentionMs: 86_400_000,
        consolidateAtSessionEnd: true, consolidateAfterMemories: 500),
      options: options
    ).encoded(),
    "GetMemoryPolicy": V1.GetMemoryPolicyRequest(scope: scope, consistency: consistency).encoded(),
    "UpdateContext": V1.UpdateContextRequest(
      scope: scope, contextID: "c", title: "t", attributes: V1.AttributeList(attributes: attributes),
      traceID: trace, maxHistory: 5, expectedVersion: 2, options: options
    ).encoded(),
    "PinMessages": V1.PinMessagesRequest(scope: scope, contextID: "c", messageIDs: ["m"], options: options)
      .encoded(),
    "ForkContext": V1.ForkContextRequest(
      scope: scope, contextID: "c", atNumber: 1, id: "branch", title: "t", attributes: attributes,
      options: options
    ).encoded(),
    "ListBranches": V1.ListBranchesRequest(
      scope: scope, contextID: "c", page: V1.Page(size: 3, token: "1.4"), consistency: consistency
    ).encoded(),
    "MergeBranch": V1.MergeBranchRequest(
      scope: scope, contextID: "branch", mode: .summary, summary: V1.MessageDraft(role: .system, text: "s"),
      expectedVersion: 3, options: options
    ).encoded(),
    "AssembleContext": V1.AssembleContextRequest(
      scope: scope, contextID: "c", tokenBudget: 100, query: "trains", memoryLimit: 3, historyLimit: 20,
      memoryShare: 0.5, counter: .estimate, messageOverheadTokens: 2, consistency: consistency
    ).encoded(),
    "Score": V1.ScoreRequest(
      texts: [V1.CompressionText(role: .user, name: "Anna", text: "the 9 trains")],
      weights: V1.ImportanceWeights(time: 1)
    ).encoded(),
    "Compress": V1.CompressRequest(
      texts: [V1.CompressionText(role: .tool, text: "Error 7 in /etc/hosts")],
      target: V1.CompressionTarget(
        ratio: 0.5, strategy: .hierarchical, retentionFloor: 0.5, question: "which file?")
    ).encoded(),
    "PlanCompression": V1.PlanCompressionRequest(
      texts: [V1.CompressionText(text: "one two")], ratios: [0.3]
    ).encoded(),
    "Summarize": V1.SummarizeRequest(
      texts: [V1.CompressionText(name: "Anna", text: "the 9 trains")], tokenBudget: 20
    ).encoded(),
    "CompactMemories": V1.CompactMemoriesRequest(
      scope: scope, memoriesMax: 12, target: V1.CompressionTarget(ratio: 0.5), options: options
    ).encoded(),
    "CompactContext": V1.CompactContextRequest(scope: scope, contextID: "c", keepNewest: 1).encoded(),
    "Expand": V1.ExpandRequest(archive: [1, 0, 1, 1, 0, 0, 0, 0], ids: ["a"]).encoded(),
    "UndoCompaction": V1.UndoCompactionRequest(scope: scope, compactionID: "c").encoded(),
    "SetCompressionPolicy": V1.SetCompressionPolicyRequest(
      scope: scope, policy: V1.CompressionPolicy(automatic: true, threshold: 0.5)
    ).encoded(),
    "SetTenantCompressionPolicy": V1.SetTenantCompressionPolicyRequest(
      scope: V1.Scope(tenant: scope.tenant), policy: V1.CompressionPolicy(keepNewest: 5), options: options
    ).encoded(),
    "GetCompressionPolicy": V1.GetCompressionPolicyRequest(scope: scope, contextID: "c").encoded(),
    "ReportCompactions": V1.ReportCompactionsRequest(scope: scope, contextID: "c").encoded(),
    "GetCompressionStats": V1.GetCompressionStatsRequest(scope: scope).encoded(),
    "CreateSession": V1.CreateSessionRequest(
      scope: scope, id: "s", title: "t", contextID: "c", traceID: trace, attributes: attributes,
      timeoutMs: 60_000, variables: [V1.VariableChange(name: "x", value: "1", expectedVersion: 0)],
      activate: true, options: options
    ).encoded(),
    "GetSession": V1.GetSessionRequest(scope: scope, sessionID: "s", consistency: consistency).encoded(),
    "ListSessions": V1.ListSessionsRequest(
      scope: scope, states: [.active], parentID: "p", page: V1.Page(size: 5, token: "1.1"),
      consistency: consistency
    ).encoded(),
    "TransitionSession": V1.TransitionSessionRequest(
      scope: scope, sessionID: "s", state: .paused, reason: "r", expectedVersion: 3, options: options
    ).encoded(),
    "HeartbeatSession": V1.HeartbeatSessionRequest(
      scope: scope, sessionID: "s", timeoutMs: 1_000, options: options
    ).encoded(),
    "ListTransitions": V1.ListTransitionsRequest(
      scope: scope, sessionID: "s", page: V1.Page(size: 5, token: "1.1"), consistency: consistency
    ).encoded(),
    "DeleteSession": V1.DeleteSessionRequest(
      scope: scope, sessionID: "s", deleteContext: true, options: options
    ).encoded(),
    "SetVariables": V1.SetVariablesRequest(
      scope: scope, sessionID: "s",
      variables: [
        V1.VariableChange(name: "x", value: "2", expectedVersion: 2),
        V1.VariableChange(name: "y", remove: true)
      ], options: options
    ).encoded(),
    "GetVariables": V1.GetVariablesRequest(
      scope: scope, sessionID: "s", names: ["x"], page: V1.Page(size: 5, token: "1.1"),
      consistency: consistency
    ).encoded(),
    "TakeSnapshot": V1.TakeSnapshotRequest(
      scope: scope, sessionID: "s", id: "p", label: "l", attributes: attributes, options: options
    ).encoded(),
    "ListSnapshots": V1.ListSnapshotsRequest(
      scope: scope, sessionID: "s", page: V1.Page(size: 5, token: "1.9"), consistency: consistency
    ).encoded(),
    "DiffSnapshots": V1.DiffSnapshotsRequest(
      scope: scope, sessionID: "s", fromSnapshotID: "p", toSnapshotID: "q", consistency: consistency
    ).encoded(),
    "PruneSnapshots": V1.PruneSnapshotsRequest(scope: scope, sessionID: "s", keepNewest: 3, options: options)
      .encoded(),
    "RollbackSession": V1.RollbackSessionRequest(
      scope: scope, sessionID: "s", snapshotID: "p", reason: "r", expectedVersion: 3, options: options
    ).encoded(),
    "ForkSession": V1.ForkSessionRequest(
      scope: scope, sessionID: "s", snapshotID: "p", id: "f", title: "t", attributes: attributes,
      options: options
    ).encoded(),
    "GetCurrent": V1.GetCurrentRequest(
      scope: scope, contextID: "c", sessionID: "s", query: "trains", messageLimit: 5, memoryLimit: 5,
      sessionLimit: 5, consistency: consistency
    ).encoded(),
    "PutCheckpoint": V1.PutCheckpointRequest(
      scope: scope,
      checkpoint: V1.Checkpoint(
        threadID: "t", namespacePath: "n", id: "1", parentID: "0",
        state: V1.TypedValue(type: "json", data: [1]), metadata: V1.TypedValue(type: "json", data: [2]),
        attributes: attributes,
        channels: [V1.Channel(name: "c", version: "1", value: V1.TypedValue(type: "b", data: [3]))],
        runID: "r"), options: options
    ).encoded(),
    "PutWrites": V1.PutWritesRequest(
      scope: scope, threadID: "t", namespacePath: "n", checkpointID: "1",
      writes: [
        V1.TaskWrite(
          taskID: "k", index: -1, channel: "c", value: V1.TypedValue(type: "b", data: [4]), taskPath: "p")
      ], options: options
    ).encoded(),
    "DeleteThreads": V1.DeleteThreadsRequest(scope: scope, threadIDs: ["u"], options: options).encoded(),
    "DeleteRuns": V1.DeleteRunsRequest(scope: scope, runIDs: ["r"], options: options).encoded(),
    "CopyThread": V1.CopyThreadRequest(
      scope: scope, sourceThreadID: "t", targetThreadID: "u", options: options
    ).encoded(),
    "PruneThreads": V1.PruneThreadsRequest(scope: scope, threadIDs: ["t"], options: options).encoded()
  ]

  private static let vectorFilter = V1.VectorFilter(steps: [
    V1.FilterStep(step: .integerRange(V1.IntegerRange(key: "n", from: 1, until: 9))),
    V1.FilterStep(step: .oneOf(V1.ValueSet(key: "t", texts: ["a"]))),
    V1.FilterStep(step: .combination(V1.FilterCombination(kind: .any)))
  ])
  private static let query = V1.Vectors(values: [0.5, 0.5])
  private static let one = V1.PointIds(numbers: [1])

  /// The same of the collections of vectors; there is one named "v".
  private static let vectorSamples: [String: [UInt8]] = [
    "CreateCollection": V1.CreateCollectionRequest(
      scope: scope, name: "new", config: V1.CollectionConfig(dimension: 2), ifAbsent: true, options: options
    ).encoded(),
    "DescribeCollection": V1.DescribeCollectionRequest(
      scope: scope, collection: "v", consistency: consistency
    ).encoded(),
    "DropCollection": V1.DropCollectionRequest(scope: scope, collection: "new", options: options).encoded(),
    "ListCollections": V1.ListCollectionsRequest(
      scope: scope, page: V1.Page(size: 10, token: "1.61"), consistency: consistency
    ).encoded(),
    "SetAlias": V1.SetAliasRequest(scope: scope, alias: "a", collection: "v", options: options).encoded(),
    "DeleteAlias": V1.DeleteAliasRequest(scope: scope, alias: "a", options: options).encoded(),
    "Upsert": V1.UpsertRequest(
      scope: scope, collection: "v", ids: one, vectors: query,
      attributes: [V1.PointAttributes(attributes: [V1.TypedAttribute(key: "n", value: .integer(4))])],
      options: options
    ).encoded(),
    "DeletePoints": V1.DeletePointsRequest(
      scope: scope, collection: "v", filter: vectorFilter, options: options
    ).encoded(),
    "FetchPoints": V1.FetchPointsRequest(
      scope: scope, collection: "v", ids: one, withAttributes: true, withVectors: true,
      consistency: consistency
    ).encoded(),
    "SearchVectors": V1.SearchVectorsRequest(
      scope: scope, collection: "v", query: query, limit: 3, filter: vectorFilter,
      parameters: V1.VectorSearchParameters(recallTarget: 0.9), withAttributes: true, withVectors: true
    ).encoded(),
    "SearchBatch": V1.SearchBatchRequest(
      scope: scope, collection: "v", queries: V1.Vectors(values: [0.5, 0.5, 1, 0]), limit: 3
    ).encoded(),
    "SearchRange": V1.SearchRangeRequest(
      scope: scope, collection: "v", query: query, scoreMin: 0.5, limit: 3, filter: vectorFilter
    ).encoded(),
    "Recommend": V1.RecommendRequest(
      scope: scope, collection: "v", positive: one, negative: V1.PointIds(numbers: [2]), limit: 3
    ).encoded(),
    "ScrollPoints": V1.ScrollPointsRequest(
      scope: scope, collection: "v", filter: vectorFilter, withVectors: true,
      page: V1.Page(size: 5, token: "1.3")
    ).encoded(),
    "OptimizeCollection": V1.OptimizeCollectionRequest(scope: scope, collection: "v", wait: true).encoded(),
    "CollectionStats": V1.CollectionStatsRequest(scope: scope, collection: "v").encoded()
  ]

  /// What a client's fault, or a wait for what never comes, may be answered with.
  private static let allowed: Set<Int> = [0, 1, 3, 4, 5, 6, 8, 9]

  @Test(arguments: [UInt64(11), 12])
  func brokenRequestsAreTheClientsFault(seed: UInt64) async throws {
    try await TestNode.run { server in
      let client = server.client
      let witness = V1.Scope(tenant: "witness", agent: "w")
      _ = try await client.contexts.append(
        V1.AppendRequest(
          scope: witness, contextID: "c",
          messages: [V1.MessageDraft(id: "m", role: .user, text: "untouched")],
          createContext: true))
      let before = try await client.contexts.listMessages(V1.ListMessagesRequest(scope: witness)).messages
      _ = try await client.vectors.createCollection(
        V1.CreateCollectionRequest(
          scope: Self.scope, name: "v", config: V1.CollectionConfig(dimension: 2)))
      _ = try await client.vectors.upsert(
        V1.UpsertRequest(
          scope: Self.scope, collection: "v", ids: V1.PointIds(numbers: [1, 2, 3]),
          vectors: V1.Vectors(values: [1, 0, 0, 1, 1, 1])))
      var rng = SplitMix64(seed: seed)
      for entry in RPCCatalog.entries where !entry.isStreaming {
        let sample =
          Self.samples[entry.method] ?? Self.vectorSamples[entry.method] ?? TraceSamples.all[entry.method]
          ?? LearningSamples.all[entry.method]
        guard let sample else {
          Issue.record("no sample of \(entry.service)/\(entry.method)")
          continue
        }
        let connection = RawConnection(port: server.port)
        for number in 0..<400 {
          let payload = Self.broken(sample, &rng)
          let frame = Bytes.frame(
            Bytes.request(entry.service, entry.method, payload, timeoutNanoseconds: 20_000_000),
            stream: UInt32(2 * number + 1))
          connection.send(frame)
          guard case .answer(let answer) = connection.receive(seconds: 20) else {
            Issue.record("\(entry.method), seed \(seed), \(number): no answer to \(payload)")
            break
          }
          #expect(
            Self.allowed.contains(answer.code), "\(entry.method), seed \(seed), \(number): \(payload)")
          #expect(answer.streamID == UInt32(2 * number + 1))
        }
      }
      let after = try await client.contexts.listMessages(V1.ListMessagesRequest(scope: witness)).messages
      #expect(after == before)
      await client.close()
    }
  }

  /// One to three faults: a flipped bit, a changed byte, a cut, a piece twice, a piece gone, a long number put in.
  private static func broken(_ sample: [UInt8], _ rng: inout SplitMix64) -> [UInt8] {
    var bytes = sample
    for _ in 0..<Int.random(in: 1...3, using: &rng) {
      let place = Int.random(in: 0...bytes.count, using: &rng)
      let end = min(bytes.count, place + Int.random(in: 1...12, using: &rng))
      switch Int.random(in: 0..<6, using: &rng) {
      case 0 where place < bytes.count: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &rng)
      case 1 where place < bytes.count: bytes[place] = UInt8.random(in: 0...255, using: &rng)
      case 2: bytes.removeSubrange(place...)
      case 3: bytes.insert(contentsOf: bytes[place..<end], at: place)
      case 4: bytes.removeSubrange(place..<end)
      default: bytes.insert(contentsOf: Bytes.varint(.random(in: 0 ... .max, using: &rng)), at: place)
      }
    }
    return bytes
  }
}
