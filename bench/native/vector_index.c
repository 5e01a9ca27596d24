// The index core with threads, for measuring it in one process with other libraries. Built by harness/vector_index.py
// from CBridge, as it is in the server.
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "loci_index.h"

typedef struct work {
  size_t next, tasks;
  void (*task)(void *, size_t);
  void *argument;
} work;

static void *drain(void *context) {
  work *w = context;
  for (;;) {
    size_t index = __atomic_fetch_add(&w->next, 1, __ATOMIC_RELAXED);
    if (index >= w->tasks) return NULL;
    w->task(w->argument, index);
  }
}

static void run(void *context, size_t tasks, void (*task)(void *, size_t), void *argument) {
  size_t width = (size_t)context;
  work w = {.tasks = tasks, .task = task, .argument = argument};
  pthread_t threads[64];
  size_t started = 1;
  while (started < width && started < 64 && pthread_create(&threads[started], NULL, drain, &w) == 0) started++;
  drain(&w);
  for (size_t i = 1; i < started; i++) pthread_join(threads[i], NULL);
}

static loci_index_pool pool(size_t threads) {
  return (loci_index_pool){.width = threads, .context = (void *)threads, .run = threads > 1 ? run : NULL};
}

int bench_build(const float *rows, size_t n, size_t d, loci_index_build_options *options, size_t threads,
                void **image, size_t *bytes) {
  loci_index_pool p = pool(threads);
  loci_index_build_report report;
  options->soar_lambda = 1;
  return loci_ivf_build(rows, n, d, options, &p, image, bytes, &report);
}

int bench_search(const loci_index *index, const float *queries, size_t m, const loci_index_parameters *parameters,
                 size_t threads, uint32_t *rows, float *scores, uint32_t *counts,
                 loci_index_statistics *statistics) {
  loci_index_pool p = pool(threads);
  return loci_index_search(index, queries, m, parameters, &p, rows, scores, counts, statistics);
}

static double cpu_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

typedef struct limits {
  double hertz;          // cycles a second, by additions that wait for each other
  double lookups;        // 4-bit look-ups a second of the scan, codes in the cache
  double lookups_limit;  // with two shuffles of 32 bytes every cycle (Zen 4, 256-bit)
  double memory_bytes;   // read from memory a second
} limits;

int bench_limits(limits *out) {
  enum { SUBSPACES = 64, BLOCKS = 16, TURNS = 40000, ADDITIONS = 100000000 };
  const loci_index_kernels *kernels = loci_index_kernels_get(LOCI_INDEX_ISA_AVX512);
  size_t words = (size_t)256 << 17;
  uint64_t *memory = malloc(words * sizeof *memory), sum = 0;
  uint8_t *codes = malloc(BLOCKS * SUBSPACES * 16), *tables = malloc(LOCI_PQ_QUERIES * SUBSPACES * 16);
  uint16_t *scores = malloc(LOCI_PQ_QUERIES * BLOCKS * 32 * sizeof *scores);
  int status = memory == NULL || codes == NULL || tables == NULL || scores == NULL;
  if (status == 0) {
    memset(codes, 0x5a, BLOCKS * SUBSPACES * 16), memset(tables, 7, LOCI_PQ_QUERIES * SUBSPACES * 16);
    memset(memory, 1, words * sizeof *memory);
    double start = cpu_seconds();
    for (uint64_t i = 0, chain = 0; i < ADDITIONS; i++) {
      chain += i;
      __asm__ volatile("" : "+r"(chain));
    }
    out->hertz = ADDITIONS / (cpu_seconds() - start);
    start = cpu_seconds();
    for (int turn = 0; turn < TURNS; turn++) {
      kernels->pq4_scan(codes, BLOCKS, SUBSPACES, tables, LOCI_PQ_QUERIES, scores, BLOCKS * 32, NULL);
    }
    out->lookups = (double)TURNS * BLOCKS * 32 * SUBSPACES * LOCI_PQ_QUERIES / (cpu_seconds() - start);
    out->lookups_limit = out->hertz * 64;
    start = cpu_seconds();
    for (size_t i = 0; i < words; i += 8) sum += memory[i];
    __asm__ volatile("" : "+r"(sum));
    out->memory_bytes = (double)words * sizeof *memory / (cpu_seconds() - start);
  }
  free(memory), free(codes), free(tables), free(scores);
  return status;
}
