// Principal axes through BLAS and LAPACK.
#include <cblas.h>
#include <stdlib.h>

#include "loci_math.h"

// The Fortran interface: columns first, arguments by reference.
extern void ssyevd_(const char *jobz, const char *uplo, const int *n, float *a, const int *lda, float *w,
                    float *work, const int *lwork, int *iwork, const int *liwork, int *info);

void loci_add_second_moment(const float *rows, size_t n, size_t dim, float *moment) {
  if (n == 0 || dim == 0) return;
  loci_blas_is_fast();  // holds OpenBLAS to one thread
  cblas_ssyrk(CblasRowMajor, CblasUpper, CblasTrans, (int)dim, (int)n, 1.0f, rows, (int)dim, 1.0f, moment,
              (int)dim);
  for (size_t i = 0; i < dim; i++) {
    for (size_t j = 0; j < i; j++) moment[i * dim + j] = moment[j * dim + i];
  }
}

bool loci_eigen_symmetric(float *matrix, size_t dim, float *values) {
  if (dim == 0) return true;
  loci_blas_is_fast();
  int n = (int)dim, floats = -1, integers = -1, info = 0, best_integers = 0;
  float best_floats = 0;
  ssyevd_("V", "U", &n, matrix, &n, values, &best_floats, &floats, &best_integers, &integers, &info);
  if (info != 0) return false;
  // The size comes back as a float: rounded up so that it is not short of it.
  floats = (int)(best_floats * 1.0001f) + 1;
  integers = best_integers;
  float *work = malloc((size_t)floats * sizeof *work);
  int *more = malloc((size_t)integers * sizeof *more);
  if (work != NULL && more != NULL) {
    ssyevd_("V", "U", &n, matrix, &n, values, work, &floats, more, &integers, &info);
  } else {
    info = 1;
  }
  free(work);
  free(more);
  return info == 0;
}
