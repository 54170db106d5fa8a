/*
 * machine -- how fast this computer reads memory, measured the way a decode reads it.
 *
 * Speed of decoding is bytes of weights over seconds, so a figure in tokens per
 * second means little without the limit it runs into.  The limit is measured in
 * the same run, because on shared machines it moves.
 *
 * Threads  called from one thread; the pool's workers read
 */
#ifndef ENGINE_MACHINE_H
#define ENGINE_MACHINE_H

#include <stddef.h>

#include "engine/base/pool.h"

/* GB/s (1e9) of the pool reading `bytes` of private memory: the best stretch of 32
 * MiB in `passes`, so that a busy neighbour does not pass for a slow memory; 0 with
 * `e` filled when there is no room.  Sizes below the last cache measure the cache. */
double machine_read_gbs(struct pool *p, size_t bytes, int passes, struct err *e);

#endif
