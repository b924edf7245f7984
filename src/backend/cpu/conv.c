/* Convolution: the choice among tactics. Each tactic is a record of five functions in a file of its
 * own (conv_<tactic>.c); this file only calls through the record.
 *
 * The guess stands in for a measurement: a plan made with tuning has timed every tactic that fits
 * and says which to take. Nothing here owns memory, and every function may run on any thread.
 * Shapes are trusted: the graph's inference has checked them. */
#include "backend/cpu/conv_priv.h"

#include "base/panic.h"

/* Winograd's transforms pay with this many channels on either side; filters transformed before with
 * this many pixels an image, and while they are no larger than this. */
enum { WINOGRAD_CHANNELS = 16, WINOGRAD_PIXELS = 12 * 12, WINOGRAD_BYTES = 3 << 20 };

static const char *const texts[] = {
#define X(name, text) text,
#include "backend/cpu/conv_tactics.def"
#undef X
};
static const struct conv_tactic_fns *const tactics[] = {
	[CONV_DIRECT] = &conv__direct,
	[CONV_DEPTHWISE] = &conv__depthwise,
	[CONV_WINOGRAD] = &conv__winograd,
	[CONV_PHASES] = &conv__phases,
	[CONV_WINOGRAD_LATE] = &conv__winograd_late,
};

const char *conv_tactic_text(enum conv_tactic t)
{
	CHECK(t < CONV_TACTIC_COUNT);
	return texts[t];
}

bool conv_fits(const struct conv_shape *s, enum conv_tactic t)
{
	return t < CONV_TACTIC_COUNT && tactics[t]->fits(s);
}

/* From measurements on AVX-512 at batch 1; see docs/SPEED.md. */
enum conv_tactic conv_guess(const struct conv_shape *s)
{
	if (conv_fits(s, CONV_DEPTHWISE))
		return CONV_DEPTHWISE;
	if (conv_fits(s, CONV_PHASES))
		return CONV_PHASES;
	if (conv_fits(s, CONV_WINOGRAD) && s->c >= WINOGRAD_CHANNELS && s->o >= WINOGRAD_CHANNELS)
		return (uint64_t)s->oh * s->ow >= WINOGRAD_PIXELS &&
				       conv_pack_bytes(s, CONV_WINOGRAD) <= WINOGRAD_BYTES
			       ? CONV_WINOGRAD
			       : CONV_WINOGRAD_LATE;
	return CONV_DIRECT;
}

size_t conv_pack_bytes(const struct conv_shape *s, enum conv_tactic t)
{
	CHECK(conv_fits(s, t));
	return tactics[t]->pack_bytes(s);
}

void conv_pack(const struct conv_shape *s, enum conv_tactic t, const float *weight, void *packed)
{
	CHECK(conv_fits(s, t));
	CHECK((uintptr_t)packed % KERNEL_ALIGN == 0);
	tactics[t]->pack(s, weight, packed);
}

size_t conv_scratch_bytes(const struct conv_shape *s, enum conv_tactic t, uint32_t threads)
{
	CHECK(conv_fits(s, t));
	return tactics[t]->scratch_bytes(s, threads);
}

void conv_run(const struct conv_shape *s, enum conv_tactic t, const struct conv_args *a)
{
	struct conv_args full = *a;   /* with the strides that the caller left to us */

	CHECK(t < CONV_TACTIC_COUNT);
	CHECK((uintptr_t)a->weights % KERNEL_ALIGN == 0 &&
		(uintptr_t)a->scratch % KERNEL_ALIGN == 0);
	if (!a->n || !s->oh || !s->ow || !s->o)
		return;
	if (!full.out_stride)
		full.out_stride = s->o;
	if (!full.res_stride)
		full.res_stride = s->o;
	tactics[t]->run(s, &full);
}
