// CRC-32C (Castagnoli), as in RFC 3720, of bytes. Private to CLociIndex.
#ifndef LOCI_INDEX_CRC32C_H
#define LOCI_INDEX_CRC32C_H
#include <stddef.h>
#include <stdint.h>

uint32_t loci_index_crc32c(const void *bytes, size_t count);
// The reference: bit by bit.
uint32_t loci_index_crc32c_plain(const void *bytes, size_t count);
#endif
