// One function for each tile of 1…8 rows by 1…3 vectors, and the table of them. BLOCK(rows, vectors) defines one.
#define BLOCK_ROWS(r) BLOCK(r, 1) BLOCK(r, 2) BLOCK(r, 3)
BLOCK_ROWS(1) BLOCK_ROWS(2) BLOCK_ROWS(3) BLOCK_ROWS(4) BLOCK_ROWS(5) BLOCK_ROWS(6) BLOCK_ROWS(7) BLOCK_ROWS(8)
#define NAMES(r) {block_##r##_1, block_##r##_2, block_##r##_3}
static void (*const blocks[8][3])(const loci_encoder_product *, size_t, size_t) = {
    NAMES(1), NAMES(2), NAMES(3), NAMES(4), NAMES(5), NAMES(6), NAMES(7), NAMES(8)};
#undef NAMES
#undef BLOCK_ROWS
