#include <string.h>

#include "protobuf_reader.h"

// KeyValue and Any have the same shape: two length-delimited fields, numbers 1 and 2. Offsets in `out` are from
// `bytes`; the entry itself is `span`.
static loci_wire_status read_entry(const uint8_t *bytes, loci_wire_span span, loci_wire_entry *out) {
  const size_t end = (size_t)span.offset + span.length;
  size_t at = span.offset;
  *out = (loci_wire_entry){{span.offset, 0}, {span.offset, 0}};
  while (at < end) {
    loci_field field;
    const loci_wire_status status = loci_read_field(bytes, end, &at, &field);
    if (status != LOCI_WIRE_OK) return status;
    if (field.number > 2) continue;
    if (field.type != LOCI_TYPE_BYTES) return LOCI_WIRE_BAD_TYPE;
    *(field.number == 1 ? &out->key : &out->value) = field.span;
  }
  return LOCI_WIRE_OK;
}

// The next entry of field `number` at or after *cursor, in bytes that parsed before.
static bool next_entry(const uint8_t *bytes, size_t n, uint32_t number, size_t *cursor, loci_wire_entry *out) {
  while (*cursor < n) {
    loci_field field;
    if (loci_read_field(bytes, n, cursor, &field) != LOCI_WIRE_OK) return false;
    if (field.number == number && field.type == LOCI_TYPE_BYTES) {
      return read_entry(bytes, field.span, out) == LOCI_WIRE_OK;
    }
  }
  return false;
}

loci_wire_status loci_wire_request_parse(const uint8_t *bytes, size_t n, loci_wire_request *out) {
  memset(out, 0, sizeof *out);
  if (n > INT32_MAX) return LOCI_WIRE_TOO_LARGE;
  size_t at = 0;
  while (at < n) {
    loci_field field;
    loci_wire_status status = loci_read_field(bytes, n, &at, &field);
    if (status != LOCI_WIRE_OK) return status;
    if (field.number > 5) continue;
    if (field.type != (field.number == 4 ? LOCI_TYPE_VARINT : LOCI_TYPE_BYTES)) return LOCI_WIRE_BAD_TYPE;
    loci_wire_entry entry;
    switch (field.number) {
      case 1: out->service = field.span; break;
      case 2: out->method = field.span; break;
      case 3: out->payload = field.span; break;
      case 4: out->timeout_nano = (int64_t)field.varint; break;
      default:
        status = read_entry(bytes, field.span, &entry);
        if (status != LOCI_WIRE_OK) return status;
        out->metadata_count++;
    }
  }
  return LOCI_WIRE_OK;
}

bool loci_wire_metadata_next(const uint8_t *bytes, size_t n, size_t *cursor, loci_wire_entry *out) {
  return next_entry(bytes, n, 5, cursor, out);
}

// Fills the status part of `out` from the Status message at `span`.
static loci_wire_status read_status(const uint8_t *bytes, loci_wire_span span, loci_wire_response *out) {
  const size_t end = (size_t)span.offset + span.length;
  size_t at = span.offset;
  out->status = span;
  out->message = (loci_wire_span){span.offset, 0};
  out->code = 0;
  out->details_count = 0;
  while (at < end) {
    loci_field field;
    loci_wire_status status = loci_read_field(bytes, end, &at, &field);
    if (status != LOCI_WIRE_OK) return status;
    if (field.number > 3) continue;
    if (field.type != (field.number == 1 ? LOCI_TYPE_VARINT : LOCI_TYPE_BYTES)) return LOCI_WIRE_BAD_TYPE;
    loci_wire_entry entry;
    switch (field.number) {
      case 1: out->code = (int32_t)(uint32_t)field.varint; break;
      case 2: out->message = field.span; break;
      default:
        status = read_entry(bytes, field.span, &entry);
        if (status != LOCI_WIRE_OK) return status;
        out->details_count++;
    }
  }
  return LOCI_WIRE_OK;
}

loci_wire_status loci_wire_response_parse(const uint8_t *bytes, size_t n, loci_wire_response *out) {
  memset(out, 0, sizeof *out);
  if (n > INT32_MAX) return LOCI_WIRE_TOO_LARGE;
  size_t at = 0;
  while (at < n) {
    loci_field field;
    loci_wire_status status = loci_read_field(bytes, n, &at, &field);
    if (status != LOCI_WIRE_OK) return status;
    if (field.number > 2) continue;
    if (field.type != LOCI_TYPE_BYTES) return LOCI_WIRE_BAD_TYPE;
    if (field.number == 2) {
      out->payload = field.span;
      continue;
    }
    status = read_status(bytes, field.span, out);
    if (status != LOCI_WIRE_OK) return status;
  }
  return LOCI_WIRE_OK;
}

bool loci_wire_detail_next(const uint8_t *bytes, size_t n, size_t *cursor, loci_wire_entry *out) {
  return next_entry(bytes, n, 3, cursor, out);
}
