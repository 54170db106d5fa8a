/*
 * bad_gguf -- the workshop behind test_bad_files.c: each function makes one kind
 * of malformed file out of a good model, or out of nothing.
 *
 * A row of the test's table names the maker and gives it the text and the two
 * numbers it needs; what they mean stands at the maker.
 */
#ifndef TESTS_BAD_GGUF_H
#define TESTS_BAD_GGUF_H

#include "tests/gguf_build.h"

struct bad {
	const char *what;
	void (*make)(struct buf *out, const struct bad *k);
	const char *key;                /* key, name or text the maker needs */
	uint64_t v, w;                  /* numbers it needs */
	enum err_code code;             /* of opening as a model; ERR_NONE: it opens */
	const char *word;               /* the message must hold it */
};

/* A whole good model of one layer, still in parts, and its bytes. */
void bad_good(struct gguf_build *b);
void bad_finish(struct gguf_build *b, struct buf *out);

/* What is wrong with the row of bad_odd_row(); ROW adds the tensor's type. */
enum { NE0 = 1, NE1, NE3, TYPE, N_DIMS, OFFSET };
#define ROW(field, type) ((uint64_t)(type) << 8 | (field))

void bad_cut(struct buf *out, const struct bad *k);                      /* the first v bytes */
void bad_starts_with(struct buf *out, const struct bad *k);              /* the text over the first bytes (v of them, or all) */
void bad_version(struct buf *out, const struct bad *k);                  /* v */
void bad_counts(struct buf *out, const struct bad *k);                   /* v tensors and w keys in 100 bytes */
void bad_desync(struct buf *out, const struct bad *k);                   /* v keys and w tensors more than there are */
void bad_raw_key(struct buf *out, const struct bad *k);                  /* a key length of v before w bytes */
void bad_odd_key(struct buf *out, const struct bad *k);                  /* a key of this text (v bytes, or all) */
void bad_twice(struct buf *out, const struct bad *k);                    /* this key once more, as a string */
void bad_many_keys(struct buf *out, const struct bad *k);                /* v of them */
void bad_odd_value(struct buf *out, const struct bad *k);                /* type w, bytes v and zeros */
void bad_retyped(struct buf *out, const struct bad *k);                  /* the type of this key becomes v */
void bad_array_length(struct buf *out, const struct bad *k);             /* v elements of type w */
void bad_long_array(struct buf *out, const struct bad *k);               /* v bytes that are there */
void bad_long_string(struct buf *out, const struct bad *k);              /* v letters under this key */
void bad_nested(struct buf *out, const struct bad *k);                   /* arrays, v deep */
void bad_bool_array(struct buf *out, const struct bad *k);               /* one of them v */
void bad_alignment(struct buf *out, const struct bad *k);                /* v, of type w */
void bad_architecture(struct buf *out, const struct bad *k);             /* this one; without: none, or an array */
void bad_odd_row(struct buf *out, const struct bad *k);                  /* w names what becomes v */
void bad_two_huge(struct buf *out, const struct bad *k);                 /* v elements of type w each */
void bad_second_offset(struct buf *out, const struct bad *k);            /* v */
void bad_shortened(struct buf *out, const struct bad *k);                /* by v bytes */
void bad_lengthened(struct buf *out, const struct bad *k);               /* by v bytes */
void bad_named(struct buf *out, const struct bad *k);                    /* a tensor of this name, or of v letters */
void bad_many_tensors(struct buf *out, const struct bad *k);             /* v of them */
void bad_transposed(struct buf *out, const struct bad *k);               /* this matrix */
void bad_renamed(struct buf *out, const struct bad *k);                  /* this tensor */
void bad_ones_everywhere(struct buf *out, const struct bad *k);          /* data of dtype v all 0xff */
void bad_split(struct buf *out, const struct bad *k);                    /* in v parts */
void bad_valued(struct buf *out, const struct bad *k);                   /* four bytes of this key become v */
void bad_added(struct buf *out, const struct bad *k);                    /* this key as u32 v */
void bad_without(struct buf *out, const struct bad *k);                  /* this key */
void bad_scaling(struct buf *out, const struct bad *k);                  /* of this type */
void bad_scaling_factor(struct buf *out, const struct bad *k);           /* with these bits */
void bad_per_layer(struct buf *out, const struct bad *k);                /* this key as an array of v */
void bad_vocabulary(struct buf *out, const struct bad *k);               /* v tokens, scores or kinds wrong by w */

#endif
