"""What the contract must avoid, because protobuf-c 1.4 handles it badly or not at all."""
from google.protobuf.descriptor_pb2 import FieldDescriptorProto as F

C_KEYWORDS = set(
    "auto break case char const continue default do double else enum extern float for goto if inline int long "
    "register restrict return short signed sizeof static struct switch typedef union unsigned void volatile "
    "while".split()
)
PACKABLE = {
    F.TYPE_DOUBLE, F.TYPE_FLOAT, F.TYPE_INT64, F.TYPE_UINT64, F.TYPE_INT32, F.TYPE_FIXED64, F.TYPE_FIXED32,
    F.TYPE_BOOL, F.TYPE_UINT32, F.TYPE_ENUM, F.TYPE_SFIXED32, F.TYPE_SFIXED64, F.TYPE_SINT32, F.TYPE_SINT64,
}


def check(files) -> list[str]:
    problems = []
    uses = {}
    for file in files:
        if file.syntax != "proto3":
            problems.append(f"{file.name}: must be proto3")
        if any(name.startswith("protobuf-c/") for name in file.dependency):
            problems.append(f"{file.name}: protobuf-c's own options are not supported (string_as_bytes overruns)")
        for enum in file.enum_type:
            if enum.value[0].number != 0 or not enum.value[0].name.endswith("_UNSPECIFIED"):
                problems.append(f"{file.name}: enum {enum.name} must begin with _UNSPECIFIED = 0")
        for service in file.service:
            for method in service.method:
                if method.name.lower() in C_KEYWORDS:
                    problems.append(f"{file.name}: method {method.name} is a C keyword")
        for message in file.message_type:
            full = f".{file.package}.{message.name}"
            if message.nested_type:
                problems.append(f"{full}: nested messages and maps are not supported")
            if message.enum_type:
                problems.append(f"{full}: nested enums are not supported")
            uses[full] = set()
            for field in message.field:
                where = f"{full}.{field.name}"
                if field.type == F.TYPE_GROUP:
                    problems.append(f"{where}: groups are not supported")
                if field.proto3_optional:
                    problems.append(f"{where}: use a one-field oneof instead of optional")
                if field.name.startswith("n_") or field.name.endswith("_case"):
                    problems.append(f"{where}: is how protobuf-c names counts and oneofs")
                if field.name in C_KEYWORDS:
                    problems.append(f"{where}: is a C keyword")
                if field.label == F.LABEL_REPEATED and field.type in PACKABLE:
                    if field.options.HasField("packed") and not field.options.packed:
                        problems.append(f"{where}: repeated numbers must be packed")
                if field.type == F.TYPE_MESSAGE:
                    uses[full].add(field.type_name)
    problems += [f"{name}: contains itself" for name in sorted(uses) if reaches(uses, name, name, set())]
    return problems


def reaches(uses, start, goal, seen) -> bool:
    for child in uses.get(start, ()):
        if child == goal:
            return True
        if child not in seen:
            seen.add(child)
            if reaches(uses, child, goal, seen):
                return True
    return False
