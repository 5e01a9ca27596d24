#include "loci_wire.h"

static uint32_t read_u32(const uint8_t *p) {
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

static void write_u32(uint8_t *p, uint32_t v) {
  p[0] = (uint8_t)(v >> 24);
  p[1] = (uint8_t)(v >> 16);
  p[2] = (uint8_t)(v >> 8);
  p[3] = (uint8_t)v;
}

loci_frame_header loci_frame_header_read(const uint8_t *bytes) {
  return (loci_frame_header){read_u32(bytes), read_u32(bytes + 4), bytes[8], bytes[9]};
}

void loci_frame_header_write(loci_frame_header header, uint8_t *out) {
  write_u32(out, header.length);
  write_u32(out + 4, header.stream_id);
  out[8] = header.type;
  out[9] = header.flags;
}
