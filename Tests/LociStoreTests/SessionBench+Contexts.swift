import LociContext
import LociCore
import LociProto
import LociRecall
import LociStore
import Testing

extension SessionBench {
  func append(_ text: String, to context: String, expecting version: UInt64?) async throws
    -> V1.AppendResponse
  {
    let request = V1.AppendRequest(
      contextID: context, messages: [V1.MessageDraft(role: .user, text: text)], createContext: true,
      expectedVersion: version)
    return try await submit(AppendMessages(request, scope: scope, key: nil, ids: store.ids))
  }

  func merge(_ request: V1.MergeBranchRequest) async throws -> V1.MergeBranchResponse {
    try await submit(MergeBranch(request, scope: scope, key: nil, ids: store.ids))
  }

  func version(_ context: String) async throws -> UInt64 {
    try await store.store.shard(of: scope).read { [scope] db in
      try ContextQueries.get(ContextID(unchecked: context), scope: scope, in: db).version
    }
  }

  func branches(_ context: String) async throws -> [String] {
    try await store.store.shard(of: scope).read { [scope] db in
      let parent = try ContextQueries.stored(ContextID(unchecked: context), scope: scope, in: db)
      return try ContextQueries.branches(of: parent, page: PageRequest(nil), in: db).contexts.map(\.id)
    }
  }

  func messages(_ context: String) async throws -> [V1.Message] {
    let list = try MessageList(V1.ListMessagesRequest(contextID: context, page: V1.Page(size: 1_000)))
    return try await store.store.shard(of: scope).read { [scope] db in
      try ContextQueries.list(list, scope: scope, in: db).messages
    }
  }

  /// As listed and as exported, which must be the same.
  func texts(_ context: String) async throws -> [String] {
    let listed = try await messages(context).map(\.text)
    let exported = try await store.store.shard(of: scope).read { [scope] db in
      try ContextQueries.export(
        after: 0, contextID: ContextID(unchecked: context), scope: scope, countMax: 10_000, bytesMax: .max,
        in: db)?.messages.map(\.text) ?? []
    }
    #expect(listed == exported)
    return listed
  }

  /// All pages of a list, one after the other.
  func pages(_ request: V1.ListMessagesRequest) async throws -> [String] {
    var request = request
    var texts: [String] = []
    while true {
      let list = try MessageList(request)
      let (messages, page) = try await store.store.shard(of: scope).read { [scope] db in
        try ContextQueries.list(list, scope: scope, in: db)
      }
      #expect(messages.count <= Int(request.page?.size ?? 0))
      texts += messages.map(\.text)
      if page.nextToken.isEmpty { return texts }
      request.page?.token = page.nextToken
    }
  }
}
