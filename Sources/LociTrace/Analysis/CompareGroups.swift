import Foundation
package import GRDB
package import LociCore
package import LociProto

/// Which steps tell two groups of traces apart.
package enum GroupComparison {
  /// Newest traces of each group that are looked at.
  static let tracesMax = 2_000
  static let differencesMax = 100

  private struct Feature: Hashable {
    let isError: Bool
    let kind: Int32
    let name: String
  }

  package static func compare(
    _ first: TraceSelection, _ other: TraceSelection, scope: Scope, in db: Database
  ) throws -> V1.CompareTraceGroupsResponse {
    let groups = try [first, other].map { selection in
      let traces = try TraceQueries.newest(selection, count: tracesMax, scope: scope, in: db)
      return (count: traces.count, features: try features(of: traces.map(\.row), in: db))
    }
    let all = Set(groups[0].features.keys).union(groups[1].features.keys)
    var answer = V1.CompareTraceGroupsResponse(
      firstCount: UInt32(groups[0].count), otherCount: UInt32(groups[1].count))
    guard groups[0].count > 0, groups[1].count > 0 else { return answer }
    answer.differences = all.map { feature in
      let a = groups[0].features[feature] ?? 0
      let b = groups[1].features[feature] ?? 0
      let p = fisher(a, groups[0].count - a, b, groups[1].count - b)
      return V1.TraceGroupDifference(
        feature: feature.isError ? "errors" : "step", kind: V1.StepKind(rawValue: feature.kind),
        name: feature.name, firstShare: Float(a) / Float(groups[0].count),
        otherShare: Float(b) / Float(groups[1].count), pValue: Float(min(1, p * Double(all.count))))
    }.sorted { ($0.pValue, $0.name, $0.feature) < ($1.pValue, $1.name, $1.feature) }
    answer.differences = Array(answer.differences.prefix(differencesMax))
    return answer
  }

  private static func features(of traces: [Int64], in db: Database) throws -> [Feature: Int] {
    var counts: [Feature: Int] = [:]
    for trace in traces {
      let rows = try Row.fetchCursor(
        db.cachedStatement(sql: "SELECT kind, name, count, errors FROM trace_groups WHERE trace = ?"),
        arguments: [trace])
      while let row = try rows.next() {
        if (row[2] as Int64) > 0 {
          counts[Feature(isError: false, kind: row[0], name: row[1]), default: 0] += 1
        }
        if (row[3] as Int64) > 0 {
          counts[Feature(isError: true, kind: row[0], name: row[1]), default: 0] += 1
        }
      }
    }
    return counts
  }

  /// Fisher's exact test of a two by two table, two-sided: the sum over all tables with the same margins that are no
  /// likelier than this one.
  package static func fisher(_ a: Int, _ b: Int, _ c: Int, _ d: Int) -> Double {
    let row = a + b
    let column = a + c
    let total = a + b + c + d
    func logChoose(_ n: Int, _ k: Int) -> Double {
      lgamma(Double(n + 1)) - lgamma(Double(k + 1)) - lgamma(Double(n - k + 1))
    }
    func logProbability(_ x: Int) -> Double {
      logChoose(row, x) + logChoose(total - row, column - x) - logChoose(total, column)
    }
    let here = logProbability(a)
    var sum = 0.0
    for x in max(0, column - (total - row))...min(row, column) {
      let p = logProbability(x)
      if p <= here + 1e-9 { sum += exp(p) }
    }
    return min(1, sum)
  }
}
