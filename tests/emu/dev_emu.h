/*
 * dev_emu -- a device made of ordinary memory: what engine/cuda/dev.h promises, on
 * this side.
 *
 * Fresh memory is full of NaN, a recorded pass is a list of calls, matrix products
 * are plain loops that round where a device would.  Tests make it small, or let
 * the n-th call fail.
 */
#ifndef TESTS_EMU_DEV_EMU_H
#define TESTS_EMU_DEV_EMU_H

#include <stddef.h>

#include "engine/cuda/gpu.h"

struct emu_device {
	int major, minor, units;
	size_t memory, shared;
};
/* Of devices opened from now on. */
extern struct emu_device emu_device;

/* In which order the threads of a block run up to the next barrier. */
enum emu_fiber_order { EMU_FORWARD, EMU_BACKWARD, EMU_SHUFFLED };
void emu_order(enum emu_fiber_order order);

/* The n-th call from now on (1: the next) whose name contains `call` fails; NULL: none. */
void emu_fail(const char *call, int n);
/* Launches of kernels and replays of recorded passes since the start. */
extern unsigned long emu_launches, emu_replays;
/* Bytes that are not given back. */
extern size_t emu_in_use;

#endif
