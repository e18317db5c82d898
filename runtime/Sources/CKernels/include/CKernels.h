// Dense kernels of the reference executor: products with weights that stay packed, and the row functions of a decoder.
//
// In: float activations and weights as the package stores them. Out: float results. The kernels never allocate on behalf
// of the caller, keep no pointer, and give the same bits whatever the number of threads: each output element is
// computed by one thread in one order.
#ifndef CKERNELS_H
#define CKERNELS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// How the elements of a matrix, its scales or its offsets are stored.
typedef enum ck_type {
    CK_NONE = 0,
    CK_F32 = 1,
    CK_F16 = 2,
    CK_I8 = 3,
    CK_U8 = 4,
    CK_I4 = 5,   // two's complement, low nibble first
    CK_U4 = 6,   // low nibble first
    CK_LUT = 7,  // indices of lut_bits bits, least significant bit first
} ck_type;

// A weight matrix [rows, cols], row-major. Element (r, c) is
//   dense       data[r * stride + c]
//   quantised   scale[r / row_group][c / block] * (data[r * cols + c] - offset[same])
//   LUT         lut[((r / lut_row_group) * (cols / lut_col_group) + c / lut_col_group) << lut_bits + data[r * cols + c]]
// Rows of nibbles start on a byte: cols is even. The memory is the caller's.
typedef struct ck_matrix {
    ck_type type;
    const void *data;
    int64_t rows;
    int64_t cols;
    int64_t stride;     // elements between rows; used by CK_F32 and CK_F16 without scale
    ck_type scale_type; // CK_NONE, CK_F32 or CK_F16
    const void *scale;
    ck_type offset_type; // CK_NONE, or any of the types but CK_LUT
    const void *offset;
    int64_t block;
    int64_t row_group;
    const float *lut;
    int32_t lut_bits;
    int64_t lut_row_group;
    int64_t lut_col_group;
} ck_matrix;

// Instruction sets, from portable to wide. arm64 has the first only; NEON is part of it.
typedef enum ck_level { CK_PORTABLE = 0, CK_AVX2 = 1, CK_AVX512 = 2 } ck_level;

// The level in use: the best of this processor, or what ck_set_level chose.
ck_level ck_get_level(void);
// Uses `level`, or the best this processor has when it lacks it; returns what is used. Not to be called while kernels run.
ck_level ck_set_level(ck_level level);

// Worker threads. `threads` counts the calling thread; 1 starts none. One caller at a time. NULL stands for one thread.
typedef struct ck_pool ck_pool;
ck_pool *ck_pool_create(int threads);
void ck_pool_destroy(ck_pool *pool);
int ck_pool_threads(const ck_pool *pool);

// y[i, r] = bias[r] + sum_c x[i, c] * w[r, c] for i < n. ldx, ldy: elements between rows. bias may be NULL.
void ck_linear(ck_pool *pool, const ck_matrix *w, const float *x, int64_t n, int64_t ldx, const float *bias, float *y,
               int64_t ldy);

// One product per batch: y = a * b (b is [k, n]) or y = a * b^T (b is [n, k], when transposed_b), a [m, k], y [m, n], all
// contiguous in themselves; offsets give where each batch starts, in elements.
typedef struct ck_batch {
    int64_t count, m, n, k;
    int transposed_b;
    const float *a, *b;
    float *y;
    const int64_t *a_offset, *b_offset, *y_offset;
} ck_batch;
void ck_matmul(ck_pool *pool, const ck_batch *batch);

// Row r of w as floats, cols of them.
void ck_dequantize_row(const ck_matrix *w, int64_t row, float *out);

// Softmax over each of `rows` rows of `cols` contiguous elements; x and y may be the same.
void ck_softmax(ck_pool *pool, const float *x, float *y, int64_t rows, int64_t cols);

// Functions of one argument that are worth a vector form; x and y may be the same.
typedef enum ck_function {
    CK_EXP = 0,
    CK_SIGMOID = 1,
    CK_SILU = 2,
    CK_TANH = 3,
    CK_GELU_TANH = 4,    // 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
    CK_GELU_SIGMOID = 5, // x * sigmoid(1.702 x)
    CK_ROUND_F16 = 6,    // to the nearest half-precision value, ties to even
} ck_function;
void ck_apply(ck_function function, const float *x, float *y, int64_t count);

// Sums over a contiguous row.
float ck_sum(const float *x, int64_t count);
float ck_sum_squares(const float *x, int64_t count);

// Half precision <-> float, count elements.
void ck_half_to_float(const uint16_t *x, float *y, int64_t count);

#ifdef __cplusplus
}
#endif
#endif
