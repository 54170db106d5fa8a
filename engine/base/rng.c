#include "engine/base/rng.h"

static uint64_t mix(uint64_t z)
{
	z += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

uint64_t rng_bits(uint64_t seed, uint64_t pos, uint64_t draw)
{
	return mix(mix(mix(seed) ^ pos) ^ draw);
}

double rng_uniform(uint64_t seed, uint64_t pos, uint64_t draw)
{
	return (double)(rng_bits(seed, pos, draw) >> 11) * 0x1p-53;
}
