#ifndef LOCI_ENCODER_CREW_H
#define LOCI_ENCODER_CREW_H

#include "loci_encoder.h"

typedef void (*loci_crew_task)(void *context, size_t index, size_t worker);

/// Threads of the crew, the caller's included; 1 for NULL.
size_t loci_crew_size(const loci_encoder_crew *crew);

/// Wakes the helpers, who watch for work until loci_crew_end. False: another pass has them.
bool loci_crew_begin(loci_encoder_crew *crew);
void loci_crew_end(loci_encoder_crew *crew);

/// Runs task(context, 0…count−1, worker), in any order, and returns when all are done. Workers are numbered from 0, the
/// caller's. Whoever is free takes the next index: a helper that is not running delays nothing.
void loci_crew_run(loci_encoder_crew *crew, size_t count, loci_crew_task task, void *context);

#endif
