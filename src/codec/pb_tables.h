/* Makes the descriptors of a message set. Not a header of its own: the set's .c file includes the set's
 * header, defines PB_SET_FILE (its header may have left it defined) and includes this once. */
#define PB_ENUM_BEGIN(e) static const struct pb_enum_value e##_values[] = {
#define PB_VALUE(e, prefix, text, value) {#text, (value)},
#define PB_ENUM_END(e, text) \
	}; \
	const struct pb_enum e##_pb = {text, e##_values, sizeof e##_values / sizeof e##_values[0]};
#define PB_MSG(m) static const struct pb_field m##_fields[] = {
#define PB_END(m, text) \
	}; \
	const struct pb_msg m##_pb = {text, m##_fields, sizeof m##_fields / sizeof(struct pb_field), \
	                              sizeof(struct m)}; \
	_Static_assert((int)PB_BITS_##m <= 64 && offsetof(struct m, has) == 0, "one bit a field");
#define PB_ROW(m, f, no, knd, crd, flg, type, en) \
	{.number = (no), .kind = (knd), .card = (crd), .flags = (flg), .offset = offsetof(struct m, f), \
	 .name = #f, .msg = (type), .enums = (en)},
#define PB_ONE(m, f, n, kind, flags) PB_ROW(m, f, n, PB_##kind, PB_SINGLE, flags, 0, 0)
#define PB_MANY(m, f, n, kind, flags) PB_ROW(m, f, n, PB_##kind, PB_REPEATED, flags, 0, 0)
#define PB_ENUM(m, f, n, e, flags) PB_ROW(m, f, n, PB_ENUMERATED, PB_SINGLE, flags, 0, &e##_pb)
#define PB_ENUMS(m, f, n, e, flags) PB_ROW(m, f, n, PB_ENUMERATED, PB_REPEATED, flags, 0, &e##_pb)
#define PB_SUB(m, f, n, type, flags) PB_ROW(m, f, n, PB_MESSAGE, PB_SINGLE, flags, &type##_pb, 0)
#define PB_SUBS(m, f, n, type, flags) PB_ROW(m, f, n, PB_MESSAGE, PB_REPEATED, flags, &type##_pb, 0)
#define PB_MAP(m, f, n, type, flags) PB_ROW(m, f, n, PB_MESSAGE, PB_MAPPED, flags, &type##_pb, 0)
#include PB_SET_FILE
#include "codec/pb_undef.h"
