/* Forgets the words of a message set between its projections (pb_structs.h, pb_tables.h). */
#undef PB_ENUM_BEGIN
#undef PB_VALUE
#undef PB_ENUM_END
#undef PB_MSG
#undef PB_END
#undef PB_LIST_OF
#undef PB_ONE
#undef PB_MANY
#undef PB_ENUM
#undef PB_ENUMS
#undef PB_SUB
#undef PB_SUBS
#undef PB_MAP
#undef PB_ROW
