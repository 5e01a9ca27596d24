// What the tokenizers need of Unicode: strict UTF-8, character classes, canonical decomposition,
// lower case, and folding for search. Everything here is a pure function of its arguments over
// constant tables; scripts/unicode-tables makes them from Unicode 14.0 and notes where HuggingFace's
// BERT tokenizer differs from it. A code point above 0x10FFFF has no flags and maps to itself.

#ifndef LOCI_UNICODE_H
#define LOCI_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma clang assume_nonnull begin

// ---- UTF-8 ----

#define LOCI_UTF8_REPLACEMENT 0xFFFDu

/// Reads the code point at the start of `bytes` into `code` and returns how many bytes it took: 1 to 4,
/// or 0 when `count` is 0. Ill-formed input (overlong forms, surrogates, above 0x10FFFF, truncated)
/// gives U+FFFD for each maximal ill-formed part, as the Unicode standard recommends in section 3.9.
size_t loci_utf8_decode(const uint8_t *_Nullable bytes, size_t count, uint32_t *code);

/// Writes `code` as 1 to 4 bytes to `out` and returns their number. A surrogate or a value above
/// 0x10FFFF is written as U+FFFD.
size_t loci_utf8_encode(uint32_t code, uint8_t *out);

/// True when all `count` bytes are well-formed UTF-8.
bool loci_utf8_is_valid(const uint8_t *_Nullable bytes, size_t count);

// ---- Grapheme clusters ----

/// Bytes of the extended grapheme cluster (UAX #29) that `bytes` starts with, 0 when `count` is 0. Breaks where
/// HuggingFace's tokenizers do (scripts/grapheme-tables). Ill-formed bytes read as U+FFFD.
size_t loci_grapheme_next(const uint8_t *_Nullable bytes, size_t count);

// ---- Classes ----

enum {
  LOCI_UNICODE_LETTER = 1 << 0,        ///< general category L*
  LOCI_UNICODE_NUMBER = 1 << 1,        ///< general category N*
  LOCI_UNICODE_PUNCTUATION = 1 << 2,   ///< general category P*
  LOCI_UNICODE_NONSPACING = 1 << 3,    ///< general category Mn
  LOCI_UNICODE_WHITE_SPACE = 1 << 4,   ///< property White_Space
  LOCI_UNICODE_CONTROL = 1 << 5,       ///< general category Cc, Cf, Co or Cs
  LOCI_UNICODE_UNASSIGNED = 1 << 6,    ///< general category Cn
  LOCI_UNICODE_CJK = 1 << 7,           ///< Han, kana and Hangul letters, half-width forms included
  LOCI_UNICODE_BERT_DROPPED = 1 << 8,  ///< removed by BertNormalizer's clean_text
  LOCI_UNICODE_BERT_SPACED = 1 << 9,   ///< given spaces on both sides by handle_chinese_chars
  LOCI_UNICODE_BERT_STRIPPED = 1 << 10,  ///< removed by strip_accents, after decomposition
  LOCI_UNICODE_BERT_ISOLATED = 1 << 11,  ///< a word of its own to BertPreTokenizer
  LOCI_UNICODE_BERT_ATOMIC = 1 << 12     ///< not decomposed by strip_accents
};

/// The union of the flags above that hold for `code`.
uint32_t loci_unicode_flags(uint32_t code);

/// The canonical combining class that HuggingFace's NFD uses: 0 for starters, else 1 to 254.
uint8_t loci_unicode_combining_class(uint32_t code);

/// True for Han, kana and Hangul letters: text that is written without spaces between words.
bool loci_unicode_is_cjk(uint32_t code);

/// True for letters and numbers of every script (L*, N*).
bool loci_unicode_is_alnum(uint32_t code);

// ---- Mappings of one code point to a short sequence ----

#define LOCI_UNICODE_DECOMPOSED_MAX 4
#define LOCI_UNICODE_LOWER_MAX 3
#define LOCI_UNICODE_FOLDED_MAX 4

/// Writes the full canonical decomposition (NFD; Hangul included) of `code` to `out`, which has room for
/// `LOCI_UNICODE_DECOMPOSED_MAX`, and returns its length: 1 when `code` does not decompose.
size_t loci_unicode_decompose(uint32_t code, uint32_t *out);

/// Writes the full lower-case mapping of `code` to `out`, which has room for `LOCI_UNICODE_LOWER_MAX`,
/// and returns its length, at least 1. Independent of context: capital sigma always gives U+03C3.
size_t loci_unicode_lower(uint32_t code, uint32_t *out);

/// Writes the form of `code` that search compares to `out`, which has room for
/// `LOCI_UNICODE_FOLDED_MAX`, and returns its length. Width variants become their usual form (full-width
/// letters ASCII, half-width kana full-width), accents and other non-spacing marks go, case is folded
/// ("ß" gives "ss", final sigma U+03C3). 0 for a code point that search ignores: non-spacing marks
/// (voiced-kana marks among them, so "が" and "か" fold alike) and invisible format controls.
/// Hangul syllables stay whole.
size_t loci_unicode_fold(uint32_t code, uint32_t *out);

#pragma clang assume_nonnull end

#ifdef __cplusplus
}
#endif

#endif
