/*
 * Numbers that look random and come from a seed, for tests that must be repeatable.
 * The generator is SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number
 * generators", OOPSLA 2014): any seed is good, and two seeds give unrelated sequences.
 */
#ifndef PAWL_HW_FAULT_RANDOM_H
#define PAWL_HW_FAULT_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct random {
	uint64_t state; /* begins as the seed */
};

static inline uint64_t random_mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static inline uint64_t random_next(struct random *random)
{
	random->state += 0x9e3779b97f4a7c15u;
	return random_mix(random->state);
}

/* A number from 0 to @bound - 1, or 0 when @bound is 0.  Only the upper 32 bits are used.
 */
static inline uint64_t random_below(struct random *random, uint32_t bound)
{
	return (random_next(random) >> 32) * bound >> 32;
}

/* True with a probability of @per_million in a million; draws nothing when that is 0. */
static inline bool random_chance(struct random *random, uint32_t per_million)
{
	return per_million > 0 && random_below(random, 1000000) < per_million;
}

#endif
