// The kernels for x86-64 with AVX-512 F, BW, DQ and VL: registers of sixteen floats.
#if defined(__x86_64__)
#include "level.h"

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c"))), apply_to = function)
#define NAME(x) x##_avx512
#define LANES 16
#define HALF_IN_HARDWARE 1
#define TILE_X 4
#include "kernels.inc"
#pragma clang attribute pop
#endif
