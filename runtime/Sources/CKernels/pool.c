// A few threads that take ranges from a shared counter. They watch for work for some microseconds, since a decoder hands it
// out hundreds of times per token, and then sleep, so that an idle model costs nothing.
//
// The caller works, too, and waits only for threads that have joined its job: on a busy machine, one that the system has
// not let run yet holds nobody up.
#include "pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { SPINS = 2000 };

struct ck_pool {
    int threads;
    pthread_t *workers;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_cond_t done;
    atomic_uint generation; // changes with every job
    atomic_int stop;
    // Under the lock.
    int sleeping; // workers that wait for `wake`
    int open;     // whether the current job may be joined
    atomic_int active; // workers that have joined it; changed under the lock, watched without
    ck_task task;
    void *context;
    int64_t total;
    int64_t grain;
    atomic_llong next; // first index that nobody has taken
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

// Waits until the generation differs from `seen`, and joins the job if it is still open. Returns the new generation.
static unsigned wait_for_job(ck_pool *pool, unsigned seen, int *joined) {
    for (int i = 0; i < SPINS && atomic_load_explicit(&pool->generation, memory_order_acquire) == seen; i++) pause_briefly();
    pthread_mutex_lock(&pool->lock);
    pool->sleeping++;
    while (atomic_load(&pool->generation) == seen) pthread_cond_wait(&pool->wake, &pool->lock);
    pool->sleeping--;
    *joined = pool->open;
    if (pool->open) atomic_fetch_add(&pool->active, 1);
    unsigned now = atomic_load(&pool->generation);
    pthread_mutex_unlock(&pool->lock);
    return now;
}

static void *work(void *argument) {
    ck_pool *pool = argument;
    unsigned seen = 0;
    for (;;) {
        int joined = 0;
        seen = wait_for_job(pool, seen, &joined);
        if (atomic_load(&pool->stop)) return NULL;
        if (!joined) continue;
        take_ranges(pool);
        pthread_mutex_lock(&pool->lock);
        if (atomic_fetch_sub(&pool->active, 1) == 1) pthread_cond_signal(&pool->done);
        pthread_mutex_unlock(&pool->lock);
    }
}

ck_pool *ck_pool_create(int threads) {
    ck_pool *pool = calloc(1, sizeof *pool);
    if (!pool) return NULL;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pthread_cond_init(&pool->done, NULL);
    pool->threads = 1;
    if (threads <= 1) return pool;
    pool->workers = calloc((size_t)threads - 1, sizeof *pool->workers);
    if (!pool->workers) return pool;
    // A system that refuses more threads leaves the pool with those it got.
    while (pool->threads < threads && pthread_create(&pool->workers[pool->threads - 1], NULL, work, pool) == 0) pool->threads++;
    return pool;
}

// Tells the workers of a new job, or of the end.
static void announce(ck_pool *pool, int open) {
    pthread_mutex_lock(&pool->lock);
    pool->open = open;
    atomic_fetch_add(&pool->generation, 1);
    if (pool->sleeping > 0) pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
}

void ck_pool_destroy(ck_pool *pool) {
    if (!pool) return;
    atomic_store(&pool->stop, 1);
    announce(pool, 0);
    for (int i = 0; i < pool->threads - 1; i++) pthread_join(pool->workers[i], NULL);
    pthread_cond_destroy(&pool->done);
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
    announce(pool, 1);
    take_ranges(pool);

    pthread_mutex_lock(&pool->lock);
    pool->open = 0;
    pthread_mutex_unlock(&pool->lock);
    for (int i = 0; i < SPINS && atomic_load_explicit(&pool->active, memory_order_acquire) > 0; i++) pause_briefly();
    pthread_mutex_lock(&pool->lock);
    while (atomic_load(&pool->active) > 0) pthread_cond_wait(&pool->done, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}
