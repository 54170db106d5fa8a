#include "engine/base/hash.h"

#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

/* Fractional parts of the cube roots of the first 64 primes. */
static const uint32_t k256[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t turn(uint32_t x, int n)
{
	return x >> n | x << (32 - n);
}

static uint32_t big_endian(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The definition: FIPS 180-4, 6.2.2. */
static void blocks_plain(uint32_t h[8], const unsigned char *p, size_t n_blocks)
{
	uint32_t w[64], v[8];

	for (; n_blocks--; p += 64) {
		for (int t = 0; t < 16; t++)
			w[t] = big_endian(p + 4 * t);
		for (int t = 16; t < 64; t++) {
			uint32_t s0 = turn(w[t - 15], 7) ^ turn(w[t - 15], 18) ^ w[t - 15] >> 3;
			uint32_t s1 = turn(w[t - 2], 17) ^ turn(w[t - 2], 19) ^ w[t - 2] >> 10;

			w[t] = s1 + w[t - 7] + s0 + w[t - 16];
		}
		memcpy(v, h, sizeof v);
		for (int t = 0; t < 64; t++) {
			uint32_t e = v[4], a = v[0];
			uint32_t t1 = v[7] + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) +
			    ((e & v[5]) ^ (~e & v[6])) + k256[t] + w[t];
			uint32_t t2 = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) +
			    ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));

			memmove(v + 1, v, 7 * sizeof *v);
			v[4] += t1;
			v[0] = t1 + t2;
		}
		for (int i = 0; i < 8; i++)
			h[i] += v[i];
	}
}

#if defined(__x86_64__)
/* The same on the processor's SHA instructions, which hold the eight words as
 * ABEF and CDGH and take two rounds at a time (Intel, "SHA extensions"). */
__attribute__((target("sha,sse4.1"))) static void blocks_sha(uint32_t h[8], const unsigned char *p, size_t n_blocks)
{
	const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
	__m128i lo = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)h), 0xb1);
	__m128i hi = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(h + 4)), 0x1b);
	__m128i abef = _mm_alignr_epi8(lo, hi, 8), cdgh = _mm_blend_epi16(hi, lo, 0xf0);

	for (; n_blocks--; p += 64) {
		__m128i m[4], abef0 = abef, cdgh0 = cdgh;

		for (int i = 0; i < 16; i++) {
			__m128i *w = &m[i & 3], k;

			if (i < 4) {
				*w = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(p + 16 * i)), swap);
			} else {
				*w = _mm_sha256msg1_epu32(*w, m[(i + 1) & 3]);
				*w = _mm_add_epi32(*w, _mm_alignr_epi8(m[(i + 3) & 3], m[(i + 2) & 3], 4));
				*w = _mm_sha256msg2_epu32(*w, m[(i + 3) & 3]);
			}
			k = _mm_add_epi32(*w, _mm_loadu_si128((const __m128i *)(k256 + 4 * i)));
			cdgh = _mm_sha256rnds2_epu32(cdgh, abef, k);
			abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(k, 0x0e));
		}
		abef = _mm_add_epi32(abef, abef0);
		cdgh = _mm_add_epi32(cdgh, cdgh0);
	}
	lo = _mm_shuffle_epi32(abef, 0x1b);
	hi = _mm_shuffle_epi32(cdgh, 0xb1);
	_mm_storeu_si128((__m128i *)h, _mm_blend_epi16(lo, hi, 0xf0));
	_mm_storeu_si128((__m128i *)(h + 4), _mm_alignr_epi8(hi, lo, 8));
}

static int has_sha(void)
{
	unsigned a, b, c, d;

	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 29 & 1) && __builtin_cpu_supports("sse4.1");
}

static void blocks(uint32_t h[8], const unsigned char *p, size_t n)
{
	if (has_sha())
		blocks_sha(h, p, n);
	else
		blocks_plain(h, p, n);
}
#else
static void blocks(uint32_t h[8], const unsigned char *p, size_t n)
{
	blocks_plain(h, p, n);
}
#endif

void sha256_start(struct sha256 *s)
{
	/* Fractional parts of the square roots of the first eight primes. */
	*s = (struct sha256){.h = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab,
				 0x5be0cd19}};
}

void sha256_add(struct sha256 *s, const void *data, size_t n)
{
	const unsigned char *p = data;
	size_t held = s->n % 64, room = 64 - held;

	s->n += n;
	if (held && n >= room) {
		memcpy(s->held + held, p, room);
		blocks(s->h, s->held, 1);
		p += room;
		n -= room;
		held = 0;
	}
	if (!held && n >= 64) {
		blocks(s->h, p, n / 64);
		p += n / 64 * 64;
		n %= 64;
	}
	if (n)
		memcpy(s->held + held, p, n);
}

void sha256_finish(struct sha256 *s, unsigned char out[SHA256_BYTES])
{
	static const unsigned char pad[64] = {0x80};
	unsigned char length[8];
	uint64_t bits = s->n * 8;

	for (int i = 0; i < 8; i++)
		length[i] = (unsigned char)(bits >> 8 * (7 - i));
	sha256_add(s, pad, 1 + (119 - s->n % 64) % 64);
	sha256_add(s, length, sizeof length);
	for (int i = 0; i < SHA256_BYTES; i++)
		out[i] = (unsigned char)(s->h[i / 4] >> 8 * (3 - i % 4));
}

const char *sha256_text(const unsigned char digest[SHA256_BYTES], char out[SHA256_TEXT])
{
	static const char hex[] = "0123456789abcdef";

	for (int i = 0; i < SHA256_BYTES; i++) {
		out[2 * i] = hex[digest[i] >> 4];
		out[2 * i + 1] = hex[digest[i] & 15];
	}
	out[SHA256_TEXT - 1] = 0;
	return out;
}
