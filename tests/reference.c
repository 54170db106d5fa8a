#include "tests/reference.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/buf.h"
#include "engine/base/mem.h"

enum { NPY_LIMIT = 1 << 20 };

static bool read_file(struct buf *b, const char *path, struct err *e)
{
	char part[4096];
	size_t n;
	FILE *f = fopen(path, "rb");

	if (!f)
		return err_set(e, ERR_FILE, "%s does not open", path);
	while ((n = fread(part, 1, sizeof part, f)) > 0 && b->len < NPY_LIMIT)
		buf_add(b, part, n);
	fclose(f);
	return true;
}

/* The header is a Python dictionary of known keys: {'descr': '<f4',
 * 'fortran_order': False, 'shape': (3, 4), }. */
static bool read_header(struct npy *a, const char *h, char type[3], struct err *e)
{
	const char *descr = strstr(h, "'descr': '<"), *shape = strstr(h, "'shape': (");

	if (!descr || !shape || !strstr(h, "'fortran_order': False"))
		return err_set(e, ERR_FILE, "header not understood: %.80s", h);
	memcpy(type, descr + strlen("'descr': '<"), 2);
	type[2] = 0;
	shape += strlen("'shape': (");
	a->n = 1;
	a->dim[0] = a->dim[1] = a->dim[2] = 1;
	for (char *end; *shape && *shape != ')'; shape = end + strspn(end, ", ")) {
		if (a->n_dims == 3)
			return err_set(e, ERR_FILE, "more than three dimensions");
		a->dim[a->n_dims] = strtoull(shape, &end, 10);
		if (end == shape)
			return err_set(e, ERR_FILE, "shape not understood");
		a->n *= a->dim[a->n_dims++];
	}
	return true;
}

static double value(const char *p, const char *type)
{
	double d;
	float f;
	int32_t i;

	if (!strcmp(type, "f8"))
		return memcpy(&d, p, 8), d;
	if (!strcmp(type, "f4"))
		return memcpy(&f, p, 4), (double)f;
	return memcpy(&i, p, 4), (double)i;
}

bool npy_read(struct npy *a, const char *path, struct err *e)
{
	struct buf b = { 0 };
	char type[3] = "";
	size_t header, size;

	memset(a, 0, sizeof *a);
	if (!read_file(&b, path, e))
		goto fail;
	if (b.len < 10 || memcmp(b.data, "\x93NUMPY\x01", 7)) {
		err_set(e, ERR_FILE, "not a .npy file of version 1");
		goto fail;
	}
	header = 10 + (size_t)(unsigned char)b.data[8] + 256 * (size_t)(unsigned char)b.data[9];
	if (b.len < header || !read_header(a, b.data + 10, type, e))
		goto fail;
	size = type[1] == '8' ? 8 : 4;
	if (strcmp(type, "f4") && strcmp(type, "f8") && strcmp(type, "i4")) {
		err_set(e, ERR_FILE, "type %s, expected f4, f8 or i4", type);
		goto fail;
	}
	if (b.len - header != a->n * size) {
		err_set(e, ERR_FILE, "%zu bytes of values, expected %zu", b.len - header, a->n * size);
		goto fail;
	}
	a->v = mem_array(a->n, sizeof *a->v);
	for (size_t i = 0; i < a->n; i++)
		a->v[i] = value(b.data + header + i * size, type);
	buf_free(&b);
	return true;
fail:
	buf_free(&b);
	npy_free(a);
	return err_wrap(e, "%s", path);
}

void npy_free(struct npy *a)
{
	free(a->v);
	a->v = NULL;
}

bool reference_more(const struct reference *r, const char *what, struct npy *a, struct err *e)
{
	char path[256];

	snprintf(path, sizeof path, REFERENCE "%s/%s.npy", r->name, what);
	return npy_read(a, path, e);
}

bool reference_read(struct reference *r, const char *name, struct err *e)
{
	struct npy tokens = { 0 }, rounding = { 0 };

	memset(r, 0, sizeof *r);
	r->name = name;
	if (!reference_more(r, "tokens", &tokens, e) || !reference_more(r, "rounding", &rounding, e) ||
	    !reference_more(r, "positions", &r->positions, e) || !reference_more(r, "columns", &r->columns, e) ||
	    !reference_more(r, "logits", &r->logits, e) || !reference_more(r, "argmax", &r->argmax, e))
		goto fail;
	r->n_tokens = (int)tokens.n;
	r->tokens = mem_array(tokens.n, sizeof *r->tokens);
	for (size_t i = 0; i < tokens.n; i++)
		r->tokens[i] = (int32_t)tokens.v[i];
	r->rounding_rms = rounding.v[0];
	npy_free(&tokens);
	npy_free(&rounding);
	return true;
fail:
	npy_free(&tokens);
	npy_free(&rounding);
	reference_free(r);
	return false;
}

void reference_free(struct reference *r)
{
	free(r->tokens);
	r->tokens = NULL;
	npy_free(&r->positions);
	npy_free(&r->columns);
	npy_free(&r->logits);
	npy_free(&r->argmax);
}

struct distance reference_distance(const struct reference *r, const float *logits, int n_vocab)
{
	struct distance d = { 0, 0 };

	for (size_t i = 0; i < r->positions.n; i++)
		for (size_t j = 0; j < r->columns.n; j++) {
			size_t at = (size_t)r->positions.v[i] * (size_t)n_vocab + (size_t)r->columns.v[j];
			double off = fabs((double)logits[at] - r->logits.v[i * r->columns.n + j]);

			/* Written so that NaN counts as infinitely far. */
			d.max = off <= d.max ? d.max : isnan(off) ? INFINITY : off;
			d.rms += off * off;
		}
	d.rms = sqrt(d.rms / (double)r->logits.n);
	return d;
}
