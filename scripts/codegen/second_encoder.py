"""Reads lines "loci.v1.Page 0896…", decodes each with the reference implementation, and prints how that encodes
it again, fields that it does not know dropped. The argument is a descriptor set."""
import sys

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import FileDescriptorSet

with open(sys.argv[1], "rb") as file:
    descriptors = FileDescriptorSet.FromString(file.read())
pool = descriptor_pool.DescriptorPool()
for descriptor in descriptors.file:
    pool.Add(descriptor)
factory = message_factory.MessageFactory(pool)
for line in sys.stdin:
    name, _, encoded = line.rstrip("\n").partition(" ")
    message = factory.GetPrototype(pool.FindMessageTypeByName(name))()
    message.ParseFromString(bytes.fromhex(encoded))
    message.DiscardUnknownFields()
    print(message.SerializeToString(deterministic=True).hex())
