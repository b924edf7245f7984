/* Random numbers from a seed (xoshiro256**, Blackman and Vigna 2018, seeded by splitmix64), and from the system. */
#ifndef NEREID_BASE_RAND_H
#define NEREID_BASE_RAND_H
#include <stddef.h>
#include <stdint.h>
struct rand { uint64_t s[4]; };
void rand_seed(struct rand *r, uint64_t seed);
uint64_t rand_u64(struct rand *r);
uint64_t rand_below(struct rand *r, uint64_t n);   /* 0..n-1, unbiased; n > 0 */
double rand_f64(struct rand *r);                   /* [0,1) */
float rand_f32(struct rand *r, float lo, float hi);
float rand_normal(struct rand *r);
void rand_system(void *p, size_t n);               /* getrandom */
#endif
