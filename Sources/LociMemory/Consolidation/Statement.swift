/// What a short text claims, as far as it can be read off without a model of the language.
struct Statement {
  /// "Anna lives in Berlin": residence, {anna}, {berlin}.
  struct Claim {
    var relations: Set<Relation>
    var subject: Set<String>
    var value: Set<String>
    var isNegative: Bool
    var isChange: Bool
    /// Of the predicate.
    var predicate: Set<String> = []

    var words: Set<String> { subject.union(value).union(predicate) }

    /// What takes many words is a story. CJK is counted in characters.
    var isFact: Bool {
      func isShort(_ part: Set<String>) -> Bool {
        part.count <= (part.contains { $0.first.map(StatementText.isCJK) == true } ? 10 : 5)
      }
      return isShort(subject) && isShort(value)
    }
  }

  let claims: [Claim]
  /// Content that no claim accounts for.
  let beside: Set<String>
  /// Stems without stop words and negations.
  let content: Set<String>
  /// Numbers, weekdays, months: values that exclude each other.
  let measures: Set<String>
  let names: Set<String>
  /// "'s" and 的: Anna's tenant is not Anna.
  let owners: Int
  let isNegative: Bool
  let clauseCount: Int
  /// Everything but punctuation and case.
  let normal: [String]

  init(_ text: String) {
    let clauses = StatementText.clauses(text)
    var claims: [Claim] = []
    var content: Set<String> = []
    var measures: Set<String> = []
    var names: Set<String> = []
    var negations = 0
    func isNumeral(_ token: StatementText.Token) -> Bool { token.isCJK && StatementText.isNumber(token) }
    for clause in clauses {
      claims += ClaimReader.claims(clause)
      for (index, token) in clause.enumerated() {
        if ClaimReader.isNegation(clause, at: index) {
          negations += 1
        } else if !StatementText.isStop(token) {
          content.insert(token.stem)
        }
        if StatementText.isNumber(token) || StatementText.calendar.contains(token.stem) {
          // 十一 is a number of its own, and no 一.
          guard !(token.isCJK && index > 0 && isNumeral(clause[index - 1])) else { continue }
          let run = token.isCJK ? clause[index...].prefix(while: isNumeral) : [token]
          measures.insert(run.map(\.stem).joined())
        } else if StatementText.isName(token, first: index == 0) {
          names.insert(token.stem)
        }
      }
    }
    // A question claims nothing.
    let asks = text.contains { $0 == "?" || $0 == "？" }
    self.claims = asks ? [] : claims.filter(\.isFact)
    beside = content.subtracting(claims.reduce(into: []) { $0.formUnion($1.words) })
    self.content = content
    self.measures = measures
    self.names = names
    owners = clauses.joined().count { ClaimReader.marksOwner($0) }
    // "Gave up" denies without a "not".
    let denies = negations % 2 == 0 && claims.contains { $0.isNegative }
    isNegative = negations % 2 == 1 || denies
    clauseCount = clauses.count
    normal = clauses.flatMap { $0.map { $0.surface.lowercased() } }
  }
}

/// Finds the claims of a clause by the predicates in it.
enum ClaimReader {
  typealias Token = StatementText.Token

  static func isNegation(_ tokens: [Token], at index: Int) -> Bool {
    let token = tokens[index]
    if !token.isCJK { return StatementText.negations.contains(token.stem) }
    guard StatementText.negationCharacters.contains(token.stem) else { return false }
    // 特别, 级别, 不错, 不仅, 不但, 别的: no negation.
    let next = index + 1 < tokens.count ? tokens[index + 1].stem : ""
    let before = index > 0 ? tokens[index - 1].stem : ""
    if token.stem == "别" { return !["特", "级", "区", "个", "分"].contains(before) && next != "的" && next != "人" }
    guard token.stem == "不" else { return true }
    if next == "过" { return index + 2 < tokens.count && tokens[index + 2].stem == "敏" }
    return !["错", "仅", "但", "同", "论", "管", "得"].contains(next)
  }

  static func claims(_ clause: [Token]) -> [Statement.Claim] {
    let negations = clause.indices.filter { isNegation(clause, at: $0) }
    let isOver = clause.contains { ["anymor", "longer", "再"].contains($0.stem) } && !negations.isEmpty
    let dropped: Set<String> = isOver ? ["anymor", "longer", "再", "any"] : []
    let tokens = clause.indices.filter { !negations.contains($0) && !dropped.contains(clause[$0].stem) }
      .map { clause[$0] }
    let isNegative = negations.count % 2 == 1
    let isChinese = tokens.count { $0.isCJK } * 2 > tokens.count
    if isChinese, let claim = framed(tokens, isNegative, isOver) { return [claim] }
    let matches = matches(tokens, isChinese ? PredicateLexicon.chinese : PredicateLexicon.english)
    if matches.isEmpty { return copula(tokens, isChinese, isNegative, isOver).map { [$0] } ?? [] }
    var claims: [Statement.Claim] = []
    var subject: Set<String> = []
    // Who wants to live somewhere does not.
    var isWish = false
    for (number, match) in matches.enumerated() {
      let begin = number == 0 ? 0 : matches[number - 1].end
      let end = number + 1 < matches.count ? matches[number + 1].start : tokens.count
      var left = stems(subjectPart(tokens[begin..<match.start]))
      var right = stems(target(tokens[match.end..<end]))
      if match.predicate.isInverted {
        (left, right) = (right.subtracting(relationWords), left)
      }
      if number == 0 || (!left.isEmpty && claims.isEmpty) { subject = left }
      isWish = isWish || match.predicate.relations == [.wants]
      guard !right.isEmpty else { continue }
      // What starts at 9:00 is no employee.
      let isTimed = match.predicate.relations == [.employer] && TimeValue(tokens[match.end..<end]) != nil
      claims.append(
        Statement.Claim(
          relations: isWish ? [.wants] : isTimed ? [.schedule] : match.predicate.relations, subject: subject,
          value: right, isNegative: isNegative != match.predicate.isNegative,
          isChange: isOver || (match.predicate.isChange && !isTimed),
          predicate: Set(matches.flatMap(\.predicate.words)).union(relationWords)))
    }
    return claims
  }

  private struct Match { let start, end: Int, predicate: Predicate }

  /// From the left, the longest at each place, none over another.
  private static func matches(_ tokens: [Token], _ lexicon: [Predicate]) -> [Match] {
    var found: [Match] = []
    var at = 0
    while at < tokens.count {
      let predicate = lexicon.first { predicate in
        at + predicate.words.count <= tokens.count
          && predicate.words.indices.allSatisfy { tokens[at + $0].stem == predicate.words[$0] }
          // "The name of" is no "named", though of one stem.
          && !(predicate.words == ["nam"] && tokens[at].surface.lowercased() == "name")
      }
      if let predicate, at > 0 || predicate.words.count > 1 {
        found.append(Match(start: at, end: at + predicate.words.count, predicate: predicate))
        at += predicate.words.count
      } else {
        at += 1
      }
    }
    return found
  }

  /// Of "安娜从北京" only 安娜.
  private static func subjectPart(_ tokens: ArraySlice<Token>) -> ArraySlice<Token> {
    guard let from = tokens.firstIndex(where: { $0.stem == "从" || $0.stem == "由" }) else { return tokens }
    return tokens[..<from]
  }

  /// Of "from A to B" only B; nothing after a reason.
  private static func target(_ tokens: ArraySlice<Token>) -> ArraySlice<Token> {
    var tokens = tokens
    if let reason = tokens.firstIndex(where: {
      ["becaus", "since", "after", "befor", "as", "so", "with"].contains($0.stem)
    }),
      reason > tokens.startIndex
    {
      tokens = tokens[..<reason]
    }
    if let to = tokens.lastIndex(where: { $0.stem == "to" }), to > tokens.startIndex {
      return tokens[(to + 1)...]
    }
    return tokens
  }

  /// Words that only say which relation an inverted clause is about.
  private static let relationWords: Set<String> = Set(
    [
      "liv", "love", "lov", "lik", "like", "enjoy", "work", "reside", "resid", "ador", "someth", "do",
      "allergic", "reaction", "allergy"
    ]
    .map { $0 })

  private static func stems(_ tokens: ArraySlice<Token>) -> Set<String> {
    Set(tokens.lazy.filter { !StatementText.isStop($0) }.map(\.stem))
  }

  /// "在…工作", "对…过敏": Chinese predicates around their value.
  private static let frames: [(before: [String], after: String, relation: Relation)] = [
    (["在", "从"], "工作", .employer), (["在"], "上班", .employer), (["在", "于"], "任职", .employer),
    (["在"], "读书", .study), (["在"], "上学", .study), (["在"], "念书", .study), (["在"], "就读", .study),
    (["在", "于"], "举行", .schedule), (["在", "于"], "召开", .schedule), (["在", "于"], "开始", .schedule),
    (["在", "于"], "进行", .schedule), (["在"], "居住", .residence), (["在"], "生活", .residence),
    (["在"], "定居", .residence), (["在"], "安家", .residence), (["对", "吃", "碰"], "过敏", .allergy),
    (["对"], "感兴趣", .likes), (["对"], "情有独钟", .likes), (["对"], "很着迷", .likes), (["以"], "为生", .occupation)
  ]

  private static func framed(
    _ tokens: [Token], _ isNegative: Bool, _ isOver: Bool
  ) -> Statement.Claim? {
    let characters = tokens.map(\.stem)
    for frame in frames {
      let after = frame.after.map(String.init)
      guard let end = place(of: after, in: characters), end > 0 else { continue }
      guard let start = characters[..<end].firstIndex(where: frame.before.contains), start + 1 < end else {
        continue
      }
      var value = tokens[(start + 1)..<end]
      if let last = value.last, ["会", "就"].contains(last.stem) { value = value.dropLast() }
      return Statement.Claim(
        relations: [frame.relation], subject: stems(tokens[..<start]), value: stems(value),
        isNegative: isNegative, isChange: isOver || characters.contains("改"), predicate: Set(after))
    }
    if let favourite = favourite(tokens, characters, isNegative, isOver) { return favourite }
    // "爬山是安娜的爱好".
    if let hobby = place(of: ["的", "爱", "好"], in: characters), let copula = characters.firstIndex(of: "是"),
      copula < hobby, copula > 0, hobby + 3 == characters.count
    {
      return Statement.Claim(
        relations: [.likes], subject: stems(tokens[(copula + 1)..<hobby]), value: stems(tokens[..<copula]),
        isNegative: isNegative, isChange: isOver, predicate: ["爱", "好"])
    }
    if let years = characters.firstIndex(of: "岁"), years > 0 {
      var start = years
      while start > 0, StatementText.isNumber(tokens[start - 1]) { start -= 1 }
      guard start < years else { return nil }
      let value = Set(tokens[start..<years].map(\.stem))
      let subject = stems(tokens[..<start]).subtracting(["年", "龄", "满", "今"])
      return Statement.Claim(
        relations: [.age], subject: subject, value: value, isNegative: isNegative, isChange: false)
    }
    return nil
  }

  /// "安娜最喜欢的颜色是红色": one value, and what is liked most names the attribute.
  private static func favourite(
    _ tokens: [Token], _ characters: [String], _ isNegative: Bool, _ isOver: Bool
  ) -> Statement.Claim? {
    guard let most = characters.firstIndex(of: "最"), let copula = characters.lastIndex(of: "是"),
      copula > most,
      let of = characters[most..<copula].lastIndex(of: "的"), of + 1 < copula
    else { return nil }
    let verb = characters[(most + 1)..<of].joined()
    guard ["喜欢", "爱", "喜爱", "钟爱", "偏爱", "中意"].contains(verb) else { return nil }
    let subject = stems(tokens[..<most]).union(stems(tokens[(of + 1)..<copula])).union(["最爱"])
    let value = stems(tokens[(copula + 1)...])
    guard !value.isEmpty else { return nil }
    return Statement.Claim(
      relations: [.attribute], subject: subject, value: value, isNegative: isNegative, isChange: isOver)
  }

  private static func place(of part: [String], in all: [String]) -> Int? {
    guard part.count <= all.count else { return nil }
    return (0...(all.count - part.count)).last { start in
      part.indices.allSatisfy { all[start + $0] == part[$0] }
    }
  }

  /// "X's A is V", "the A of X is V", "X的A是V", "X is a nurse", "X is 34 years old".
  private static func copula(
    _ tokens: [Token], _ isChinese: Bool, _ isNegative: Bool, _ isOver: Bool
  ) -> Statement.Claim? {
    let verbs: Set<String> = isChinese ? ["是", "为"] : ["is", "are", "was", "were"]
    guard let verb = tokens.firstIndex(where: { verbs.contains($0.stem) }), verb > 0, verb + 1 < tokens.count
    else { return nil }
    let left = tokens[..<verb]
    let right = tokens[(verb + 1)...]
    var (subject, value) = (stems(left), stems(right))
    guard !subject.isEmpty, !value.isEmpty else { return nil }
    var relations: Set<Relation> = []
    // "Anna's new employer is V": V, and no longer another.
    let fresh = subject.intersection(newness)
    if owns(left), !fresh.isEmpty, fresh.count < subject.count {
      return attribute(subject.subtracting(fresh), value, right, isNegative, isChange: true)
    }
    if owns(left) { return attribute(subject, value, right, isNegative, isChange: isOver) }
    if !isChinese, right.contains(where: { $0.stem == "'s" }) {
      relations = [.attribute]
      (subject, value) = (value, subject)
    } else if right.contains(where: { $0.stem == "old" }), right.contains(where: StatementText.isNumber) {
      return Statement.Claim(
        relations: [.age], subject: subject, value: value.subtracting(["year", "old"]),
        isNegative: isNegative,
        isChange: isOver)
    } else if Occupations.names(right) {
      relations = [.occupation]
    } else if !value.isDisjoint(with: Occupations.maritalStates) {
      relations = [.status]
    }
    guard !relations.isEmpty else { return nil }
    return Statement.Claim(
      relations: relations, subject: subject, value: value, isNegative: isNegative, isChange: isOver)
  }

  private static let newness: Set<String> = ["new", "current", "latest", "新"]

  /// What somebody or something has: a name, a time, or anything else.
  private static func attribute(
    _ subject: Set<String>, _ value: Set<String>, _ right: ArraySlice<Token>, _ isNegative: Bool,
    isChange: Bool
  ) -> Statement.Claim {
    var (subject, value, isChange) = (subject, value, isChange)
    var relations: Set<Relation> = [.attribute]
    // "The name of Anna's dog is Rex" is "Anna's dog is called Rex".
    if subject.contains("nam"), subject.count > 1 {
      subject.remove("nam")
      relations = [.named]
    } else if let time = TimeValue(right) {
      // "Anna's appointment is 9:00" is when it takes place, whatever the verb.
      relations = [.attribute, .schedule]
      value = time.words
      isChange = isChange || time.isMoved
    }
    return Statement.Claim(
      relations: relations, subject: subject, value: value, isNegative: isNegative, isChange: isChange)
  }

  static func marksOwner(_ token: Token) -> Bool { token.stem == "'s" || token.stem == "的" }

  private static let owners: Set<String> = ["'s", "of", "的", "my", "his", "her", "our", "their", "your"]

  private static func owns(_ tokens: ArraySlice<Token>) -> Bool {
    tokens.contains { owners.contains($0.stem) }
  }
}

/// What people are, of which they are one at a time.
enum Occupations {
  private static let endings = ["er", "or", "ist", "ian", "eer", "ant", "ress"]
  private static let words: Set<String> = Set(
    "nurse chef cook pilot judge architect surgeon midwife mechanic carpenter farmer clerk coach student"
      .split(separator: " ").map { StatementText.stem(String($0)) })
  private static let chineseEndings: Set<String> = ["师", "员", "生", "家", "手", "工", "匠", "官", "警", "长"]
  static let maritalStates: Set<String> = Set(
    "single married divorced widowed engaged retired vegetarian vegan".split(separator: " ").map {
      StatementText.stem(String($0))
    })

  static func names(_ tokens: ArraySlice<StatementText.Token>) -> Bool {
    guard let last = tokens.last(where: { !StatementText.isStop($0) }) else { return false }
    if last.isCJK { return chineseEndings.contains(last.stem) }
    let hasArticle = tokens.first.map { ["a", "an"].contains($0.stem) } ?? false
    let surface = last.surface.lowercased()
    return hasArticle
      && (words.contains(last.stem) || endings.contains { surface.hasSuffix($0) && surface.count > 4 })
  }
}
