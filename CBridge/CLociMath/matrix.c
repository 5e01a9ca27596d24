// Matrix products through the BLAS interface. OpenBLAS is only looked up, never linked.
#define _GNU_SOURCE
#include <cblas.h>
#include <dlfcn.h>
#include <pthread.h>

#include "loci_math.h"

static pthread_once_t prepared = PTHREAD_ONCE_INIT;
static const char *name = "unknown";
static bool is_fast = false;

static void prepare(void) {
  void (*set_threads)(int) = (void (*)(int))dlsym(RTLD_DEFAULT, "openblas_set_num_threads");
  if (set_threads != NULL) set_threads(1);
  const char *(*config)(void) = (const char *(*)(void))dlsym(RTLD_DEFAULT, "openblas_get_config");
  if (config == NULL) return;
  name = config();
  is_fast = true;
}

bool loci_blas_is_fast(void) {
  pthread_once(&prepared, prepare);
  return is_fast;
}

const char *loci_blas_name(void) {
  pthread_once(&prepared, prepare);
  return name;
}

void loci_scores_matrix(const float *queries, size_t m, const float *rows, size_t n, size_t dim,
                        float *scores, size_t stride) {
  pthread_once(&prepared, prepare);
  if (m == 0 || n == 0) return;
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)m, (int)n, (int)dim, 1.0f, queries, (int)dim,
              rows, (int)dim, 0.0f, scores, (int)stride);
}
