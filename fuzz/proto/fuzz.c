// Whatever bytes arrive, unpacking them into an arena gives a message or a refusal, within the arena's limit; what it
// gives can be read to the last byte, and packs to bytes that unpack to the same again.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "loci_proto.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define DEMAND(condition) \
  if (!(condition)) abort()

typedef const ProtobufCMessageDescriptor *descriptor_of(void);

// The first byte of the input chooses. New ones at the end: the corpus goes by these numbers.
static descriptor_of *const messages[] = {
    loci_proto_descriptor_loci__v1__append_request,
    loci_proto_descriptor_loci__v1__append_stream_request,
    loci_proto_descriptor_loci__v1__add_memories_request,
    loci_proto_descriptor_loci__v1__update_memory_request,
    loci_proto_descriptor_loci__v1__search_memories_request,
    loci_proto_descriptor_loci__v1__search_messages_request,
    loci_proto_descriptor_loci__v1__list_messages_request,
    loci_proto_descriptor_loci__v1__encode_request,
    loci_proto_descriptor_loci__v1__encode_response,
    loci_proto_descriptor_loci__v1__echo_request,
    loci_proto_descriptor_loci__v1__stats_response,
    loci_proto_descriptor_loci__log__v1__event,
};

static uint64_t read_message(ProtobufCMessage *message);

static uint64_t read_bytes(const uint8_t *bytes, size_t count) {
  uint64_t sum = count;
  for (size_t i = 0; i < count; i++) sum = sum * 31 + bytes[i];
  return sum;
}

static size_t size_of(ProtobufCType type) {
  switch (type) {
  case PROTOBUF_C_TYPE_INT64:
  case PROTOBUF_C_TYPE_UINT64:
  case PROTOBUF_C_TYPE_SINT64:
  case PROTOBUF_C_TYPE_FIXED64:
  case PROTOBUF_C_TYPE_SFIXED64:
  case PROTOBUF_C_TYPE_DOUBLE: return 8;
  default: return 4; // a bool is an int, an enum too
  }
}

static uint64_t read_one(const ProtobufCFieldDescriptor *field, const void *place) {
  switch (field->type) {
  case PROTOBUF_C_TYPE_BYTES: {
    const ProtobufCBinaryData *data = place;
    return read_bytes(data->data, data->len);
  }
  case PROTOBUF_C_TYPE_MESSAGE: {
    ProtobufCMessage *message = *(ProtobufCMessage *const *)place;
    return message == NULL ? 0 : read_message(message);
  }
  case PROTOBUF_C_TYPE_STRING: abort(); // scripts/generate makes them bytes
  default: return read_bytes(place, size_of(field->type));
  }
}

static uint64_t read_field(const ProtobufCFieldDescriptor *field, const unsigned char *message) {
  const void *place = message + field->offset;
  if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
    uint32_t chosen = *(const uint32_t *)(message + field->quantifier_offset);
    return chosen == field->id ? read_one(field, place) : 0;
  }
  if (field->label != PROTOBUF_C_LABEL_REPEATED) return read_one(field, place);
  size_t count = *(const size_t *)(message + field->quantifier_offset);
  const unsigned char *elements = *(const unsigned char *const *)place;
  size_t stride = field->type == PROTOBUF_C_TYPE_BYTES     ? sizeof(ProtobufCBinaryData)
                  : field->type == PROTOBUF_C_TYPE_MESSAGE ? sizeof(void *)
                                                           : size_of(field->type);
  uint64_t sum = count;
  for (size_t i = 0; i < count; i++) sum += read_one(field, elements + i * stride);
  return sum;
}

// Reads everything, and then forgets what the contract does not know, as our values do: protobuf-c takes an unknown
// field 0 when its tag is overlong, and could not read what it would write of it.
static uint64_t read_message(ProtobufCMessage *message) {
  uint64_t sum = 0;
  for (unsigned i = 0; i < message->descriptor->n_fields; i++)
    sum += read_field(&message->descriptor->fields[i], (const unsigned char *)message);
  for (unsigned i = 0; i < message->n_unknown_fields; i++)
    sum += read_bytes(message->unknown_fields[i].data, message->unknown_fields[i].len);
  message->n_unknown_fields = 0;
  return sum;
}

static uint8_t *pack(const ProtobufCMessage *message, size_t *size) {
  *size = protobuf_c_message_get_packed_size(message);
  uint8_t *bytes = malloc(*size);
  DEMAND(protobuf_c_message_pack(message, bytes) == *size);
  return bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size) {
  static loci_arena *arena, *second;
  static volatile uint64_t seen;
  if (arena == NULL) arena = loci_arena_create(), second = loci_arena_create();
  if (size == 0) return 0;
  const ProtobufCMessageDescriptor *descriptor = messages[*input % COUNT(messages)]();
  input++, size--;

  // A small limit now and then, so that every allocation fails at some time.
  size_t limit = size > 0 && input[size - 1] == 0xA5 ? 64 * (size_t)input[0] : 8 * size + (256 << 10);
  loci_arena_reset(arena, limit);
  ProtobufCMessage *message =
      protobuf_c_message_unpack(descriptor, loci_arena_allocator(arena), size, input);
  DEMAND(loci_arena_used(arena) <= limit);
  if (message == NULL) return 0;
  seen += read_message(message);

  size_t first_size, second_size;
  uint8_t *first_bytes = pack(message, &first_size);
  loci_arena_reset(second, SIZE_MAX);
  ProtobufCMessage *again =
      protobuf_c_message_unpack(descriptor, loci_arena_allocator(second), first_size, first_bytes);
  DEMAND(again != NULL);
  uint8_t *second_bytes = pack(again, &second_size);
  DEMAND(first_size == second_size && memcmp(first_bytes, second_bytes, first_size) == 0);
  free(first_bytes);
  free(second_bytes);
  return 0;
}
