"""Each rule refuses what it is about, and a sound contract passes."""
import os
import subprocess
import sys
import tempfile
import unittest

from google.protobuf.descriptor_pb2 import FileDescriptorSet

sys.path.insert(0, os.path.dirname(__file__))
import rules  # noqa: E402

REFUSED = {
    "message A { A a = 1; }": "contains itself",
    "message A { B b = 1; } message B { repeated C c = 1; } message C { A a = 1; }": ".t.v1.B: contains itself",
    "message A { optional int32 a = 1; }": "one-field oneof",
    "message A { map<string, string> a = 1; }": "maps",
    "message A { message B {} }": "nested messages",
    "message A { enum B { B_UNSPECIFIED = 0; } }": "nested enums",
    "message A { repeated int32 a = 1 [packed = false]; }": "must be packed",
    "message A { int32 register = 1; }": "C keyword",
    "message A { int32 n_items = 1; }": "counts",
    "message A { oneof a { int32 kind_case = 1; } }": "counts",
    "message A {} service S { rpc Do(A) returns (A); }": "method Do is a C keyword",
    "enum A { B = 0; }": "_UNSPECIFIED",
}
SOUND = """
enum K { K_UNSPECIFIED = 0; K_A = 1; }
message A { string a = 1; repeated float b = 2; oneof c { B d = 3; } K e = 4; }
message B { repeated string a = 1; }
service S { rpc Go(A) returns (stream B); }
"""


def problems(body, syntax="proto3"):
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/t.proto", "w", encoding="utf-8") as file:
            file.write(f'syntax = "{syntax}"; package t.v1;\n{body}')
        subprocess.run(["protoc", f"-I{folder}", f"--descriptor_set_out={folder}/set", "t.proto"], check=True)
        with open(f"{folder}/set", "rb") as file:
            return rules.check(FileDescriptorSet.FromString(file.read()).file)


class Rules(unittest.TestCase):
    def test_refusals(self):
        for body, reason in REFUSED.items():
            with self.subTest(body):
                self.assertIn(reason, "\n".join(problems(body)))

    def test_groups_and_proto2(self):
        found = "\n".join(problems("message A { optional group B = 1 {} }", "proto2"))
        self.assertIn("groups", found)
        self.assertIn("must be proto3", found)

    def test_a_sound_contract(self):
        self.assertEqual(problems(SOUND), [])


if __name__ == "__main__":
    # Quiet unless something fails: it runs at the start of every generation.
    result = unittest.TextTestRunner(stream=open(os.devnull, "w"), verbosity=0).run(
        unittest.defaultTestLoader.loadTestsFromTestCase(Rules))
    for _, trace in result.failures + result.errors:
        print(trace, file=sys.stderr)
    sys.exit(not result.wasSuccessful())
