"""Emits what a server implements and what a client calls."""
import model
import naming
import permissions
from swift_messages import HEADER

# Handlers that answer at once on the event loop: they must never block.
INLINE = {("loci.v1.AdminService", "Echo"), ("loci.v1.AdminService", "Health")}


def kind(method):
    if method.client_streaming:
        return "bidirectional" if method.server_streaming else "clientStreaming"
    return "serverStreaming" if method.server_streaming else "unary"


def types(method):
    return naming.swift_type(method.input_type), naming.swift_type(method.output_type)


def requirement(method, inline):
    name = naming.lower_first(method.name)
    request, response = types(method)
    shape = kind(method)
    if shape == "unary":
        effects = "throws" if inline else "async throws"
        return f"func {name}(_ request: {request}, _ call: CallContext) {effects} -> {response}"
    if shape == "serverStreaming":
        return (
            f"func {name}(\n    _ request: {request}, _ call: CallContext, _ responses: "
            f"ResponseStream<{response}>\n  ) async throws"
        )
    if shape == "clientStreaming":
        return f"func {name}(_ requests: RequestStream<{request}>, _ call: CallContext) async throws -> {response}"
    return (
        f"func {name}(\n    _ requests: RequestStream<{request}>, _ call: CallContext,\n"
        f"    _ responses: ResponseStream<{response}>\n  ) async throws"
    )


def server(file, scoped):
    comments = model.Comments(file)
    out = HEADER.format(source=file.name) + "import LociAccess\npackage import LociProto\npackage import LociWire\n\n"
    for index, service in enumerate(file.service):
        full = f"{file.package}.{service.name}"
        out += model.doc(comments.at(6, index), "") or f"/// What a server of {full} implements.\n"
        out += f"package protocol {service.name}Provider: Sendable {{\n"
        for place, method in enumerate(service.method):
            out += model.doc(comments.at(6, index, 2, place), "  ")
            out += f"  {requirement(method, (full, method.name) in INLINE)}\n"
        out += f"}}\n\nextension {service.name}Provider {{\n"
        out += "  package func serviceDescription(_ gate: Gate) -> ServiceDescription {\n"
        out += f'    ServiceDescription(\n      name: "{full}",\n      methods: [\n'
        rows = []
        for method in service.method:
            how = "inline" if (full, method.name) in INLINE else kind(method)
            permission = permissions.of(service.name, method.name)
            handler = naming.lower_first(method.name)
            # What anyone may call passes no gate.
            if permission != "open":
                gate = kind(method)
                if method.input_type in scoped:
                    gate = f"scoped{gate[0].upper()}{gate[1:]}"
                handler = f"gate.{gate}(.{permission}, {handler})"
            rows.append(f'        .{how}("{method.name}", {handler})')
        out += ",\n".join(rows) + "\n      ])\n  }\n}\n\n"
    return out.rstrip("\n") + "\n"


def client(file):
    comments = model.Comments(file)
    out = HEADER.format(source=file.name) + "public import LociProto\npublic import LociWire\n\n"
    for index, service in enumerate(file.service):
        full = f"{file.package}.{service.name}"
        out += model.doc(comments.at(6, index), "") or f"/// Calls {full}. Every method throws `RPCStatus`.\n"
        out += f"public struct {service.name}Client: Sendable {{\n  private let rpc: RPCClient\n\n"
        out += "  public init(_ rpc: RPCClient) { self.rpc = rpc }\n"
        for place, method in enumerate(service.method):
            out += "\n" + model.doc(comments.at(6, index, 2, place), "  ") + call(full, method)
        out += "}\n\n"
    return out.rstrip("\n") + "\n"


def call(full, method):
    name = naming.lower_first(method.name)
    request, response = types(method)
    options = "options: CallOptions = CallOptions()"
    target = f'"{full}", "{method.name}"'
    shape = kind(method)
    if shape == "unary":
        return (
            f"  public func {name}(\n    _ request: {request}, {options}\n  ) async throws -> {response} {{\n"
            f"    try await rpc.unary({target}, request, options: options)\n  }}\n"
        )
    if shape == "serverStreaming":
        return (
            f"  public func {name}(\n    _ request: {request}, {options}\n  ) -> ResponseSequence<{response}> {{\n"
            f"    rpc.serverStreaming({target}, request, options: options)\n  }}\n"
        )
    result = "ClientStreamingCall" if shape == "clientStreaming" else "BidirectionalCall"
    return (
        f"  public func {name}(\n    {options}\n  ) -> {result}<{request}, {response}> {{\n"
        f"    rpc.{shape}({target}, options: options)\n  }}\n"
    )


def scoped(files):
    """Requests that name whose data they are about."""
    out = HEADER.format(source="proto/loci/v1") + "package import LociProto\n\n"
    out += "/// A request that says whose data it is about.\n"
    out += "package protocol ScopedRequest { var scope: V1.Scope? { get } }\n\n"
    for name in sorted(scoped_names(files)):
        out += f"extension {naming.swift_type(name)}: ScopedRequest {{}}\n"
    for name, field in sorted(wrapper_names(files)):
        out += f"\nextension {naming.swift_type(name)}: ScopedRequest {{\n"
        out += f"  package var scope: V1.Scope? {{ {naming.camel(field)}?.scope }}\n}}\n"
    return out


def wrapper_names(files):
    """Requests of streams that hold a request with a scope and nothing else, with that field's name."""
    scoped = set(scoped_names(files))
    streamed = {m.input_type for f in files for s in f.service for m in s.method if m.client_streaming}
    for file in files:
        for message in file.message_type:
            is_streamed = f".{file.package}.{message.name}" in streamed
            if is_streamed and len(message.field) == 1 and message.field[0].type_name in scoped:
                yield f".{file.package}.{message.name}", message.field[0].name


def scoped_names(files):
    for file in files:
        for message in file.message_type:
            if any(f.name == "scope" and f.type_name == ".loci.v1.Scope" for f in message.field):
                yield f".{file.package}.{message.name}"


def catalog(files):
    """Every RPC, for tests that must forget none."""
    names = set(scoped_names(files))
    out = HEADER.format(source="proto/loci/v1") + "package import LociAccess\npackage import LociProto\n\n"
    out += "/// Every RPC of the contract, so that a test can cover them all and a new one cannot be forgotten.\n"
    out += "package enum RPCCatalog {\n  package struct Entry: Sendable {\n"
    out += "    package let service, method: String\n    package let request: any WireMessage.Type\n"
    out += "    /// Number of the field that names a scope; 0 when there is none.\n    package let scopeField: UInt8\n"
    out += "    package var isScoped: Bool { scopeField != 0 }\n"
    out += "    /// Whether the request carries write options: it changes something.\n"
    out += "    package let isMutating: Bool\n    package let isStreaming: Bool\n"
    out += "    /// Whether the caller streams.\n    package let streamsRequests: Bool\n"
    out += "    /// What the caller must be allowed.\n    package let permission: Permission\n  }\n\n"
    out += "  package static let entries: [Entry] = [\n"
    by_name = {f".{f.package}.{m.name}": m for f in files for m in f.message_type}
    rows = []
    for file in files:
        for service in file.service:
            for method in service.method:
                fields = by_name[method.input_type].field
                mutating = any(f.type_name == ".loci.v1.WriteOptions" for f in fields)
                scope = next((f.number for f in fields if f.type_name == ".loci.v1.Scope"), 0)
                assert scope < 16 and (scope != 0) == (method.input_type in names)
                streaming = method.client_streaming or method.server_streaming
                rows.append(
                    f'    Entry(\n      service: "{file.package}.{service.name}", method: "{method.name}",\n'
                    f"      request: {naming.swift_type(method.input_type)}.self,\n"
                    f"      scopeField: {scope}, "
                    f"isMutating: {str(mutating).lower()}, isStreaming: {str(streaming).lower()},\n"
                    f"      streamsRequests: {str(method.client_streaming).lower()}, "
                    f"permission: .{permissions.of(service.name, method.name)})"
                )
    return out + ",\n".join(rows) + "\n  ]\n}\n"
