/* Inside the plan room: a graph as a stream of bytes. Constants are numbers of a section and an offset in it. */
#ifndef NEREID_PLAN_STREAM_H
#define NEREID_PLAN_STREAM_H

#include "base/buf.h"
#include "ir/ir.h"

struct stream_place { uint32_t section; uint64_t offset; };
/* Where the constant v is to be, told by the writer of the file. */
typedef bool stream_place_fn(void *ctx, const struct ir_value *v, struct stream_place *out);
/* Appends the graph to b (whose failure sticks); false: a constant has no place. */
bool stream_write(const struct ir_graph *g, stream_place_fn *place, void *ctx, struct buf *b) MUST_CHECK;
/* The bytes of a place, or NULL where it is not inside its section; the reader of the file knows. */
typedef const void *stream_bytes_fn(void *ctx, struct stream_place at, uint64_t bytes);
/* Reads a graph from hostile bytes into arena a. CORRUPT with the offset. The result passed ir_verify. */
struct status stream_read(struct span in, stream_bytes_fn *bytes, void *ctx, struct arena *a, struct ir_graph **out) MUST_CHECK;

#endif
