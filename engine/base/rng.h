/*
 * rng -- randomness without a state: a number is named by (seed, position, draw).
 *
 * Rewinding a session needs nothing restored, and a pane that is opened or
 * closed cannot shift what the sampler draws: each consumer has its own draw
 * number.  The mix is three rounds of splitmix64's finaliser (Steele, Lea and
 * Flood 2014) over the key.
 */
#ifndef ENGINE_BASE_RNG_H
#define ENGINE_BASE_RNG_H

#include <stdint.h>

uint64_t rng_bits(uint64_t seed, uint64_t pos, uint64_t draw);
/* Uniform in [0, 1), 53 bits. */
double rng_uniform(uint64_t seed, uint64_t pos, uint64_t draw);

#endif
