#define _GNU_SOURCE
#include "loci_encoder.h"

#include <dlfcn.h>
#include <stdio.h>

const char *loci_encoder_prepare_blas(void) {
  static char description[64];
  const char *(*core_name)(void) = (const char *(*)(void))dlsym(RTLD_DEFAULT, "openblas_get_corename");
  void (*set_threads)(int) = (void (*)(int))dlsym(RTLD_DEFAULT, "openblas_set_num_threads");
  if (set_threads != NULL) set_threads(1);
  if (core_name != NULL) {
    snprintf(description, sizeof description, "OpenBLAS %s", core_name());
    return description;
  }
  if (dlsym(RTLD_DEFAULT, "bli_info_get_version_str") != NULL) return "BLIS";
  // The reference library exports its Fortran kernels and nothing that names it.
  return dlsym(RTLD_DEFAULT, "ATL_buildinfo") != NULL ? "BLAS" : "reference BLAS";
}
