// The index core with threads, for measuring it in one process with other libraries. Built by harness/vector_index.py
// from CBridge, as it is in the server.
#include <pthread.h>
#include <stdlib.h>

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
