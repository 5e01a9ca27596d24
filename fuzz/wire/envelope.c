// libFuzzer target for the envelope code: whatever the bytes, nothing is read or written outside them, and what
// parses survives being written and parsed again.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loci_wire.h"

#define CHECK(condition)                                                \
  do {                                                                  \
    if (!(condition)) {                                                 \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
      abort();                                                          \
    }                                                                   \
  } while (0)

static bool same(const uint8_t *a, loci_wire_span x, const uint8_t *b, loci_wire_span y) {
  return x.length == y.length && (x.length == 0 || memcmp(a + x.offset, b + y.offset, x.length) == 0);
}

static void check_span(loci_wire_span span, size_t n) { CHECK((size_t)span.offset + span.length <= n); }

static void fuzz_request(const uint8_t *bytes, size_t n) {
  loci_wire_request request;
  const loci_wire_status status = loci_wire_request_parse(bytes, n, &request);
  if (status != LOCI_WIRE_OK) return;
  check_span(request.service, n);
  check_span(request.method, n);
  check_span(request.payload, n);

  size_t size = loci_wire_request_head_size(request.service.length, request.method.length, request.payload.length) +
                request.payload.length + loci_wire_timeout_size(request.timeout_nano);
  loci_wire_entry entry;
  uint32_t count = 0;
  for (size_t cursor = 0; loci_wire_metadata_next(bytes, n, &cursor, &entry); count++) {
    check_span(entry.key, n);
    check_span(entry.value, n);
    size += loci_wire_metadata_size(entry.key.length, entry.value.length);
  }
  CHECK(count == request.metadata_count);

  uint8_t *copy = malloc(size + 1);
  uint8_t *out = loci_wire_request_head_write(copy, bytes + request.service.offset, request.service.length,
                                              bytes + request.method.offset, request.method.length,
                                              request.payload.length);
  if (request.payload.length > 0) memcpy(out, bytes + request.payload.offset, request.payload.length);
  out = loci_wire_timeout_write(out + request.payload.length, request.timeout_nano);
  for (size_t cursor = 0; loci_wire_metadata_next(bytes, n, &cursor, &entry);) {
    out = loci_wire_metadata_write(out, bytes + entry.key.offset, entry.key.length, bytes + entry.value.offset,
                                   entry.value.length);
  }
  CHECK(out == copy + size);

  loci_wire_request again;
  CHECK(loci_wire_request_parse(copy, size, &again) == LOCI_WIRE_OK);
  CHECK(same(bytes, request.service, copy, again.service));
  CHECK(same(bytes, request.method, copy, again.method));
  CHECK(same(bytes, request.payload, copy, again.payload));
  CHECK(request.timeout_nano == again.timeout_nano);
  CHECK(request.metadata_count == again.metadata_count);
  size_t a = 0, b = 0;
  loci_wire_entry other;
  while (loci_wire_metadata_next(bytes, n, &a, &entry)) {
    CHECK(loci_wire_metadata_next(copy, size, &b, &other));
    CHECK(same(bytes, entry.key, copy, other.key) && same(bytes, entry.value, copy, other.value));
  }
  (void)loci_wire_method_hash(copy + again.service.offset, again.service.length, copy + again.method.offset,
                              again.method.length);
  free(copy);
}

static void fuzz_response(const uint8_t *bytes, size_t n) {
  loci_wire_response response;
  if (loci_wire_response_parse(bytes, n, &response) != LOCI_WIRE_OK) return;
  check_span(response.status, n);
  check_span(response.message, n);
  check_span(response.payload, n);

  const uint8_t *status = bytes + response.status.offset;
  const size_t status_n = response.status.length;
  loci_wire_entry entry;
  uint32_t count = 0;
  size_t details = 0;
  for (size_t cursor = 0; loci_wire_detail_next(status, status_n, &cursor, &entry); count++) {
    check_span(entry.key, status_n);
    check_span(entry.value, status_n);
    details += loci_wire_detail_size(entry.key.length, entry.value.length);
  }
  CHECK(count == response.details_count);

  const size_t size = loci_wire_status_size(response.code, response.message.length, details);
  uint8_t *copy = malloc(size);
  uint8_t *out = loci_wire_status_write(copy, response.code, bytes + response.message.offset,
                                        response.message.length, details);
  for (size_t cursor = 0; loci_wire_detail_next(status, status_n, &cursor, &entry);) {
    out = loci_wire_detail_write(out, status + entry.key.offset, entry.key.length, status + entry.value.offset,
                                 entry.value.length);
  }
  CHECK(out == copy + size);
  loci_wire_response again;
  CHECK(loci_wire_response_parse(copy, size, &again) == LOCI_WIRE_OK);
  CHECK(again.code == response.code && again.details_count == response.details_count);
  CHECK(same(bytes, response.message, copy, again.message));
  free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  // A copy of exactly its size, so that the sanitizer sees every read past the end.
  uint8_t *bytes = malloc(size + (size == 0));
  if (size > 0) memcpy(bytes, data, size);
  fuzz_request(bytes, size);
  fuzz_response(bytes, size);
  if (size >= LOCI_FRAME_HEADER_BYTES) {
    uint8_t header[LOCI_FRAME_HEADER_BYTES];
    loci_frame_header_write(loci_frame_header_read(bytes), header);
    CHECK(memcmp(header, bytes, sizeof header) == 0);
  }
  free(bytes);
  return 0;
}
