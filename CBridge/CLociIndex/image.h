// The layout of an image. Little-endian; every section starts at a multiple of 64.
//
//   0    8  magic "LOCIVIDX"
//   8    4  version (1)          12  4  kind: 1 IVF, 2 flat
//   16   8  bytes of the image   24  8  n
//   32   4  d                    36  4  metric
//   40   4  lists                44  4  subspaces
//   48   4  width of a subspace  52  4  head
//   56   4  blocks of 32 entries 60  4  points of the curve
//   64 ..   SECTIONS entries of { u64 offset, u64 length, u32 crc32c, u32 zero }, by loci_section
//   then 4  crc32c of all before it
#ifndef LOCI_INDEX_IMAGE_H
#define LOCI_INDEX_IMAGE_H

#include "loci_index.h"

#pragma clang assume_nonnull begin

enum { LOCI_IMAGE_VERSION = 1, LOCI_KIND_IVF = 1, LOCI_KIND_FLAT = 2 };

typedef enum {
  SECTION_ORIGIN,          // f32 [d]: subtracted from rows and queries (zero unless Euclidean)
  SECTION_HEAD_MATRIX,     // f32 [head / 16][d][16]: the leading eigenvectors
  SECTION_HEAD_STEP,       // f32 [head]: what one unit of an int8 head code is worth
  SECTION_CENTROID_CODES,  // u8 [padded / 16][head / 4][16][4]: heads of the centroids
  SECTION_CENTROID_BIAS,   // f32 [lists rounded up to 128]: added to <query, centroid>; -infinity for padding
  SECTION_MEANS,           // f32 [lists][d]: what residuals are relative to
  SECTION_LIST_BLOCKS,     // u32 [lists + 1]: first block of each list
  SECTION_LIST_COUNTS,     // u32 [lists]: entries of each list
  SECTION_ENTRY_ROWS,      // u32 [blocks * 32]: row of each entry; padding repeats row 0
  SECTION_ENTRY_BIAS,      // f32 [blocks * 32]: Euclidean only, for 4-bit codes: see below
  SECTION_CODEBOOK,        // f32 [subspaces][width][16]
  SECTION_CODES,           // u8 [blocks][subspaces / 2][32]
  SECTION_PLANE,           // u8 [blocks * 2][head / 4][16][4]: int8 heads of entries, or empty
  SECTION_PLANE_BIAS,      // f32 [blocks * 32]: Euclidean only, for the plane
  SECTION_ROWS,            // u8 [n][d rounded up to 64]: int8 rows, 128 is zero
  SECTION_ROW_STEPS,       // f32 [n]: what one unit of the row's code is worth
  SECTION_ROW_BIAS,        // f32 [n]: Euclidean only, for int8 rows
  SECTION_CURVE,           // loci_index_curve_point [points]
  SECTIONS
} loci_section;

// The bias of a row x of which a code gives back y: (|x - y|^2 - |y|^2) / 2. Then <q, y> + bias is the score of x up
// to <q - x, y - x>, which is small for the rows near the query; with -|x|^2 / 2 it would be <q, y - x>, which is not.
// The plane knows the head only; of the rest of x it has -|rest|^2 / 2.

typedef struct loci_image_section {
  uint64_t offset, length;
  uint32_t crc, zero;
} loci_image_section;

typedef struct loci_image_header {
  char magic[8];
  uint32_t version, kind;
  uint64_t bytes, n;
  uint32_t d, metric, lists, subspaces, width, head, blocks, points;
  loci_image_section sections[SECTIONS];
  uint32_t crc;
} loci_image_header;

enum { LOCI_WORKERS_KEPT = 4 };

// The view. Pointers lie in the image; those of missing sections are NULL.
struct loci_index {
  loci_image_header header;
  const uint8_t *image;
  size_t row_bytes;  // d rounded up to 64
  size_t lists_padded;    // lists rounded up to 128
  size_t groups;     // head / 4
  const float *origin, *head_matrix, *head_step, *centroid_bias, *means, *codebook, *row_steps;
  const float *_Nullable entry_bias, *_Nullable plane_bias, *_Nullable row_bias;
  const uint8_t *centroid_codes, *codes, *rows;
  const uint8_t *_Nullable plane;
  const uint32_t *list_blocks, *list_counts, *entry_rows;
  const loci_index_curve_point *curve;
  const loci_index_kernels *kernels;
  size_t longest;  // entries of the longest list
  // Workers' memory between searches, so that its pages need not be had from the system each time.
  _Atomic(struct loci_worker_memory *_Nullable) kept[LOCI_WORKERS_KEPT];
};

// The length each section must have by the counts in the header. false when a count is out of range.
bool loci_image_lengths(const loci_image_header *header, uint64_t *lengths);
// Lays the sections out and allocates a zeroed image for them; header->bytes and offsets are filled in.
uint8_t *_Nullable loci_image_allocate(loci_image_header *header, bool has_plane);
// Writes checksums and header.
void loci_image_seal(uint8_t *image, loci_image_header *header);
// Sets the pointers of a view from a checked header.
void loci_image_view(const uint8_t *image, const loci_image_header *header, loci_index *index);
// Checks the lists' bounds and finds the longest.
loci_index_status loci_image_check_lists(loci_index *index);
// Frees what searches have kept.
void loci_image_release(loci_index *index);

#pragma clang assume_nonnull end

static inline size_t loci_round_up(size_t value, size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

#endif
