/* What the three forms of protobuf share: a value, and where in a struct it goes. */
#ifndef NEREID_CODEC_PB_PRIV_H
#define NEREID_CODEC_PB_PRIV_H

#include "codec/pb.h"

union pb_value { int64_t i; uint64_t u; double d; struct str s; };

size_t pb__size(const struct pb_field *f);   /* of one element in a struct or a list, bytes */
/* Where the next value of the field goes: the field itself, or a new zeroed element of its list. A
 * message is made where there is none. Marks the field as set and clears its rivals of a oneof. NULL:
 * a limit, or out of memory. */
void *pb__slot(struct arena *a, const struct pb_msg *m, void *x, const struct pb_field *f);
/* Room for n more elements at once. */
bool pb__reserve(struct arena *a, void *x, const struct pb_field *f, uint32_t n);
/* A scalar into a slot, cut to the field's width as protobuf does. */
void pb__store(void *slot, const struct pb_field *f, union pb_value v);
union pb_value pb__load(const void *slot, const struct pb_field *f);
/* After an entry was added to a map: a former one with the same key gives way. */
void pb__map_settle(void *x, const struct pb_field *f);
/* Element i of the field (0 for a single one); of a message: the struct. */
const void *pb__at(const void *x, const struct pb_field *f, uint32_t i);
bool pb__is_set(const struct pb_msg *m, const void *x, const struct pb_field *f);
/* The field of m in the same oneof that is set already, or NULL. */
const struct pb_field *pb__rival(const struct pb_msg *m, const void *x, const struct pb_field *f);
/* The shortest text that reads back as the same number; inf, -inf, nan. */
void pb__print_real(struct buf *b, double d, bool is_float);

#endif
