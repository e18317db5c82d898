// A few threads that take ranges from a shared counter. They watch for work for some microseconds, since a decoder hands it
// out hundreds of times per token, and then sleep, so that an idle model costs nothing.
#include "pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { SPINS = 4000 };

struct ck_pool {
    int threads;
    pthread_t *workers;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    atomic_uint generation; // changes with every job
    atomic_int sleeping;
    atomic_int stop;
    atomic_int busy; // workers that have not finished the current job
    atomic_llong next;
    ck_task task;
    void *context;
    int64_t total;
    int64_t grain;
};

static void pause_briefly(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void take_ranges(ck_pool *pool) {
    for (;;) {
        int64_t begin = atomic_fetch_add_explicit(&pool->next, pool->grain, memory_order_relaxed);
        if (begin >= pool->total) return;
        int64_t end = begin + pool->grain < pool->total ? begin + pool->grain : pool->total;
        pool->task(pool->context, begin, end);
    }
}

static unsigned wait_for_job(ck_pool *pool, unsigned seen) {
    for (int i = 0; i < SPINS; i++) {
        unsigned now = atomic_load_explicit(&pool->generation, memory_order_acquire);
        if (now != seen) return now;
        pause_briefly();
    }
    pthread_mutex_lock(&pool->lock);
    atomic_fetch_add(&pool->sleeping, 1);
    while (atomic_load(&pool->generation) == seen) pthread_cond_wait(&pool->wake, &pool->lock);
    atomic_fetch_sub(&pool->sleeping, 1);
    pthread_mutex_unlock(&pool->lock);
    return atomic_load(&pool->generation);
}

static void *work(void *argument) {
    ck_pool *pool = argument;
    unsigned seen = 0;
    for (;;) {
        seen = wait_for_job(pool, seen);
        if (atomic_load(&pool->stop)) return NULL;
        take_ranges(pool);
        atomic_fetch_sub_explicit(&pool->busy, 1, memory_order_release);
    }
}

static void announce(ck_pool *pool) {
    atomic_fetch_add(&pool->generation, 1);
    if (atomic_load(&pool->sleeping) > 0) {
        pthread_mutex_lock(&pool->lock);
        pthread_cond_broadcast(&pool->wake);
        pthread_mutex_unlock(&pool->lock);
    }
}

ck_pool *ck_pool_create(int threads) {
    ck_pool *pool = calloc(1, sizeof *pool);
    if (!pool) return NULL;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pool->threads = 1;
    if (threads <= 1) return pool;
    pool->workers = calloc((size_t)threads - 1, sizeof *pool->workers);
    if (!pool->workers) return pool;
    // A system that refuses more threads leaves the pool with those it got.
    while (pool->threads < threads && pthread_create(&pool->workers[pool->threads - 1], NULL, work, pool) == 0) pool->threads++;
    return pool;
}

void ck_pool_destroy(ck_pool *pool) {
    if (!pool) return;
    atomic_store(&pool->stop, 1);
    announce(pool);
    for (int i = 0; i < pool->threads - 1; i++) pthread_join(pool->workers[i], NULL);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    free(pool->workers);
    free(pool);
}

int ck_pool_threads(const ck_pool *pool) { return pool ? pool->threads : 1; }

void ck_pool_run(ck_pool *pool, ck_task task, void *context, int64_t total, int64_t grain) {
    if (total <= 0) return;
    if (ck_pool_threads(pool) == 1 || total <= grain) {
        task(context, 0, total);
        return;
    }
    pool->task = task;
    pool->context = context;
    pool->total = total;
    pool->grain = grain;
    atomic_store_explicit(&pool->next, 0, memory_order_relaxed);
    atomic_store_explicit(&pool->busy, pool->threads - 1, memory_order_relaxed);
    announce(pool);
    take_ranges(pool);
    while (atomic_load_explicit(&pool->busy, memory_order_acquire) > 0) pause_briefly();
}
