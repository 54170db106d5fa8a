#include "analysis/neuronmap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/mem.h"
#include "engine/safetensors.h"

const char neuronmap_format[] =
    "A neuron map is a safetensors file.  Its metadata name the format (clampmeter neuron map 1), the model and its "
    "fingerprint (SHA-256), site, variant, d_model and n_vocab.  The tensor done (I32, one number a layer) says how "
    "many neurons of each layer are finished.  L0.id, L1.id, ... (I32, [d_ff][10]) hold the token ids of each neuron "
    "by falling logit, -1 where there is none; L0.logit, L0.probability and L0.cosine (F32, [d_ff][10]) what belongs "
    "to them.  Ids, logits and cosines are exact; probabilities are good to about 1e-4 of themselves.";

enum { PARTS = 4 };
static const char *const part_names[PARTS] = { "id", "logit", "probability", "cosine" };

/* The data of the file lie in memory as they lie in the file. */
struct neuronmap {
	int n_layers, d_ff, n_vocab;
	enum neuron_site site;
	enum neuron_variant variant;
	char *path;                     /* NULL: in memory only */
	int fd;
	struct buf header;              /* the first bytes of the file: length and JSON */
	unsigned char *data;            /* [n_layers] done, then layers */
	_Atomic int32_t *done;          /* [n_layers]: the same for readers, set when the rows are there */
	size_t part_bytes, data_bytes;
};

static bool make_dirs(char *path)
{
	for (char *p = path + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = 0;
		bool ok = !mkdir(path, 0700) || errno == EEXIST;
		*p = '/';
		if (!ok)
			return false;
	}
	return true;
}

bool neuronmap_path(struct buf *out, const char *fingerprint, enum neuron_site s, enum neuron_variant v)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	const char *digits = strchr(fingerprint, ':');

	if (cache && *cache == '/')
		buf_printf(out, "%s/clampmeter/", cache);
	else if (home && *home == '/')
		buf_printf(out, "%s/.cache/clampmeter/", home);
	else
		return false;
	buf_printf(out, "neurons-%.16s-%s-%s.safetensors", digits ? digits + 1 : fingerprint, neuron_site_names[s],
	    neuron_variant_names[v]);
	return make_dirs(out->data);
}

static size_t part_at(const struct neuronmap *map, int layer, int part)
{
	size_t done = (size_t)map->n_layers * sizeof(int32_t);

	return done + ((size_t)layer * PARTS + (size_t)part) * map->part_bytes;
}

static void add_entry(struct buf *b, const char *name, const char *type, int rows, int cols, size_t from, size_t to)
{
	buf_printf(b, ",\"%s\":{\"dtype\":\"%s\",\"shape\":[%d", name, type, rows);
	if (cols)
		buf_printf(b, ",%d", cols);
	buf_printf(b, "],\"data_offsets\":[%zu,%zu]}", from, to);
}

static void add_meta(struct buf *b, const char *key, const char *value)
{
	buf_printf(b, "%s\"%s\":", b->data[b->len - 1] == '{' ? "" : ",", key);
	buf_json(b, value, strlen(value));
}

static void add_number(struct buf *b, const char *key, int value)
{
	char text[16];

	snprintf(text, sizeof text, "%d", value);
	add_meta(b, key, text);
}

/* The same model, site and variant always give the same bytes. */
static void make_header(struct neuronmap *map, const struct model *m, const char *fingerprint)
{
	struct buf *b = &map->header;
	char name[48];

	buf_add(b, "\0\0\0\0\0\0\0\0", 8);
	buf_str(b, "{\"__metadata__\":{");
	add_meta(b, "format", "clampmeter neuron map 1");
	add_meta(b, "fingerprint", fingerprint);
	add_meta(b, "model", m->name ? m->name : "");
	add_meta(b, "site", neuron_site_names[map->site]);
	add_meta(b, "variant", neuron_variant_names[map->variant]);
	add_number(b, "d_model", m->hp.d_model);
	add_number(b, "n_vocab", map->n_vocab);
	buf_char(b, '}');
	add_entry(b, "done", "I32", map->n_layers, 0, 0, part_at(map, 0, 0));
	for (int l = 0; l < map->n_layers; l++)
		for (int p = 0; p < PARTS; p++) {
			snprintf(name, sizeof name, "L%d.%s", l, part_names[p]);
			add_entry(b, name, p ? "F32" : "I32", map->d_ff, NEURON_LABELS, part_at(map, l, p),
			    part_at(map, l, p) + map->part_bytes);
		}
	buf_char(b, '}');
	while (b->len % 8)
		buf_char(b, ' ');
	for (size_t i = 0; i < 8; i++)
		b->data[i] = (char)((b->len - 8) >> 8 * i);
}

enum neuron_site neuronmap_site(const struct neuronmap *map)
{
	return map->site;
}

enum neuron_variant neuronmap_variant(const struct neuronmap *map)
{
	return map->variant;
}

int neuronmap_n_layers(const struct neuronmap *map)
{
	return map->n_layers;
}

int neuronmap_d_ff(const struct neuronmap *map)
{
	return map->d_ff;
}

int neuronmap_done(const struct neuronmap *map, int l)
{
	return atomic_load_explicit(&map->done[l], memory_order_acquire);
}

/* Numbers in the file are little-endian, as are the machines we run on. */
static void set_done(struct neuronmap *map, int l, int n)
{
	memcpy(map->data + (size_t)l * sizeof(int32_t), &(int32_t){n}, sizeof(int32_t));
	atomic_store_explicit(&map->done[l], n, memory_order_release);
}

size_t neuronmap_n_done(const struct neuronmap *map)
{
	size_t n = 0;

	for (int l = 0; l < map->n_layers; l++)
		n += (size_t)neuronmap_done(map, l);
	return n;
}

bool neuronmap_complete(const struct neuronmap *map)
{
	return neuronmap_n_done(map) == (size_t)map->n_layers * (size_t)map->d_ff;
}

static void *cell(const struct neuronmap *map, int layer, int part, int index)
{
	return map->data + part_at(map, layer, part) + (size_t)index * NEURON_LABELS * sizeof(float);
}

bool neuronmap_get(const struct neuronmap *map, int layer, int index, struct neuron_labels *out)
{
	if (index >= neuronmap_done(map, layer))
		return false;
	memcpy(out->id, cell(map, layer, 0, index), sizeof out->id);
	memcpy(out->logit, cell(map, layer, 1, index), sizeof out->logit);
	memcpy(out->prob, cell(map, layer, 2, index), sizeof out->prob);
	memcpy(out->cosine, cell(map, layer, 3, index), sizeof out->cosine);
	return true;
}

static void put(struct neuronmap *map, int layer, int index, const struct neuron_labels *in)
{
	memcpy(cell(map, layer, 0, index), in->id, sizeof in->id);
	memcpy(cell(map, layer, 1, index), in->logit, sizeof in->logit);
	memcpy(cell(map, layer, 2, index), in->prob, sizeof in->prob);
	memcpy(cell(map, layer, 3, index), in->cosine, sizeof in->cosine);
}

/* As much as there is; *got says how much. */
static bool read_at(const struct neuronmap *map, void *to, size_t n, size_t at, size_t *got, struct err *e)
{
	for (*got = 0; *got < n;) {
		ssize_t r = pread(map->fd, (char *)to + *got, n - *got, (off_t)(at + *got));

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return err_set(e, ERR_FILE, "%.300s: %s", map->path, strerror(errno));
		if (!r)
			break;
		*got += (size_t)r;
	}
	return true;
}

static bool write_at(const struct neuronmap *map, const void *from, size_t n, size_t at, struct err *e)
{
	for (size_t done = 0; done < n;) {
		ssize_t w = pwrite(map->fd, (const char *)from + done, n - done, (off_t)(at + done));

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return err_set(e, ERR_RUN, "writing %.300s: %s", map->path, strerror(w ? errno : ENOSPC));
		done += (size_t)w;
	}
	return true;
}

/* The header is not the one we would write: says what the file is instead. */
static bool refuse(const struct neuronmap *map, const char *fingerprint, struct err *e)
{
	struct err unreadable = {.code = ERR_NONE};
	struct safetensors *s = safetensors_open(map->path, &unreadable);
	const char *format = s ? safetensors_meta(s, "format") : NULL, *whose = s ? safetensors_meta(s, "fingerprint") : NULL;

	if (!format || strncmp(format, "clampmeter neuron map", 21))
		err_set(e, ERR_FILE, "%.300s is no neuron map; move it away", map->path);
	else if (!whose || strcmp(whose, fingerprint))
		err_set(e, ERR_FILE, "%.300s is the map of another model: %.72s, not %.72s", map->path, whose ? whose : "?",
		    fingerprint);
	else
		err_set(e, ERR_FILE, "%.300s is a map of another site, variant or version; move it away", map->path);
	safetensors_close(s);
	return false;
}

static bool row_is_sane(const struct neuronmap *map, int l, int i)
{
	int32_t id[NEURON_LABELS];

	memcpy(id, cell(map, l, 0, i), sizeof id);
	for (int k = 0; k < NEURON_LABELS; k++)
		if (id[k] < -1 || id[k] >= map->n_vocab)
			return false;
	return true;
}

/* What was cut off or makes no sense counts as not there. */
static void distrust(struct neuronmap *map, size_t got)
{
	for (int l = 0; l < map->n_layers; l++) {
		int32_t n;

		memcpy(&n, map->data + (size_t)l * sizeof n, sizeof n);
		if (n < 0 || n > map->d_ff || got < part_at(map, l + 1, 0))
			n = 0;
		for (int i = 0; i < n; i++)
			if (!row_is_sane(map, l, i))
				n = i;
		set_done(map, l, n);
	}
}

static bool load(struct neuronmap *map, const char *fingerprint, struct err *e)
{
	char *head = mem_zalloc(map->header.len);
	size_t got;
	bool ok = read_at(map, head, map->header.len, 0, &got, e);

	if (ok && memcmp(head, map->header.data, got))
		ok = refuse(map, fingerprint, e);
	free(head);
	if (!ok || !read_at(map, map->data, map->data_bytes, map->header.len, &got, e))
		return false;
	distrust(map, got);
	return true;
}

struct neuronmap *neuronmap_open(const char *path, const struct model *m, const char *fingerprint, enum neuron_site s,
    enum neuron_variant v, struct err *e)
{
	struct neuronmap *map = mem_zalloc(sizeof *map);

	*map = (struct neuronmap){.n_layers = m->hp.n_layers, .d_ff = m->hp.d_ff, .n_vocab = m->hp.n_vocab, .site = s,
	    .variant = v, .fd = -1};
	map->done = mem_array((size_t)map->n_layers, sizeof *map->done);
	map->part_bytes = (size_t)map->d_ff * NEURON_LABELS * sizeof(float);
	map->data_bytes = part_at(map, map->n_layers, 0);
	map->path = path ? mem_strdup(path) : NULL;
	if (!neuron_check(&m->hp, s, v, e) || !(map->data = mem_big(1, map->data_bytes, "the map of the neurons", e)))
		goto fail;
	make_header(map, m, fingerprint);
	if (path && (map->fd = open(path, O_RDONLY | O_CLOEXEC)) < 0 && errno != ENOENT) {
		err_set(e, ERR_FILE, "%.300s: %s", path, strerror(errno));
		goto fail;
	}
	if (map->fd < 0 || load(map, fingerprint, e))
		return map;
fail:
	neuronmap_close(map);
	return NULL;
}

void neuronmap_close(struct neuronmap *map)
{
	if (!map)
		return;
	if (map->fd >= 0)
		close(map->fd);
	mem_big_free(map->data);
	free(map->done);
	buf_free(&map->header);
	free(map->path);
	free(map);
}

/* The file under its name, for writing, by us alone and as long as it will be. */
static bool claim(struct neuronmap *map, struct err *e)
{
	if (!map->path)
		return true;
	if (map->fd >= 0)
		close(map->fd);
	if ((map->fd = open(map->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666)) < 0)
		return err_set(e, ERR_RUN, "%.300s: %s", map->path, strerror(errno));
	if (flock(map->fd, LOCK_EX | LOCK_NB))
		return err_set(e, ERR_RUN, "%.300s: another clampmeter is building this map", map->path);
	/* Marks that are no longer believed go before what was cut off comes back as zeros. */
	if (!write_at(map, map->header.data, map->header.len, 0, e) ||
	    !write_at(map, map->data, part_at(map, 0, 0), map->header.len, e))
		return false;
	return !ftruncate(map->fd, (off_t)(map->header.len + map->data_bytes)) ||
	    err_set(e, ERR_RUN, "%.300s: %s", map->path, strerror(errno));
}

/* Neurons [from, from + n) of a layer: first themselves, then the mark. */
static bool save(struct neuronmap *map, int l, int from, int n, struct err *e)
{
	size_t bytes = (size_t)n * NEURON_LABELS * sizeof(float), at = (size_t)l * sizeof(int32_t);

	if (!map->path) {
		set_done(map, l, from + n);
		return true;
	}
	for (int p = 0; p < PARTS; p++) {
		unsigned char *row = cell(map, l, p, from);
		if (!write_at(map, row, bytes, map->header.len + (size_t)(row - map->data), e))
			return false;
	}
	if (fdatasync(map->fd))
		return err_set(e, ERR_RUN, "writing %.300s: %s", map->path, strerror(errno));
	set_done(map, l, from + n);
	return write_at(map, map->data + at, sizeof(int32_t), map->header.len + at, e);
}

struct builder {
	neuronmap_go_on *go_on;
	void *to;
	double before, share;           /* done before this block; of this block */
};

static bool ask(void *arg, double done)
{
	struct builder *b = arg;

	return !b->go_on || b->go_on(b->to, b->before + b->share * done);
}

/* The longest stretch of missing neurons from the first one on, across layers. */
static size_t missing(const struct neuronmap *map, size_t most, size_t *first)
{
	size_t d_ff = (size_t)map->d_ff, n = 0;

	for (int l = 0; l < map->n_layers && n < most; l++) {
		size_t done = (size_t)neuronmap_done(map, l);

		if (n && done)
			break;
		if (!n)
			*first = (size_t)l * d_ff + done;
		n += d_ff - done;
	}
	return n < most ? n : most;
}

static bool save_block(struct neuronmap *map, size_t first, size_t n, const struct neuron_labels *labels, struct err *e)
{
	size_t d_ff = (size_t)map->d_ff;

	for (size_t i = 0; i < n;) {
		size_t index = (first + i) % d_ff, some = n - i < d_ff - index ? n - i : d_ff - index;
		int l = (int)((first + i) / d_ff);

		for (size_t k = 0; k < some; k++)
			put(map, l, (int)(index + k), &labels[i + k]);
		if (!save(map, l, (int)index, (int)some, e))
			return false;
		i += some;
	}
	return true;
}

bool neuronmap_build(struct neuronmap *map, const struct model *m, struct pool *pool, neuronmap_go_on *go_on, void *to,
    struct err *e)
{
	size_t most = neuronscan_block(m), n, first = 0;
	double all = (double)map->n_layers * (double)map->d_ff;
	struct builder b = {.go_on = go_on, .to = to};
	struct neuron_labels *labels;
	bool ok;

	if (neuronmap_complete(map))
		return true;
	if (!(labels = mem_big(most, sizeof *labels, "labels of neurons", e)))
		return false;
	ok = claim(map, e);
	while (ok && (n = missing(map, most, &first))) {
		struct neuronscan s = {.m = m, .pool = pool, .site = map->site, .variant = map->variant, .first = first,
		    .n = n, .go_on = ask, .to = &b};

		b.before = (double)neuronmap_n_done(map) / all;
		b.share = (double)n / all;
		ok = neuronscan_run(&s, labels, NULL, e) && save_block(map, first, n, labels, e);
	}
	mem_big_free(labels);
	return ok;
}
