// Chooses the instruction set and cuts the work into ranges for the pool.
#include "CKernels.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "level.h"
#include "pool.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

// Below this many multiplications, waking a thread costs more than it saves.
enum { WORTH_A_THREAD = 100000 };

static _Atomic(int) chosen = -1;

#if defined(__x86_64__)
static int has_half_conversion(void) {
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}
#endif

static ck_level best_level(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") || !has_half_conversion()) return CK_PORTABLE;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl"))
        return CK_AVX512;
    return CK_AVX2;
#else
    return CK_PORTABLE;
#endif
}

ck_level ck_get_level(void) {
    int level = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (level < 0) {
        level = (int)best_level();
        atomic_store_explicit(&chosen, level, memory_order_relaxed);
    }
    return (ck_level)level;
}

ck_level ck_set_level(ck_level level) {
    ck_level best = best_level();
    atomic_store(&chosen, (int)(level > best ? best : level));
    return ck_get_level();
}

static const ck_kernels *kernels(void) {
#if defined(__x86_64__)
    switch (ck_get_level()) {
    case CK_AVX512: return &ck_kernels_avx512;
    case CK_AVX2: return &ck_kernels_avx2;
    case CK_PORTABLE: break;
    }
#endif
    return &ck_kernels_portable;
}

static int64_t grain_for(ck_pool *pool, int64_t units, int64_t cost_per_unit, int64_t multiple) {
    int threads = ck_pool_threads(pool);
    if (threads == 1 || units * cost_per_unit < WORTH_A_THREAD) return units;
    // Several ranges per thread even out what else the machine does meanwhile.
    int64_t grain = units / (threads * 4) + 1;
    return (grain + multiple - 1) / multiple * multiple;
}

typedef struct linear_job {
    const ck_kernels *kernels;
    const ck_matrix *w;
    const float *x, *bias, *sums, *parted;
    float *y;
    int64_t n, ldx, ldy;
} linear_job;

static void linear_range(void *context, int64_t begin, int64_t end) {
    const linear_job *job = context;
    float small[4096];
    size_t wanted = (size_t)job->w->cols * 4 + 8;
    float *scratch = wanted <= 4096 ? small : malloc(wanted * sizeof *scratch);
    if (!scratch) abort();
    job->kernels->linear(job->w, job->x, job->n, job->ldx, job->bias, job->y, job->ldy, begin, end, scratch, job->sums,
                         job->parted);
    if (scratch != small) free(scratch);
}

void ck_linear(ck_pool *pool, const ck_matrix *w, const float *x, int64_t n, int64_t ldx, const float *bias, float *y,
               int64_t ldy) {
    if (n <= 0 || w->rows <= 0) return;
    linear_job job = {kernels(), w, x, bias, NULL, NULL, y, n, ldx, ldy};
    float small[4096], *prepared = NULL;
    int64_t blocks = n == 1 && w->offset_type != CK_NONE ? w->cols / w->block : 0;
    int64_t parted = n == 1 && job.kernels->wants_parted(w) ? w->cols : 0;
    if (blocks + parted > 4096) {
        prepared = malloc((size_t)(blocks + parted) * sizeof *prepared);
        if (!prepared) abort();
    }
    float *given = prepared ? prepared : small;
    if (parted) {
        job.kernels->part_evens(x, w->cols, given);
        job.parted = given;
    }
    if (blocks) {
        float *sums = given + parted;
        for (int64_t b = 0; b < blocks; b++) sums[b] = job.kernels->sum(x + b * w->block, w->block);
        job.sums = sums;
    }
    ck_pool_run(pool, linear_range, &job, w->rows, grain_for(pool, w->rows, w->cols * n, 4));
    free(prepared);
}

typedef struct matmul_job {
    const ck_kernels *kernels;
    const ck_batch *batch;
    int64_t units; // per batch: rows of b when b is transposed, rows of a otherwise
} matmul_job;

static void matmul_range(void *context, int64_t begin, int64_t end) {
    const matmul_job *job = context;
    const ck_batch *p = job->batch;
    while (begin < end) {
        int64_t index = begin / job->units;
        int64_t first = begin - index * job->units;
        int64_t last = end - index * job->units < job->units ? end - index * job->units : job->units;
        const float *a = p->a + p->a_offset[index];
        const float *b = p->b + p->b_offset[index];
        float *y = p->y + p->y_offset[index];
        if (p->transposed_b) {
            ck_matrix w = {.type = CK_F32, .data = b, .rows = p->n, .cols = p->k, .stride = p->k};
            job->kernels->linear(&w, a, p->m, p->k, NULL, y, p->n, first, last, NULL, NULL, NULL);
        } else {
            job->kernels->multiply(a, b, y, first, last, p->n, p->k);
        }
        begin = index * job->units + last;
    }
}

void ck_matmul(ck_pool *pool, const ck_batch *batch) {
    if (batch->count <= 0 || batch->m <= 0 || batch->n <= 0) return;
    matmul_job job = {kernels(), batch, batch->transposed_b ? batch->n : batch->m};
    int64_t cost = batch->k * (batch->transposed_b ? batch->m : batch->n);
    ck_pool_run(pool, matmul_range, &job, batch->count * job.units, grain_for(pool, batch->count * job.units, cost, 4));
}

void ck_dequantize_row(const ck_matrix *w, int64_t row, float *out) { kernels()->dequantize_row(w, row, out); }

typedef struct softmax_job {
    const ck_kernels *kernels;
    const float *x;
    float *y;
    int64_t cols;
} softmax_job;

static void softmax_range(void *context, int64_t begin, int64_t end) {
    const softmax_job *job = context;
    job->kernels->softmax(job->x + begin * job->cols, job->y + begin * job->cols, end - begin, job->cols);
}

void ck_softmax(ck_pool *pool, const float *x, float *y, int64_t rows, int64_t cols) {
    if (rows <= 0 || cols <= 0) return;
    softmax_job job = {kernels(), x, y, cols};
    // An exponential is worth about ten multiplications.
    ck_pool_run(pool, softmax_range, &job, rows, grain_for(pool, rows, cols * 10, 1));
}

void ck_apply(ck_function function, const float *x, float *y, int64_t count) { kernels()->apply(function, x, y, count); }

float ck_sum(const float *x, int64_t count) { return kernels()->sum(x, count); }

float ck_sum_squares(const float *x, int64_t count) { return kernels()->sum_squares(x, count); }

void ck_half_to_float(const uint16_t *x, float *y, int64_t count) { kernels()->half_to_float(x, y, count); }
