/*
 * hash -- SHA-256 (FIPS 180-4): the fingerprint of a model file.
 *
 * The digest is that of the file's bytes, so it can be held against the one a
 * model's publisher gives, or against sha256sum(1).  Processors with SHA
 * instructions use them (some 2 GB/s), others a plain loop (some 0.3).
 */
#ifndef ENGINE_BASE_HASH_H
#define ENGINE_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

enum { SHA256_BYTES = 32, SHA256_TEXT = 65 };

struct sha256 {
	uint32_t h[8];
	uint64_t n;             /* bytes so far */
	unsigned char held[64]; /* a block that is not yet full */
};

void sha256_start(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *p, size_t n);
void sha256_finish(struct sha256 *s, unsigned char out[SHA256_BYTES]);
/* Hexadecimal, NUL-terminated; returns `out`. */
const char *sha256_text(const unsigned char digest[SHA256_BYTES], char out[SHA256_TEXT]);

#endif
