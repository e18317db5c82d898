// The kernels for any processor; on arm64 these are NEON, whose registers hold four floats.
#include "level.h"

#define NAME(x) x##_portable
#define LANES 4
#if defined(__aarch64__)
#define HALF_IN_HARDWARE 1
#define TILE_X 4
#else
#define HALF_IN_HARDWARE 0
#define TILE_X 2
#endif
#include "kernels.inc"
