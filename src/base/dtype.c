/* Element types: every question about them is answered from one table, include/nereid/dtype.def.
 *
 * The enum's numbers are also those in plan files, so the table only grows at its end. Lookups
 * by name walk the table: fifteen short comparisons, away from any hot path. Stateless.
 */
#include "base/dtype.h"

#include "base/panic.h"

struct row { int onnx; size_t bytes; const char *wire, *config; };
static const struct row rows[DTYPE_COUNT] = {
#define X(name, onnx, size, wire, config) {onnx, size, wire, config},
#include "nereid/dtype.def"
#undef X
};

static const struct row *row(enum dtype t)
{
	CHECK((unsigned)t < DTYPE_COUNT);
	return &rows[t];
}

size_t dtype_bytes(enum dtype t)
{
	return row(t)->bytes;
}

const char *dtype_wire(enum dtype t)
{
	return row(t)->wire;
}

const char *dtype_config(enum dtype t)
{
	return row(t)->config;
}

int dtype_onnx(enum dtype t)
{
	return row(t)->onnx;
}

enum dtype dtype_from_wire(struct str s)
{
	for (int i = 1; i < DTYPE_COUNT; i++)
		if (str_is(s, rows[i].wire))
			return (enum dtype)i;
	return DTYPE_INVALID;
}

enum dtype dtype_from_config(struct str s)
{
	for (int i = 1; i < DTYPE_COUNT; i++)
		if (str_is(s, rows[i].config))
			return (enum dtype)i;
	return DTYPE_INVALID;
}

enum dtype dtype_from_onnx(int64_t id)
{
	for (int i = 1; i < DTYPE_COUNT; i++)
		if (rows[i].onnx == id)
			return (enum dtype)i;
	return DTYPE_INVALID;
}
