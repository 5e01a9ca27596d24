// Symmetric positive definite systems through LAPACK, in double precision.
#include <cblas.h>
#include <string.h>

#include "loci_math.h"

// The Fortran interface: columns first. The lower triangle of a row-major matrix is the upper one there.
extern void dpotrf_(const char *uplo, const int *n, double *a, const int *lda, int *info);
extern void dpotrs_(const char *uplo, const int *n, const int *nrhs, const double *a, const int *lda, double *b,
                    const int *ldb, int *info);
extern void dpotri_(const char *uplo, const int *n, double *a, const int *lda, int *info);

bool loci_cholesky(double *matrix, size_t n) {
  if (n == 0) return true;
  loci_blas_is_fast();  // holds OpenBLAS to one thread
  int size = (int)n, info = 0;
  dpotrf_("U", &size, matrix, &size, &info);
  if (info != 0) return false;
  for (size_t i = 0; i < n; i++) memset(matrix + i * n + i + 1, 0, (n - i - 1) * sizeof *matrix);
  return true;
}

bool loci_cholesky_solve(const double *factor, size_t n, double *right, size_t count) {
  if (n == 0 || count == 0) return true;
  int size = (int)n, columns = (int)count, info = 0;
  dpotrs_("U", &size, &columns, factor, &size, right, &size, &info);
  return info == 0;
}

bool loci_cholesky_inverse(double *factor, size_t n) {
  if (n == 0) return true;
  int size = (int)n, info = 0;
  dpotri_("U", &size, factor, &size, &info);
  if (info != 0) return false;
  for (size_t i = 0; i < n; i++) {
    for (size_t j = i + 1; j < n; j++) factor[i * n + j] = factor[j * n + i];
  }
  return true;
}

void loci_triangular_solve(const double *factor, size_t n, bool transposes, double *x) {
  if (n == 0) return;
  cblas_dtrsv(CblasRowMajor, CblasLower, transposes ? CblasTrans : CblasNoTrans, CblasNonUnit, (int)n, factor,
              (int)n, x, 1);
}

void loci_add_outer(const double *x, size_t n, double weight, double *matrix) {
  for (size_t i = 0; i < n; i++) {
    double scale = weight * x[i];
    for (size_t j = 0; j < n; j++) matrix[i * n + j] += scale * x[j];
  }
}

double loci_quadratic_form(const double *matrix, const double *x, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) {
    const double *row = matrix + i * n;
    double dot = 0;
    for (size_t j = 0; j < n; j++) dot += row[j] * x[j];
    sum += x[i] * dot;
  }
  return sum;
}

void loci_weighted_gram(const double *rows, const double *weights, size_t n, size_t dim, double *scratch,
                        double *out) {
  memset(out, 0, dim * dim * sizeof *out);
  if (n == 0 || dim == 0) return;
  for (size_t r = 0; r < n; r++) {
    for (size_t j = 0; j < dim; j++) scratch[r * dim + j] = weights[r] * rows[r * dim + j];
  }
  loci_blas_is_fast();
  cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)dim, (int)dim, (int)n, 1.0, rows, (int)dim, scratch,
              (int)dim, 0.0, out, (int)dim);
}
