/*
 * machine -- what this machine can do and what this process has used: the
 * figures that a measured speed is held against.
 */
#ifndef ENGINE_MACHINE_H
#define ENGINE_MACHINE_H

#include <stddef.h>

#include "engine/base/pool.h"

/* Bytes per second at which all workers together read memory, the best of
 * `rounds` passes over a buffer of `bytes`; NAN when there is no memory for it.
 * Each worker reads four streams, as one alone does not fill the memory bus. */
double machine_read_speed(struct pool *p, size_t bytes, int rounds);

/* Most memory the process has ever held, in bytes; 0 when the system does not
 * tell.  Pages of mapped files count once they were read. */
size_t machine_peak_memory(void);

/* "AMD EPYC", or "" when the system does not tell. */
const char *machine_processor(char *out, size_t room);

#endif
