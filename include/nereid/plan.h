/* The plan file, version 1. Little-endian, offsets only, mapped with mmap and read as hostile input.
 *
 *   header          struct plan_header, 64 bytes
 *   section table   n_sections of struct plan_section, 80 bytes each; header.table_crc covers it
 *   sections        each begins at a multiple of 64 and has its own CRC-32C
 *
 * A plan is fat: one portable section (graph after passes that hold anywhere) and one target section for each instruction set that it was compiled for, named by
 * key, as "cpu-avx512". Graph sections are streams of the records in src/plan/stream.c; constants are places in a weights section. Weights that both kinds
 * of graph use are stored once, in the target's weights.
 */
#ifndef NEREID_PLAN_H
#define NEREID_PLAN_H

#include <stdint.h>

#define PLAN_MAGIC "NEREIDPL"
enum { PLAN_VERSION = 1, PLAN_ALIGN = 64, PLAN_SECTIONS_MAX = 64, PLAN_KEY_BYTES = 32 };

enum plan_kind { PLAN_PORTABLE = 1, PLAN_TARGET = 2, PLAN_WEIGHTS = 3, PLAN_INFO = 4 /* text: the build log */ };

struct plan_header {
	char magic[8];
	uint32_t version;
	uint32_t n_sections;
	uint64_t file_bytes;
	uint32_t table_crc;
	uint32_t header_crc;      /* of this struct with this field 0 */
	uint8_t zero[32];
};

struct plan_section {
	uint32_t kind;            /* enum plan_kind */
	uint32_t crc;             /* CRC-32C of the section */
	uint64_t offset, bytes;
	char key[PLAN_KEY_BYTES]; /* of a target: for which host; ends in NUL */
	int64_t batch_max;        /* of a graph: the profile's largest batch; 0: not bounded */
	uint64_t cost_ns;         /* of a target: time of one run at batch 1 on the machine that compiled it; 0: unknown */
	uint8_t zero[8];
};

#endif
