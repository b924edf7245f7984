/* Makes C structs of a message set. Not a header of its own: a set's header defines PB_SET_FILE as the
 * name of its .def file and includes this. The .def file holds, in any order,
 *   PB_ENUM_BEGIN(e)  PB_VALUE(e, PREFIX, NAME, number)...  PB_ENUM_END(e, "Name")
 *   PB_MSG(m)  fields...  PB_END(m, "Name")
 * where a field is one of (f: name, n: number, flags: of codec/pb.h)
 *   PB_ONE(m, f, n, KIND, flags)    PB_MANY(m, f, n, KIND, flags)     a scalar, a list of them
 *   PB_ENUM(m, f, n, e, flags)      PB_ENUMS(m, f, n, e, flags)
 *   PB_SUB(m, f, n, type, flags)    PB_SUBS(m, f, n, type, flags)     a message
 *   PB_MAP(m, f, n, entry, flags)                                     entry: a message of key 1, value 2
 * It makes `enum e` with PREFIX_NAME, `struct m`, the bits of `has`, and declares `m_pb`.
 */
#include "codec/pb.h"

#ifndef PB_CTYPES
#define PB_CTYPES
#define PB_CTYPE_INT32 int32_t
#define PB_CTYPE_INT64 int64_t
#define PB_CTYPE_UINT32 uint32_t
#define PB_CTYPE_UINT64 uint64_t
#define PB_CTYPE_BOOL bool
#define PB_CTYPE_FLOAT float
#define PB_CTYPE_DOUBLE double
#define PB_CTYPE_STRING struct str
#define PB_CTYPE_BYTES struct span
#endif

/* First: the enums, and the structs. */
#define PB_ENUM_BEGIN(e) enum e {
#define PB_VALUE(e, prefix, name, number) prefix##_##name = (number),
#define PB_ENUM_END(e, text) };
#define PB_MSG(m) struct m { uint64_t has;
#define PB_END(m, text) };
#define PB_LIST_OF(type, f) struct { type *p; uint32_t n, cap; } f;
#define PB_ONE(m, f, n, kind, flags) PB_CTYPE_##kind f;
#define PB_MANY(m, f, n, kind, flags) PB_LIST_OF(PB_CTYPE_##kind, f)
#define PB_ENUM(m, f, n, e, flags) int32_t f;
#define PB_ENUMS(m, f, n, e, flags) PB_LIST_OF(int32_t, f)
#define PB_SUB(m, f, n, type, flags) struct type *f;
#define PB_SUBS(m, f, n, type, flags) PB_LIST_OF(struct type, f)
#define PB_MAP(m, f, n, type, flags) PB_LIST_OF(struct type, f)
#include PB_SET_FILE
#include "codec/pb_undef.h"

/* Second: the bits of `has`, and the descriptors' names. */
#define PB_ENUM_BEGIN(e) extern const struct pb_enum e##_pb;
#define PB_VALUE(e, prefix, name, number)
#define PB_ENUM_END(e, text)
#define PB_MSG(m) extern const struct pb_msg m##_pb; enum m##_bits {
#define PB_END(m, text) PB_BITS_##m, };
#define PB_ONE(m, f, n, kind, flags) PB_BIT_##m##_##f,
#define PB_MANY(m, f, n, kind, flags) PB_BIT_##m##_##f,
#define PB_ENUM(m, f, n, e, flags) PB_BIT_##m##_##f,
#define PB_ENUMS(m, f, n, e, flags) PB_BIT_##m##_##f,
#define PB_SUB(m, f, n, type, flags) PB_BIT_##m##_##f,
#define PB_SUBS(m, f, n, type, flags) PB_BIT_##m##_##f,
#define PB_MAP(m, f, n, type, flags) PB_BIT_##m##_##f,
#include PB_SET_FILE
#include "codec/pb_undef.h"
