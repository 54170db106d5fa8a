#include "engine/fingerprint.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/buf.h"
#include "engine/base/hash.h"
#include "engine/base/mapfile.h"
#include "engine/model.h"

enum { PIECE = 4 << 20 };       /* bytes between two questions whether to go on */

struct hashing {
	struct sha256 sha;
	size_t done, all;               /* bytes */
	fingerprint_go_on *go_on;
	void *to;
};

static bool add_bytes(struct hashing *h, const unsigned char *p, size_t n)
{
	for (size_t at = 0; at < n; at += PIECE) {
		size_t some = n - at < PIECE ? n - at : PIECE;

		if (h->go_on && !h->go_on(h->to, (double)h->done / (double)h->all))
			return false;
		sha256_add(&h->sha, p + at, some);
		h->done += some;
	}
	return true;
}

/* Where the answer for this path is kept: one small file each. */
static bool cache_path(const char *path, struct buf *out)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	unsigned char digest[SHA256_BYTES];
	char text[SHA256_TEXT];
	struct sha256 h;

	if (cache && *cache == '/')
		buf_printf(out, "%s/clampmeter", cache);
	else if (home && *home == '/')
		buf_printf(out, "%s/.cache/clampmeter", home);
	else
		return false;
	sha256_start(&h);
	sha256_add(&h, path, strlen(path));
	sha256_finish(&h, digest);
	buf_printf(out, "/fingerprint-%.16s", sha256_text(digest, text));
	return true;
}

static bool read_cache(const char *file, const struct stat *st, char out[FINGERPRINT_TEXT])
{
	unsigned long long size = 0, seconds = 0, ns = 0;
	char text[FINGERPRINT_TEXT] = "";
	FILE *f = fopen(file, "r");
	bool ok = f && fscanf(f, "%llu %llu %llu %71s", &size, &seconds, &ns, text) == 4 &&
	    size == (unsigned long long)st->st_size && seconds == (unsigned long long)st->st_mtim.tv_sec &&
	    ns == (unsigned long long)st->st_mtim.tv_nsec && strlen(text) == 7 + SHA256_TEXT - 1;

	if (f)
		fclose(f);
	if (ok)
		memcpy(out, text, sizeof text);
	return ok;
}

/* A cache that cannot be written costs the next run a second, no more. */
static void write_cache(const struct buf *file, const struct stat *st, const char *text)
{
	struct buf part = { 0 };
	char *slash = strrchr(file->data, '/');
	FILE *f;

	/* The cache folder itself may be missing too: its parent, then it. */
	char *above = slash;
	*slash = '\0';
	if ((above = strrchr(file->data, '/')) && above != file->data) {
		*above = '\0';
		mkdir(file->data, 0700);
		*above = '/';
	}
	bool there = !mkdir(file->data, 0700) || errno == EEXIST;
	*slash = '/';
	if (!there)
		return;
	buf_printf(&part, "%s.%ld", file->data, (long)getpid());
	if ((f = fopen(part.data, "w"))) {
		fprintf(f, "%llu %llu %llu %s\n", (unsigned long long)st->st_size, (unsigned long long)st->st_mtim.tv_sec,
		    (unsigned long long)st->st_mtim.tv_nsec, text);
		if (fclose(f) || rename(part.data, file->data))
			unlink(part.data);
	}
	buf_free(&part);
}

static void finish(struct sha256 *h, char out[FINGERPRINT_TEXT])
{
	unsigned char digest[SHA256_BYTES];
	char text[SHA256_TEXT];

	sha256_finish(h, digest);
	snprintf(out, FINGERPRINT_TEXT, "sha256:%s", sha256_text(digest, text));
}

/* A model in memory has no file: its tensors stand for it. */
static bool from_tensors(const struct model *m, struct hashing *h, char out[FINGERPRINT_TEXT])
{
	for (size_t i = 0; i < m->dir->n; i++)
		h->all += tensor_bytes(&m->dir->t[i]);
	for (size_t i = 0; i < m->dir->n; i++) {
		const struct tensor *t = &m->dir->t[i];

		sha256_add(&h->sha, t->name, strlen(t->name));
		if (!add_bytes(h, t->data, tensor_bytes(t)))
			return false;
	}
	finish(&h->sha, out);
	return true;
}

static bool from_file(const struct mapfile *map, struct hashing *h, char out[FINGERPRINT_TEXT])
{
	h->all = map->size;
	if (!add_bytes(h, map->data, map->size))
		return false;
	finish(&h->sha, out);
	return true;
}

bool model_fingerprint(const struct model *m, fingerprint_go_on *go_on, void *to, char out[FINGERPRINT_TEXT])
{
	struct hashing h = { .go_on = go_on, .to = to };
	struct mapfile map = { 0 };
	struct buf cache = { 0 };
	struct stat st;
	struct err e = { 0 };
	bool ok = false;

	sha256_start(&h.sha);
	if (m->in_memory || stat(m->path, &st) || !mapfile_open(&map, m->path, &e))
		return from_tensors(m, &h, out);
	char *real = realpath(m->path, NULL);
	bool cached = real && cache_path(real, &cache);

	if (cached && read_cache(cache.data, &st, out)) {
		ok = true;
	} else if ((ok = from_file(&map, &h, out)) && cached) {
		write_cache(&cache, &st, out);
	}
	free(real);
	buf_free(&cache);
	mapfile_close(&map);
	return ok;
}
