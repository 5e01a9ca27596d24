#define _GNU_SOURCE
#include "crew.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { HELPERS_MAX = 63, PATIENCE = 20000 };

typedef struct helper {
  loci_encoder_crew *crew;
  size_t worker;
  pthread_t thread;
} helper;

struct loci_encoder_crew {
  // Round of work and the next index in it: (round << 32 | index). Claims compare the whole, so none mixes two rounds.
  _Alignas(64) _Atomic uint64_t ticket;
  _Alignas(64) _Atomic size_t done;
  _Alignas(64) _Atomic uint32_t count;
  loci_crew_task task;
  void *context;
  _Atomic bool busy, awake, ending;
  pthread_mutex_t lock;
  pthread_cond_t wake;
  size_t helpers;
  helper members[HELPERS_MAX];
};

static inline void pause_briefly(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// Takes one index of the round at hand and does it. False: none is left.
static bool work(loci_encoder_crew *crew, size_t worker) {
  uint64_t ticket = atomic_load_explicit(&crew->ticket, memory_order_acquire);
  for (;;) {
    uint32_t index = (uint32_t)ticket;
    if (index >= atomic_load_explicit(&crew->count, memory_order_acquire)) return false;
    if (atomic_compare_exchange_weak_explicit(
            &crew->ticket, &ticket, ticket + 1, memory_order_acquire, memory_order_acquire)) {
      crew->task(crew->context, index, worker);
      atomic_fetch_add_explicit(&crew->done, 1, memory_order_release);
      return true;
    }
  }
}

static void *help(void *argument) {
  helper *self = argument;
  loci_encoder_crew *crew = self->crew;
  for (;;) {
    pthread_mutex_lock(&crew->lock);
    while (!atomic_load(&crew->awake) && !atomic_load(&crew->ending)) pthread_cond_wait(&crew->wake, &crew->lock);
    pthread_mutex_unlock(&crew->lock);
    if (atomic_load(&crew->ending)) return NULL;
    size_t idle = 0;
    while (atomic_load_explicit(&crew->awake, memory_order_relaxed)) {
      if (work(crew, self->worker)) {
        idle = 0;
      } else if (++idle > PATIENCE) {
        sched_yield();
      } else {
        pause_briefly();
      }
    }
  }
}

loci_encoder_crew *loci_encoder_crew_create(size_t helpers) {
  if (helpers == 0) return NULL;
  loci_encoder_crew *crew = aligned_alloc(64, (sizeof *crew + 63) / 64 * 64);
  if (crew == NULL) return NULL;
  *crew = (loci_encoder_crew){0};
  pthread_mutex_init(&crew->lock, NULL);
  pthread_cond_init(&crew->wake, NULL);
  for (size_t i = 0; i < helpers && i < HELPERS_MAX; i++) {
    helper *member = &crew->members[crew->helpers];
    *member = (helper){.crew = crew, .worker = crew->helpers + 1};
    if (pthread_create(&member->thread, NULL, help, member) != 0) break;
    crew->helpers++;
  }
  if (crew->helpers > 0) return crew;
  loci_encoder_crew_destroy(crew);
  return NULL;
}

void loci_encoder_crew_destroy(loci_encoder_crew *crew) {
  if (crew == NULL) return;
  pthread_mutex_lock(&crew->lock);
  atomic_store(&crew->ending, true);
  pthread_cond_broadcast(&crew->wake);
  pthread_mutex_unlock(&crew->lock);
  for (size_t i = 0; i < crew->helpers; i++) pthread_join(crew->members[i].thread, NULL);
  pthread_cond_destroy(&crew->wake);
  pthread_mutex_destroy(&crew->lock);
  free(crew);
}

size_t loci_crew_size(const loci_encoder_crew *crew) { return crew == NULL ? 1 : crew->helpers + 1; }

bool loci_crew_begin(loci_encoder_crew *crew) {
  if (atomic_exchange(&crew->busy, true)) return false;
  pthread_mutex_lock(&crew->lock);
  atomic_store(&crew->awake, true);
  pthread_cond_broadcast(&crew->wake);
  pthread_mutex_unlock(&crew->lock);
  return true;
}

void loci_crew_end(loci_encoder_crew *crew) {
  atomic_store(&crew->awake, false);
  atomic_store(&crew->busy, false);
}

void loci_crew_run(loci_encoder_crew *crew, size_t count, loci_crew_task task, void *context) {
  if (crew == NULL || count <= 1) {
    for (size_t i = 0; i < count; i++) task(context, i, 0);
    return;
  }
  // Between rounds every index of the last one is taken and done, so nobody reads what is written here. The count
  // comes first to nought: a helper that still holds the old ticket then finds nothing.
  uint64_t round = (atomic_load_explicit(&crew->ticket, memory_order_relaxed) >> 32) + 1;
  crew->task = task;
  crew->context = context;
  atomic_store_explicit(&crew->done, 0, memory_order_relaxed);
  atomic_store_explicit(&crew->ticket, round << 32 | UINT32_MAX, memory_order_release);
  atomic_store_explicit(&crew->count, (uint32_t)count, memory_order_release);
  atomic_store_explicit(&crew->ticket, round << 32, memory_order_release);
  while (work(crew, 0)) {}
  for (size_t spins = 0; atomic_load_explicit(&crew->done, memory_order_acquire) < count; spins++) {
    if (spins > PATIENCE) {
      sched_yield();
    } else {
      pause_briefly();
    }
  }
}
