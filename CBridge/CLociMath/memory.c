// Memory for rows, in huge pages when there is enough of it to pay.
#define _DEFAULT_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "loci_math.h"

static const size_t huge_page_bytes = 2u << 20;

void *loci_rows_alloc(size_t bytes) {
  size_t alignment = bytes >= huge_page_bytes ? huge_page_bytes : 64;
  if (bytes > SIZE_MAX - alignment) return NULL;
  size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  if (bytes < huge_page_bytes) {
    void *memory = aligned_alloc(alignment, rounded != 0 ? rounded : alignment);
    if (memory != NULL) memset(memory, 0, rounded);
    return memory;
  }
  // Mapped by hand, for pages that are zero already and take room only when touched.
  char *mapped = mmap(NULL, rounded + alignment, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return NULL;
  size_t before = (alignment - (uintptr_t)mapped % alignment) % alignment;
  if (before != 0) munmap(mapped, before);
  if (before != alignment) munmap(mapped + before + rounded, alignment - before);
  madvise(mapped + before, rounded, MADV_HUGEPAGE);
  return mapped + before;
}

void loci_rows_free(void *memory, size_t bytes) {
  if (memory == NULL) return;
  if (bytes < huge_page_bytes) {
    free(memory);
  } else {
    munmap(memory, (bytes + huge_page_bytes - 1) / huge_page_bytes * huge_page_bytes);
  }
}
