package import LociCore
package import LociProto
package import LociStore

extension V1.SetTracePolicyResponse: PositionedAnswer {}

/// Sets or removes the policy of an agent, or of a whole tenant.
package struct SetTracePolicy: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes = 1_024
  private let policy: V1.TracePolicy?

  /// - Parameter scope: of the request, or the tenant's `tracePolicyScope`.
  package init(_ request: V1.SetTracePolicyRequest, scope: Scope, key: RequestKey?) throws(LociError) {
    self.scope = scope
    requestKey = key
    policy = request.policy
    try policy?.validate()
  }

  package func decide(_ transaction: ProjectionTransaction) throws -> Decision<V1.SetTracePolicyResponse> {
    let set = LogV1.TracePolicySet(policy: policy?.encoded() ?? [], removed: policy == nil)
    return Decision(events: [.tracePolicySet(set)], answer: V1.SetTracePolicyResponse())
  }
}
