package import LociCore
package import LociProto
package import LociStore

extension V1.SetQuotaResponse: PositionedAnswer {}

/// How much a tenant may store from the next write on. What it has beyond stays; only adding is refused.
package struct SetTenantQuota: Command {
  package let scope: Scope
  package let requestKey: RequestKey? = nil
  package let costBytes = 512
  private let set: LogV1.TenantQuotaSet

  package init(_ request: V1.SetQuotaRequest, tenant: TenantID) throws(LociError) {
    let quota = request.quota ?? V1.Quota()
    scope = tenant.accessScope
    set = LogV1.TenantQuotaSet(
      itemsMax: try Self.limit(quota.itemsMax, field: "quota.items_max"),
      bytesMax: try Self.limit(quota.bytesMax, field: "quota.bytes_max"))
  }

  private static func limit(_ value: UInt64, field: String) throws(LociError) -> Int64 {
    guard value <= 1 << 60 else { throw .invalid(field: field, problem: "is \(value), at most \(1 << 60)") }
    return Int64(value)
  }

  package func decide(_ transaction: ProjectionTransaction) throws -> Decision<V1.SetQuotaResponse> {
    Decision(events: [.tenantQuotaSet(set)], answer: V1.SetQuotaResponse())
  }
}
