// Runs a function over ranges of an index space on the pool's threads. Which thread takes which range is left open.
#ifndef CK_POOL_H
#define CK_POOL_H

#include "CKernels.h"

typedef void (*ck_task)(void *context, int64_t begin, int64_t end);

// Calls task for [0, total) in ranges of at most `grain`, on all threads, and returns when all are done.
void ck_pool_run(ck_pool *pool, ck_task task, void *context, int64_t total, int64_t grain);

#endif
