/* CRC-32C (Castagnoli), as RFC 3720 appendix B.4 defines it. */
#ifndef PMG_STORE_CRC32C_H
#define PMG_STORE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Of the n bytes at p, continuing from crc (0 to begin). */
uint32_t crc32c(uint32_t crc, const void *p, size_t n);

#endif
