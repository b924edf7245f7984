/* Summaries: histograms with fine bins over a sliding minute.
 *
 * Triton keeps a sketch that bounds the error of a quantile's rank and takes a lock for each
 * request. Here each thread adds to bins of its own, whose width is 1/32 of their value, so what is
 * bounded is the error of the duration itself, and threads share nothing. The minute is kept in
 * five parts; the first observation of a part's next turn empties it. A reader that meets a part
 * while it is emptied leaves it out. One writer for each summary, any reader.
 */
#include "serve/summary.h"

#include "base/panic.h"

#include <math.h>

static uint32_t bin_of(uint64_t us)
{
	if (us < SUMMARY_EXACT)
		return (uint32_t)us;
	uint32_t top = 63u - (uint32_t)__builtin_clzll(us);      /* 6 and up */
	if (top >= 6 + SUMMARY_DOUBLINGS)
		return SUMMARY_BINS - 1;
	return SUMMARY_EXACT + (top - 6) * SUMMARY_PART + (uint32_t)(us >> (top - 5)) - SUMMARY_PART;
}

/* The middle of a bin. */
static double value_of(uint32_t bin)
{
	if (bin < SUMMARY_EXACT)
		return bin;
	uint32_t doubling = (bin - SUMMARY_EXACT) / SUMMARY_PART;
	double width = ldexp(1, (int)doubling + 1);
	return (SUMMARY_PART + (bin - SUMMARY_EXACT) % SUMMARY_PART) * width + (width - 1) / 2;
}

/* Empties a part of the minute for its next turn. */
static void turn_over(struct summary_slot *slot, uint64_t turn)
{
	atomic_store(&slot->turn, 0);
	for (int k = 0; k < SUMMARY_KINDS; k++)
		for (int i = 0; i < SUMMARY_BINS; i++)
			atomic_store_explicit(&slot->bins[k][i], 0, memory_order_relaxed);
	atomic_store(&slot->turn, turn);
}

void summary_add(struct summary *s, const uint64_t us[SUMMARY_KINDS], uint64_t unix_ms)
{
	uint64_t turn = unix_ms / SUMMARY_SLOT_MS + 1;
	struct summary_slot *slot = &s->slots[turn % SUMMARY_SLOTS];
	if (atomic_load_explicit(&slot->turn, memory_order_relaxed) != turn)
		turn_over(slot, turn);
	for (int k = 0; k < SUMMARY_KINDS; k++) {
		_Atomic uint32_t *bin = &slot->bins[k][bin_of(us[k])];
		uint32_t n = atomic_load_explicit(bin, memory_order_relaxed);
		atomic_store_explicit(bin, n + (n != UINT32_MAX), memory_order_relaxed);
	}
}

void summary_collect(const struct summary *s, enum summary_kind kind, uint64_t unix_ms,
                     struct summary_view *into)
{
	uint64_t now = unix_ms / SUMMARY_SLOT_MS + 1;
	CHECK(kind < SUMMARY_KINDS);
	for (int i = 0; i < SUMMARY_SLOTS; i++) {
		const struct summary_slot *slot = &s->slots[i];
		uint64_t turn = atomic_load((_Atomic uint64_t *)&slot->turn);
		if (!turn || turn > now || now - turn >= SUMMARY_SLOTS)
			continue;
		for (int b = 0; b < SUMMARY_BINS; b++) {
			uint32_t n = atomic_load_explicit((_Atomic uint32_t *)&slot->bins[kind][b],
			                                  memory_order_relaxed);
			into->bins[b] += n;
			into->n += n;
		}
	}
}

double summary_quantile(const struct summary_view *v, double share)
{
	uint64_t below = 0;
	CHECK(share >= 0 && share <= 1);
	uint64_t want = (uint64_t)ceil(share * (double)v->n);
	want = want ? want : 1;
	for (uint32_t b = 0; b < SUMMARY_BINS; b++) {
		below += v->bins[b];
		if (below >= want)
			return value_of(b);
	}
	return NAN;
}
