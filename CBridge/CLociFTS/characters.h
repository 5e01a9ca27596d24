// Code points as the tokenizer sees them. Private to CLociFTS.
#ifndef LOCI_FTS_CHARACTERS_H
#define LOCI_FTS_CHARACTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { LOCI_SEPARATOR, LOCI_LETTER, LOCI_UNSPACED, LOCI_IGNORED } loci_class;

// One character, folded: no bytes when it is a separator or ignored.
typedef struct {
  loci_class class;
  size_t source_bytes;  // how far to move on, at least 1
  size_t count;         // of `bytes`
  char bytes[32];
} loci_character;

// The character at text[0, n), n > 0. Invalid UTF-8 separates.
loci_character loci_fts_character(const char *text, size_t n);

#endif
