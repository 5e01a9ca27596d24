import LociCore
import LociProto
import LociTrace
import LociWire

extension TraceService {
  func setTracePolicy(
    _ request: V1.SetTracePolicyRequest, _ call: CallContext
  ) async throws -> V1.SetTracePolicyResponse {
    let scope: Scope
    if request.wholeTenant {
      guard let named = request.scope else { throw LociError.invalid(field: "scope", problem: "is missing") }
      scope = try TenantID(validating: named.tenant).tracePolicyScope
    } else {
      scope = try request.checkedScope()
    }
    return try await node.write(try SetTracePolicy(request, scope: scope, key: request.requestKey()))
  }

  func getTracePolicy(
    _ request: V1.GetTracePolicyRequest, _ call: CallContext
  ) async throws -> V1.GetTracePolicyResponse {
    let found = intake.policies.policy(of: try request.checkedScope())
    return V1.GetTracePolicyResponse(policy: found.policy, origin: found.origin)
  }
}
