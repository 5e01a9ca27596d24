// Walking the fields of one protobuf message, bounds first.
#ifndef LOCI_PROTOBUF_READER_H
#define LOCI_PROTOBUF_READER_H

#include "loci_wire.h"

enum { LOCI_TYPE_VARINT = 0, LOCI_TYPE_FIXED64 = 1, LOCI_TYPE_BYTES = 2, LOCI_TYPE_FIXED32 = 5 };

typedef struct loci_field {
  uint32_t number;
  uint32_t type;
  uint64_t varint;      // type VARINT
  loci_wire_span span;  // type BYTES
} loci_field;

static inline loci_wire_status loci_read_varint(const uint8_t *bytes, size_t n, size_t *at, uint64_t *out) {
  uint64_t value = 0;
  for (unsigned i = 0; i < 10; i++) {
    if (*at >= n) return LOCI_WIRE_TRUNCATED;
    const uint8_t byte = bytes[(*at)++];
    if (i == 9 && byte > 1) return LOCI_WIRE_BAD_VARINT;
    value |= (uint64_t)(byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      *out = value;
      return LOCI_WIRE_OK;
    }
  }
  return LOCI_WIRE_BAD_VARINT;
}

// Reads the field at *at < n and moves *at behind it.
static inline loci_wire_status loci_read_field(const uint8_t *bytes, size_t n, size_t *at, loci_field *out) {
  uint64_t tag = 0;
  loci_wire_status status = loci_read_varint(bytes, n, at, &tag);
  if (status != LOCI_WIRE_OK) return status;
  if (tag > UINT32_MAX || tag < 8) return LOCI_WIRE_BAD_TAG;
  out->number = (uint32_t)(tag >> 3);
  out->type = (uint32_t)(tag & 7);
  uint64_t length = 0;
  switch (out->type) {
    case LOCI_TYPE_VARINT:
      return loci_read_varint(bytes, n, at, &out->varint);
    case LOCI_TYPE_FIXED64:
      length = 8;
      break;
    case LOCI_TYPE_FIXED32:
      length = 4;
      break;
    case LOCI_TYPE_BYTES:
      status = loci_read_varint(bytes, n, at, &length);
      if (status != LOCI_WIRE_OK) return status;
      break;
    default:
      return LOCI_WIRE_BAD_TYPE;
  }
  if (length > n - *at) return LOCI_WIRE_TRUNCATED;
  out->span = (loci_wire_span){(uint32_t)*at, (uint32_t)length};
  *at += (size_t)length;
  return LOCI_WIRE_OK;
}

#endif
