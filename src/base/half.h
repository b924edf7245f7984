/* fp16 and bf16 to and from fp32, round to nearest even, NaN kept. Plain C: kernels have their own vector forms. */
#ifndef NEREID_BASE_HALF_H
#define NEREID_BASE_HALF_H
#include <stdint.h>
float half_to_f32(uint16_t h);
uint16_t half_from_f32(float f);
float bf16_to_f32(uint16_t b);
uint16_t bf16_from_f32(float f);
#endif
