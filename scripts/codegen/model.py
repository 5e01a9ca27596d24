"""The contract as the emitters see it: messages with their fields, comments and C spellings."""
from dataclasses import dataclass, field

from google.protobuf.descriptor_pb2 import FieldDescriptorProto as F

import naming

SCALARS = {
    F.TYPE_DOUBLE: "Double", F.TYPE_FLOAT: "Float", F.TYPE_INT64: "Int64", F.TYPE_UINT64: "UInt64",
    F.TYPE_INT32: "Int32", F.TYPE_FIXED64: "UInt64", F.TYPE_FIXED32: "UInt32", F.TYPE_BOOL: "Bool",
    F.TYPE_UINT32: "UInt32", F.TYPE_SFIXED32: "Int32", F.TYPE_SFIXED64: "Int64", F.TYPE_SINT32: "Int32",
    F.TYPE_SINT64: "Int64",
}


@dataclass
class Field:
    name: str
    number: int
    kind: str  # scalar, enum, string, bytes, message
    element: str  # Swift type of one value
    repeated: bool
    oneof: int | None
    comment: str
    type_name: str

    @property
    def swift(self):
        return naming.camel(self.name)

    @property
    def swift_type(self):
        return f"[{self.element}]" if self.repeated else self.element

    @property
    def default(self):
        if self.repeated:
            return "[]"
        return {"string": '""', "bytes": "[]", "message": "nil", "enum": ".unspecified"}.get(
            self.kind, "false" if self.element == "Bool" else "0"
        )


@dataclass
class Choice:
    """A oneof. With one field it only says whether the field is there."""

    name: str
    fields: list = field(default_factory=list)

    @property
    def is_presence(self):
        return len(self.fields) == 1


@dataclass
class Message:
    name: str
    full_name: str
    comment: str
    fields: list
    choices: list

    @property
    def c_type(self):
        return naming.c_type(self.full_name)

    @property
    def c_function(self):
        return naming.c_function(self.full_name)

    @property
    def members(self):
        """Fields and oneofs in the order of the contract; a oneof stands where its first field does."""
        seen, members = set(), []
        for item in self.fields:
            if item.oneof is None:
                members.append(item)
            elif item.oneof not in seen:
                seen.add(item.oneof)
                members.append(self.choices[item.oneof])
        return members


class Comments:
    def __init__(self, file):
        self.by_path = {tuple(loc.path): loc for loc in file.source_code_info.location}

    def at(self, *path):
        location = self.by_path.get(path)
        if location is None:
            return ""
        return (location.leading_comments or location.trailing_comments).strip("\n")


def messages(file):
    comments = Comments(file)
    return [message(m, file.package, comments, (4, i)) for i, m in enumerate(file.message_type)]


def message(descriptor, package, comments, path):
    choices = [Choice(oneof.name) for oneof in descriptor.oneof_decl]
    fields = []
    for index, item in enumerate(descriptor.field):
        oneof = item.oneof_index if item.HasField("oneof_index") else None
        built = Field(
            item.name, item.number, *kind_of(item), item.label == F.LABEL_REPEATED, oneof,
            comments.at(*path, 2, index), item.type_name,
        )
        fields.append(built)
        if oneof is not None:
            choices[oneof].fields.append(built)
    return Message(
        descriptor.name, f".{package}.{descriptor.name}", comments.at(*path), fields, choices
    )


def kind_of(item):
    if item.type == F.TYPE_STRING:
        return "string", "String"
    if item.type == F.TYPE_BYTES:
        return "bytes", "[UInt8]"
    if item.type == F.TYPE_ENUM:
        return "enum", naming.swift_type(item.type_name)
    if item.type == F.TYPE_MESSAGE:
        return "message", naming.swift_type(item.type_name)
    return "scalar", SCALARS[item.type]


def doc(comment, indent):
    lines = [line.strip() for line in comment.split("\n")] if comment else []
    return "".join(f"{indent}/// {line}".rstrip() + "\n" for line in lines)
