// What one instruction set implements; filled by kernels.inc, chosen by dispatch.c.
#ifndef CK_LEVEL_H
#define CK_LEVEL_H

#include "CKernels.h"

typedef struct ck_kernels {
    // Rows [begin, end) of w against n rows of x. `scratch` holds 4 * cols + 8 floats. Where n is 1: `sums` are the sums of
    // x by block (cols / block of them) where w has offsets, `parted` is x as part_evens gives it where it is wanted.
    void (*linear)(const ck_matrix *w, const float *x, int64_t n, int64_t ldx, const float *bias, float *y, int64_t ldy,
                   int64_t begin, int64_t end, float *scratch, const float *sums, const float *parted);
    int (*wants_parted)(const ck_matrix *w);
    void (*part_evens)(const float *x, int64_t count, float *out);
    // Rows [begin, end) of y = a * b.
    void (*multiply)(const float *a, const float *b, float *y, int64_t begin, int64_t end, int64_t n, int64_t k);
    void (*dequantize_row)(const ck_matrix *w, int64_t row, float *out);
    void (*softmax)(const float *x, float *y, int64_t rows, int64_t cols);
    void (*apply)(ck_function function, const float *x, float *y, int64_t count);
    float (*sum)(const float *x, int64_t count);
    float (*sum_squares)(const float *x, int64_t count);
    void (*half_to_float)(const uint16_t *x, float *y, int64_t count);
} ck_kernels;

extern const ck_kernels ck_kernels_portable;
#if defined(__x86_64__)
extern const ck_kernels ck_kernels_avx2;
extern const ck_kernels ck_kernels_avx512;
#endif

#endif
