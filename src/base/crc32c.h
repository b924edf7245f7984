/* CRC-32C (Castagnoli), with the SSE4.2 instruction where there is one, three streams at a time. */
#ifndef NEREID_BASE_CRC32C_H
#define NEREID_BASE_CRC32C_H
#include <stddef.h>
#include <stdint.h>
uint32_t crc32c(uint32_t crc, const void *p, size_t n);   /* start with 0; may be continued */
#endif
