import GRDB
import LociContext
import LociCore
import LociMemory
import LociProto
import LociRecall
import LociStore
import LociTestKit
import Testing

/// Conditions joined by and, or and not, against their evaluation one memory at a time.
@Suite struct FilterTests {
  private indirect enum Expression {
    case oneOf(V1.FilterSubject, texts: [String], numbers: [Double])
    case range(V1.FilterSubject, from: Double?, until: Double?)
    case contains(V1.FilterSubject, String)
    case exists(V1.FilterSubject)
    case all([Expression]), any([Expression])
    case not(Expression)

    var terms: [V1.FilterTerm] {
      switch self {
      case .oneOf(let subject, let texts, let numbers):
        [.init(term: .oneOf(V1.FilterValues(subject: subject, texts: texts, numbers: numbers)))]
      case .range(let subject, let from, let until):
        [.init(term: .range(V1.FilterBounds(subject: subject, from: from, until: until)))]
      case .contains(let subject, let text):
        [.init(term: .contains(V1.FilterText(subject: subject, text: text)))]
      case .exists(let subject): [.init(term: .exists(subject))]
      case .all(let parts): parts.flatMap(\.terms) + [Self.join(.and, parts.count)]
      case .any(let parts): parts.flatMap(\.terms) + [Self.join(.or, parts.count)]
      case .not(let part): part.terms + [Self.join(.not, 0)]
      }
    }

    private static func join(_ kind: V1.JoinOperator, _ count: Int) -> V1.FilterTerm {
      V1.FilterTerm(term: .join(V1.FilterJoin(kind: kind, operands: UInt32(count))))
    }

    func holds(_ memory: V1.Memory) -> Bool {
      switch self {
      case .all(let parts): parts.allSatisfy { $0.holds(memory) }
      case .any(let parts): parts.contains { $0.holds(memory) }
      case .not(let part): !part.holds(memory)
      case .oneOf(let subject, let texts, let numbers):
        values(subject, memory).contains {
          texts.contains($0.text) || $0.number.map(numbers.contains) ?? false
        }
      case .range(let subject, let from, let until):
        values(subject, memory).contains { value in
          guard let number = value.number else { return false }
          return number >= from ?? -.infinity && number < until ?? .infinity
        }
      case .contains(let subject, let text): values(subject, memory).contains { $0.text.contains(text) }
      case .exists(let subject):
        subject.field == .expiresAt ? memory.expiresAtUs > 0 : !values(subject, memory).isEmpty
      }
    }

    private func values(
      _ subject: V1.FilterSubject, _ memory: V1.Memory
    ) -> [(text: String, number: Double?)] {
      switch subject.field {
      case .attribute:
        memory.attributes.filter { $0.key == subject.attribute }.map { ($0.value, Double($0.value)) }
      case .tag: memory.tags.map { ($0, nil) }
      case .text: [(memory.text, nil)]
      case .importance: [("", Double(memory.importance))]
      case .type: [("", Double(memory.type.rawValue))]
      case .createdAt: [("", Double(memory.createdAtUs))]
      case .expiresAt: [("", Double(memory.expiresAtUs))]
      default: []
      }
    }
  }

  private static func leaf(_ rng: inout SplitMix64) -> Expression {
    func subject(_ field: V1.FilterField, _ key: String = "") -> V1.FilterSubject {
      V1.FilterSubject(field: field, attribute: key)
    }
    let key = ["k", "n", "absent"].randomElement(using: &rng) ?? "k"
    switch Int.random(in: 0..<10, using: &rng) {
    case 0: return .oneOf(subject(.attribute, key), texts: ["red", "3"], numbers: [])
    case 1: return .oneOf(subject(.attribute, key), texts: ["blue"], numbers: [1, 2.5])
    case 2: return .range(subject(.attribute, key), from: 2, until: Bool.random(using: &rng) ? 7 : nil)
    case 3: return .contains(subject(.attribute, key), "e")
    case 4: return .exists(subject(.attribute, key))
    case 5: return .oneOf(subject(.tag), texts: ["x", "y"], numbers: [])
    case 6: return .contains(subject(.text), "\(Int.random(in: 0..<10, using: &rng))")
    case 7:
      // float32 on the way in: compared with the same.
      let bound = Double(Float.random(in: 0..<1, using: &rng))
      return .range(subject(.importance), from: bound, until: nil)
    case 8: return .oneOf(subject(.type), texts: [], numbers: [1, 4])
    default: return .exists(subject(.expiresAt))
    }
  }

  private static func expression(_ depth: Int, _ rng: inout SplitMix64) -> Expression {
    guard depth > 0 else { return leaf(&rng) }
    let parts = (0..<Int.random(in: 2...3, using: &rng)).map { _ in expression(depth - 1, &rng) }
    return switch Int.random(in: 0..<4, using: &rng) {
    case 0: .all(parts)
    case 1: .any(parts)
    case 2: .not(parts[0])
    default: leaf(&rng)
    }
  }

  @Test(arguments: UInt64(1)...5)
  func agreesWithOneAtATime(seed: UInt64) async throws {
    let test = try TestStore(shards: 1)
    let scope = try Scope(tenant: "t", agent: "a")
    let shard = test.store.shards[0]
    var rng = SplitMix64(seed: seed)
    let drafts = (0..<120).map { number in
      var attributes: [V1.Attribute] = []
      if Bool.random(using: &rng) {
        let colour = ["red", "green", "blue", "3"].randomElement(using: &rng) ?? ""
        attributes.append(V1.Attribute(key: "k", value: colour))
      }
      if Bool.random(using: &rng) {
        let value = ["1", "2.5", "7", "12abc", "-4", "1e1", ""].randomElement(using: &rng) ?? ""
        attributes.append(V1.Attribute(key: "n", value: value))
      }
      return V1.MemoryDraft(
        id: "m\(number)", type: V1.MemoryType(rawValue: Int32.random(in: 1...5, using: &rng)),
        text: "memory \(number)", importance: Float.random(in: 0...1, using: &rng),
        expiresAtUs: Bool.random(using: &rng) ? 1 << 57 : 0, attributes: attributes,
        tags: ["x", "y", "z"].filter { _ in Bool.random(using: &rng) })
    }
    _ = try await shard.submit(
      AddMemories(
        V1.AddMemoriesRequest(memories: drafts), scope: scope, key: nil, ids: test.ids, encoder: nil))
    func list(_ terms: [V1.FilterTerm]) async throws -> [V1.Memory] {
      let (filter, now) = (try ItemFilter(V1.Filter(terms: terms)), test.clock.now())
      return try await shard.read { db in
        try MemoryQueries.list(
          filter, newestFirst: false, page: try PageRequest(V1.Page(size: 1_000)), scope: scope, now: now,
          in: db
        ).memories
      }
    }
    let all = try await list([])
    #expect(all.count == 120)
    var found = 0
    for step in 0..<60 {
      let expression = Self.expression(Int.random(in: 0...2, using: &rng), &rng)
      let expected = all.filter(expression.holds).map(\.id)
      let listed = try await list(expression.terms).map(\.id)
      #expect(listed == expected, "seed \(seed) step \(step): \(expression)")
      found += expected.count
      // A search is let at the same items.
      let (filter, now) = (try ItemFilter(V1.Filter(terms: expression.terms)), test.clock.now())
      let allowed = try await shard.read { db in
        let row = try ScopeQueries.row(scope, in: db) ?? 0
        return try MemoryQueries.allowed(by: filter, scopeRow: row, now: now, in: db)?.count
      }
      #expect(allowed == expected.count, "seed \(seed) step \(step)")
    }
    #expect(found > 0)
    try await test.store.close()
  }

  private static func field(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "none"
    } catch {
      guard case .invalid(let field, _)? = error as? LociError else { return "\(error)" }
      return field
    }
  }

  @Test func whatCannotBeAskedIsNamed() throws {
    let text = V1.FilterSubject(field: .text)
    let importance = V1.FilterSubject(field: .importance)
    func term(_ term: V1.FilterTerm.Term) -> V1.FilterTerm { V1.FilterTerm(term: term) }
    func memories(_ terms: V1.FilterTerm...) -> String {
      Self.field { _ = try ItemFilter(V1.Filter(terms: terms)).memoryConditions() }
    }
    #expect(memories(V1.FilterTerm()) == "filter.terms")
    #expect(memories(term(.exists(text)), term(.join(V1.FilterJoin(kind: .and)))) == "filter.terms.join")
    #expect(
      memories(term(.exists(text)), term(.join(V1.FilterJoin(operands: 1)))) == "filter.terms.join.kind")
    #expect(memories(term(.range(V1.FilterBounds(subject: text)))) == "filter.terms.range")
    #expect(memories(term(.range(V1.FilterBounds(subject: importance, from: .nan)))) == "filter.terms.range")
    #expect(
      memories(term(.contains(V1.FilterText(subject: importance, text: "x")))) == "filter.terms.contains")
    #expect(memories(term(.oneOf(V1.FilterValues(subject: text, numbers: [1])))) == "filter.terms.one_of")
    #expect(memories(term(.oneOf(V1.FilterValues(subject: text)))) == "filter.terms.one_of")
    #expect(memories(term(.exists(V1.FilterSubject(field: .attribute)))) == "filter.terms.subject.attribute")
    #expect(memories(term(.exists(V1.FilterSubject(field: .role)))) == "filter.terms.subject.field")
    #expect(
      Self.field { _ = try ItemFilter(V1.Filter(terms: [term(.exists(text))])).messageConditions() }
        == "filter.terms.subject.field")
    let many = Array(repeating: term(.exists(text)), count: 65)
    #expect(Self.field { _ = try ItemFilter(V1.Filter(terms: many)) } == "filter.terms")
  }

  @Test func messagesAreFilteredToo() async throws {
    let test = try TestStore(shards: 1)
    let scope = try Scope(tenant: "t", agent: "a")
    let shard = test.store.shards[0]
    let drafts = [("Ana", V1.Role.user, "1"), ("Ben", .assistant, "2"), ("Ana", .assistant, "3")].map {
      V1.MessageDraft(
        id: $0.2, role: $0.1, text: "text \($0.2)", name: $0.0,
        attributes: [V1.Attribute(key: "n", value: $0.2)])
    }
    let request = V1.AppendRequest(contextID: "c", messages: drafts, createContext: true)
    _ = try await shard.submit(AppendMessages(request, scope: scope, key: nil, ids: test.ids))
    func list(_ terms: [V1.FilterTerm]) async throws -> [String] {
      let list = try MessageList(V1.ListMessagesRequest(filter: V1.Filter(terms: terms)))
      return try await shard.read { db in
        try ContextQueries.list(list, scope: scope, in: db).messages.map(\.id)
      }
    }
    let ana = V1.FilterTerm(
      term: .oneOf(V1.FilterValues(subject: V1.FilterSubject(field: .name), texts: ["Ana"])))
    let high = V1.FilterTerm(
      term: .range(V1.FilterBounds(subject: V1.FilterSubject(field: .attribute, attribute: "n"), from: 2)))
    let role = V1.FilterTerm(
      term: .oneOf(
        V1.FilterValues(
          subject: V1.FilterSubject(field: .role), numbers: [Double(V1.Role.assistant.rawValue)])))
    let context = V1.FilterTerm(
      term: .oneOf(V1.FilterValues(subject: V1.FilterSubject(field: .contextID), texts: ["c"])))
    func join(_ kind: V1.JoinOperator) -> V1.FilterTerm {
      V1.FilterTerm(term: .join(V1.FilterJoin(kind: kind)))
    }
    #expect(try await list([ana, high]) == ["3"])
    #expect(try await list([ana, high, join(.or)]) == ["1", "2", "3"])
    #expect(try await list([ana, join(.not)]) == ["2"])
    #expect(try await list([role, ana, join(.not), join(.or), context]) == ["2", "3"])
    try await test.store.close()
  }
}
