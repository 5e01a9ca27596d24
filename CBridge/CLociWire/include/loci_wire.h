// ttrpc on the byte level: frame headers, and the two envelopes (package ttrpc: Request, Response with
// google.rpc.Status) read in place and written without an intermediate message. Plain C11, no allocation, no
// state. Nothing here reads or writes outside the given counts, whatever the bytes say.
#ifndef LOCI_WIRE_H
#define LOCI_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma clang assume_nonnull begin

// --- Frames --------------------------------------------------------------------------------------------------

//   offset  size  field
//   0       4     bytes after the header, big-endian
//   4       4     stream id, big-endian; odd when the client made it
//   8       1     type: 1 request, 2 response, 3 data, 16 cancel (ours)
//   9       1     flags: 1 remote closed, 2 remote open, 4 no data
#define LOCI_FRAME_HEADER_BYTES 10

typedef struct loci_frame_header {
  uint32_t length;
  uint32_t stream_id;
  uint8_t type;
  uint8_t flags;
} loci_frame_header;

// `bytes` has LOCI_FRAME_HEADER_BYTES; every bit pattern is a header.
loci_frame_header loci_frame_header_read(const uint8_t *bytes);
void loci_frame_header_write(loci_frame_header header, uint8_t *out);

// --- Reading envelopes ---------------------------------------------------------------------------------------

// Why an envelope was refused.
typedef enum __attribute__((enum_extensibility(closed))) loci_wire_status : int32_t {
  LOCI_WIRE_OK __attribute__((swift_name("ok"))) = 0,
  LOCI_WIRE_TRUNCATED __attribute__((swift_name("truncated"))) = 1,    // ends inside a field, or a length lies
  LOCI_WIRE_BAD_VARINT __attribute__((swift_name("badVarint"))) = 2,   // longer than 10 bytes, or over 64 bits
  LOCI_WIRE_BAD_TAG __attribute__((swift_name("badTag"))) = 3,         // field number 0 or over 2^29 - 1
  LOCI_WIRE_BAD_TYPE __attribute__((swift_name("badWireType"))) = 4,   // a group, type 6 or 7, or not the field's
  LOCI_WIRE_TOO_LARGE __attribute__((swift_name("tooLarge"))) = 5,     // n over 2^31 - 1
} loci_wire_status;

// A part of the parsed bytes, by position. Length 0 where the field is absent.
typedef struct loci_wire_span {
  uint32_t offset;
  uint32_t length;
} loci_wire_span;

// Request { string service = 1; string method = 2; bytes payload = 3; int64 timeout_nano = 4;
//           repeated KeyValue metadata = 5; }
typedef struct loci_wire_request {
  loci_wire_span service, method, payload;
  int64_t timeout_nano;      // 0 for none
  uint32_t metadata_count;   // entries that loci_wire_metadata_next will give
} loci_wire_request;

// Reads a Request of n bytes. Singular fields: the last one wins. Unknown fields are skipped. Metadata entries
// are checked here, read later. Strings are not checked for UTF-8. O(n), without touching the payload.
loci_wire_status loci_wire_request_parse(const uint8_t *_Nullable bytes, size_t n, loci_wire_request *out);

// KeyValue { string key = 1; string value = 2; }
typedef struct loci_wire_entry {
  loci_wire_span key, value;
} loci_wire_entry;

// The next metadata entry at or after *cursor (0 at first) of a Request that parsed; false when there is none.
bool loci_wire_metadata_next(const uint8_t *_Nullable bytes, size_t n, size_t *cursor, loci_wire_entry *out);

// Response { google.rpc.Status status = 1; bytes payload = 2; }
// Status { int32 code = 1; string message = 2; repeated google.protobuf.Any details = 3; }
typedef struct loci_wire_response {
  loci_wire_span status;     // the Status message itself; the last one where there are several
  loci_wire_span message;
  loci_wire_span payload;
  int32_t code;              // 0 where the status is absent
  uint32_t details_count;
} loci_wire_response;

// Reads a Response of n bytes, as loci_wire_request_parse does a Request.
loci_wire_status loci_wire_response_parse(const uint8_t *_Nullable bytes, size_t n, loci_wire_response *out);

// Any { string type_url = 1; bytes value = 2; }
// The next detail of the Status in `bytes` (n bytes, the span's own); false when there is none.
bool loci_wire_detail_next(const uint8_t *_Nullable bytes, size_t n, size_t *cursor, loci_wire_entry *out);

// --- Writing envelopes ---------------------------------------------------------------------------------------
// Each writer puts exactly what its _size twin says at `out` and returns the byte after it. Fields are in
// ascending order, so an envelope is its head, the payload's own bytes, and its tail.

// Bytes of v as a varint, 1 to 10.
size_t loci_wire_varint_size(uint64_t v);

// Request: service, method, and the payload's tag and length (nothing for a payload of 0 bytes).
size_t loci_wire_request_head_size(size_t service, size_t method, size_t payload);
uint8_t *loci_wire_request_head_write(uint8_t *out, const uint8_t *_Nullable service, size_t service_n,
                                      const uint8_t *_Nullable method, size_t method_n, size_t payload);

// Request: timeout_nano (nothing for 0).
size_t loci_wire_timeout_size(int64_t timeout_nano);
uint8_t *loci_wire_timeout_write(uint8_t *out, int64_t timeout_nano);

// Request: one metadata entry.
size_t loci_wire_metadata_size(size_t key, size_t value);
uint8_t *loci_wire_metadata_write(uint8_t *out, const uint8_t *_Nullable key, size_t key_n,
                                  const uint8_t *_Nullable value, size_t value_n);

// Response without a status: the payload's tag and length (nothing for 0 bytes).
size_t loci_wire_response_head_size(size_t payload);
uint8_t *loci_wire_response_head_write(uint8_t *out, size_t payload);

// Response with a status and no payload: everything but the details, whose sizes (loci_wire_detail_size) sum to
// `details`. Status_size counts them.
size_t loci_wire_status_size(int32_t code, size_t message, size_t details);
uint8_t *loci_wire_status_write(uint8_t *out, int32_t code, const uint8_t *_Nullable message, size_t message_n,
                                size_t details);
size_t loci_wire_detail_size(size_t type_url, size_t value);
uint8_t *loci_wire_detail_write(uint8_t *out, const uint8_t *_Nullable type_url, size_t type_url_n,
                                const uint8_t *_Nullable value, size_t value_n);

// --- Lookup --------------------------------------------------------------------------------------------------

// A hash of (service, method) for the server's method table, which is built from trusted names only.
uint64_t loci_wire_method_hash(const uint8_t *_Nullable service, size_t service_n,
                               const uint8_t *_Nullable method, size_t method_n);

#pragma clang assume_nonnull end
#ifdef __cplusplus
}
#endif
#endif
