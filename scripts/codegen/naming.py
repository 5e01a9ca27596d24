"""Names: from the contract's spelling to protobuf-c's and to Swift's."""
import re

ACRONYMS = {"id": "ID", "ids": "IDs", "url": "URL", "urls": "URLs"}
SWIFT_KEYWORDS = {
    "as", "associatedtype", "break", "case", "catch", "class", "continue", "default", "defer", "do", "else",
    "enum", "extension", "false", "for", "func", "guard", "if", "import", "in", "init", "inout", "internal",
    "is", "let", "nil", "operator", "private", "protocol", "public", "repeat", "return", "self", "static",
    "struct", "subscript", "super", "switch", "throw", "throws", "true", "try", "typealias", "var", "where",
    "while",
}


def camel(snake: str) -> str:
    """created_at_us -> createdAtUs, context_id -> contextID."""
    head, *tail = snake.split("_")
    words = [head] + [ACRONYMS.get(word, word[:1].upper() + word[1:]) for word in tail]
    return escaped("".join(words))


def escaped(name: str) -> str:
    return f"`{name}`" if name in SWIFT_KEYWORDS else name


def lower_first(name: str) -> str:
    return name[:1].lower() + name[1:]


def enum_case(enum_name: str, value_name: str) -> str:
    """MemoryType, MEMORY_TYPE_LONG_TERM -> longTerm."""
    prefix = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", enum_name).upper() + "_"
    return camel(value_name.removeprefix(prefix).lower())


def c_lower(name: str) -> str:
    """protobuf-c's CamelToLower: AppendRequest -> append_request."""
    out, was_upper = "", True
    for char in name:
        if char.isupper():
            if not was_upper:
                out += "_"
            out += char.lower()
        else:
            out += char
        was_upper = char.isupper()
    return out


def c_type(full_name: str) -> str:
    """.loci.v1.AppendRequest -> Loci__V1__AppendRequest."""
    parts = full_name.lstrip(".").split(".")
    return "__".join([part[:1].upper() + part[1:] for part in parts])


def c_function(full_name: str) -> str:
    """.loci.v1.AppendRequest -> loci__v1__append_request."""
    return "__".join(c_lower(part) for part in full_name.lstrip(".").split("."))


def namespace(package: str) -> str:
    """loci.v1 -> V1, loci.log.v1 -> LogV1."""
    return "".join(part[:1].upper() + part[1:] for part in package.split(".")[1:])


def swift_type(full_name: str) -> str:
    """.loci.v1.Scope -> V1.Scope."""
    package, _, name = full_name.lstrip(".").rpartition(".")
    return f"{namespace(package)}.{name}"
