// libzstd as it is. The trainer with settable segments is not in zstd's stable interface, but every shared library of
// 1.3.0 and later exports it.
#define ZDICT_STATIC_LINKING_ONLY
#include <zdict.h>
#include <zstd.h>
