// The kernels for x86-64 with AVX2, FMA and F16C: registers of eight floats.
#if defined(__x86_64__)
#include "level.h"

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#define NAME(x) x##_avx2
#define LANES 8
#define HALF_IN_HARDWARE 1
#define TILE_X 2
#include "kernels.inc"
#pragma clang attribute pop
#endif
