#include "lib/store/crc32c.h"

enum { SLICES = 4 };

static uint32_t table[SLICES][256];

static void
crc_init(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;

		for (int k = 0; k < 8; k++)
			c = c & 1 ? c >> 1 ^ 0x82f63b78u : c >> 1;
		table[0][i] = c;
	}
	for (int k = 1; k < SLICES; k++)
		for (uint32_t i = 0; i < 256; i++)
			table[k][i] = table[k - 1][i] >> 8 ^
			    table[0][table[k - 1][i] & 0xff];
}

uint32_t
crc32c(uint32_t crc, const void *p, size_t n)
{
	const unsigned char *s = p;

	if (table[0][1] == 0)
		crc_init();
	crc = ~crc;
	/* Four bytes a step: a quarantined message is checksummed in full. */
	for (; n >= SLICES; n -= SLICES, s += SLICES) {
		crc ^= s[0] | (uint32_t)s[1] << 8 | (uint32_t)s[2] << 16 |
		    (uint32_t)s[3] << 24;
		crc = table[3][crc & 0xff] ^ table[2][crc >> 8 & 0xff] ^
		    table[1][crc >> 16 & 0xff] ^ table[0][crc >> 24];
	}
	while (n-- > 0)
		crc = crc >> 8 ^ table[0][(crc ^ *s++) & 0xff];
	return ~crc;
}
