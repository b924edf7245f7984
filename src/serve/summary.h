/* Quantiles of durations over the last minute, as Triton's summaries have them. */
#ifndef NEREID_SERVE_SUMMARY_H
#define NEREID_SERVE_SUMMARY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Bins: one for each of the first microseconds, then 32 for each doubling, up to 2^36 us. */
enum { SUMMARY_EXACT = 64, SUMMARY_PART = 32, SUMMARY_DOUBLINGS = 30,
	SUMMARY_BINS = SUMMARY_EXACT + SUMMARY_PART * SUMMARY_DOUBLINGS };
/* A minute in parts: an observation counts until its part is reused, so for 48 to 60 s. */
enum { SUMMARY_SLOTS = 5, SUMMARY_SLOT_MS = 12000 };
enum summary_kind { SUMMARY_REQUEST, SUMMARY_QUEUE, SUMMARY_INPUT, SUMMARY_INFER, SUMMARY_OUTPUT,
	SUMMARY_KINDS };

/* One writer; its owner zeroes it before. `turn` is the number of its part of a minute since 1970,
 * 0 while it is being emptied. */
struct summary_slot {
	_Atomic uint64_t turn;
	_Atomic uint32_t bins[SUMMARY_KINDS][SUMMARY_BINS];
};
struct summary { struct summary_slot slots[SUMMARY_SLOTS]; };

/* us: one duration of each kind. By the writer's thread. */
void summary_add(struct summary *s, const uint64_t us[SUMMARY_KINDS], uint64_t unix_ms);

/* The sum of the summaries of several threads, for one kind. */
struct summary_view { uint64_t n, bins[SUMMARY_BINS]; };
void summary_collect(const struct summary *s, enum summary_kind kind, uint64_t unix_ms,
                     struct summary_view *into);
/* The smallest duration that has at least that share (0..1) of all at or below it, to 1/64 of its
 * value; NaN when nothing was observed. */
double summary_quantile(const struct summary_view *v, double share);

#endif
