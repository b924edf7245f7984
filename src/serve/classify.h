/* The classification extension: an output as its greatest elements, with their labels. */
#ifndef NEREID_SERVE_CLASSIFY_H
#define NEREID_SERVE_CLASSIFY_H

#include "serve/model.h"

/* Reads an output's labels, one a line, from the file of that name in m's folder. */
struct status classify_read_labels(struct served *m, struct str file,
                                   struct served_io *io) MUST_CHECK;
/* `in` as a BYTES tensor in the arena: for each entry of the batch its k greatest elements, each
 * "value:index" or "value:index:label". batched: the first dimension is the batch. k > 0. Equals
 * come in the order of their index; what is not a number comes last. INVALID_ARG for types that
 * have no order here. */
struct status classify(const struct served_io *io, const struct tensor *in, bool batched,
                       uint32_t k, struct arena *a, struct tensor *out) MUST_CHECK;

#endif
