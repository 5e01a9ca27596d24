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

extern void sgesdd_(const char *jobz, const int *m, const int *n, float *a, const int *lda, float *s, float *u,
                    const int *ldu, float *vt, const int *ldvt, float *work, const int *lwork, int *iwork,
                    int *info);

bool loci_nearest_rotation(float *matrix, size_t dim) {
  if (dim == 0) return true;
  loci_blas_is_fast();
  int n = (int)dim, lwork = -1, info = 0;
  float wanted = 0;
  float *u = malloc(dim * dim * sizeof *u), *vt = malloc(dim * dim * sizeof *vt), *s = malloc(dim * sizeof *s);
  int *integers = malloc(8 * dim * sizeof *integers);
  float *work = NULL;
  if (u == NULL || vt == NULL || s == NULL || integers == NULL) info = 1;
  if (info == 0) sgesdd_("A", &n, &n, matrix, &n, s, u, &n, vt, &n, &wanted, &lwork, integers, &info);
  if (info == 0) {
    lwork = (int)(wanted * 1.0001f) + 1;
    work = malloc((size_t)lwork * sizeof *work);
    if (work == NULL) info = 1;
  }
  if (info == 0) sgesdd_("A", &n, &n, matrix, &n, s, u, &n, vt, &n, work, &lwork, integers, &info);
  if (info == 0) {
    cblas_sgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, n, n, n, 1.0f, u, n, vt, n, 0.0f, matrix, n);
  }
  free(u), free(vt), free(s), free(integers), free(work);
  return info == 0;
}

void loci_multiply(const float *a, const float *b, size_t n, size_t k, size_t m, bool transposes_a, float *out) {
  if (n == 0 || m == 0 || k == 0) return;
  loci_blas_is_fast();
  cblas_sgemm(CblasRowMajor, transposes_a ? CblasTrans : CblasNoTrans, CblasNoTrans, (int)n, (int)m, (int)k, 1.0f,
              a, transposes_a ? (int)n : (int)k, b, (int)m, 0.0f, out, (int)m);
}
