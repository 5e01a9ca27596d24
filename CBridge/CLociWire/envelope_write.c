#include <string.h>

#include "loci_wire.h"

size_t loci_wire_varint_size(uint64_t v) {
  return (size_t)((63 - (unsigned)__builtin_clzll(v | 1)) / 7 + 1);
}

static uint8_t *write_varint(uint8_t *out, uint64_t v) {
  while (v >= 0x80) {
    *out++ = (uint8_t)(v | 0x80);
    v >>= 7;
  }
  *out++ = (uint8_t)v;
  return out;
}

// Every field number here is below 16, so a tag is one byte.
static size_t head_size(size_t n) { return 1 + loci_wire_varint_size(n); }
static size_t field_size(size_t n) { return n == 0 ? 0 : head_size(n) + n; }

static uint8_t *write_head(uint8_t *out, unsigned number, size_t n) {
  *out++ = (uint8_t)(number << 3 | 2);
  return write_varint(out, n);
}

static uint8_t *write_field(uint8_t *out, unsigned number, const uint8_t *bytes, size_t n) {
  if (n == 0) return out;
  out = write_head(out, number, n);
  memcpy(out, bytes, n);
  return out + n;
}

size_t loci_wire_request_head_size(size_t service, size_t method, size_t payload) {
  return field_size(service) + field_size(method) + (payload == 0 ? 0 : head_size(payload));
}

uint8_t *loci_wire_request_head_write(uint8_t *out, const uint8_t *service, size_t service_n,
                                      const uint8_t *method, size_t method_n, size_t payload) {
  out = write_field(out, 1, service, service_n);
  out = write_field(out, 2, method, method_n);
  return payload == 0 ? out : write_head(out, 3, payload);
}

size_t loci_wire_timeout_size(int64_t timeout_nano) {
  return timeout_nano == 0 ? 0 : 1 + loci_wire_varint_size((uint64_t)timeout_nano);
}

uint8_t *loci_wire_timeout_write(uint8_t *out, int64_t timeout_nano) {
  if (timeout_nano == 0) return out;
  *out++ = 4 << 3;
  return write_varint(out, (uint64_t)timeout_nano);
}

// An entry is written even when it is empty: its presence counts.
static uint8_t *write_entry(uint8_t *out, unsigned number, const uint8_t *key, size_t key_n,
                            const uint8_t *value, size_t value_n) {
  out = write_head(out, number, field_size(key_n) + field_size(value_n));
  out = write_field(out, 1, key, key_n);
  return write_field(out, 2, value, value_n);
}

static size_t entry_size(size_t key, size_t value) {
  const size_t n = field_size(key) + field_size(value);
  return head_size(n) + n;
}

size_t loci_wire_metadata_size(size_t key, size_t value) { return entry_size(key, value); }

uint8_t *loci_wire_metadata_write(uint8_t *out, const uint8_t *key, size_t key_n, const uint8_t *value,
                                  size_t value_n) {
  return write_entry(out, 5, key, key_n, value, value_n);
}

size_t loci_wire_response_head_size(size_t payload) { return payload == 0 ? 0 : head_size(payload); }

uint8_t *loci_wire_response_head_write(uint8_t *out, size_t payload) {
  return payload == 0 ? out : write_head(out, 2, payload);
}

// int32 is sign-extended on the wire.
static size_t status_body_size(int32_t code, size_t message, size_t details) {
  return (code == 0 ? 0 : 1 + loci_wire_varint_size((uint64_t)(int64_t)code)) + field_size(message) + details;
}

size_t loci_wire_status_size(int32_t code, size_t message, size_t details) {
  const size_t n = status_body_size(code, message, details);
  return head_size(n) + n;
}

uint8_t *loci_wire_status_write(uint8_t *out, int32_t code, const uint8_t *message, size_t message_n,
                                size_t details) {
  out = write_head(out, 1, status_body_size(code, message_n, details));
  if (code != 0) {
    *out++ = 1 << 3;
    out = write_varint(out, (uint64_t)(int64_t)code);
  }
  return write_field(out, 2, message, message_n);
}

size_t loci_wire_detail_size(size_t type_url, size_t value) { return entry_size(type_url, value); }

uint8_t *loci_wire_detail_write(uint8_t *out, const uint8_t *type_url, size_t type_url_n, const uint8_t *value,
                                size_t value_n) {
  return write_entry(out, 3, type_url, type_url_n, value, value_n);
}
