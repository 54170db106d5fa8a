/* fuzz_neuronmap: any bytes in the place of a map in the cache: refused in one line, or
 * believed as far as they make sense.  The first byte says whether the rest is laid
 * over a good map, so that what lies behind the header is met too. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/neuronfind.h"
#include "engine/base/mem.h"
#include "tests/tiny_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct tiny tiny;
static struct buf good;         /* a finished map */
static char *path;

static void put(const void *p, size_t n)
{
	int fd = open(path, O_WRONLY | O_TRUNC);

	if (fd < 0 || write(fd, p, n) != (ssize_t)n)
		abort();
	close(fd);
}

static struct neuronmap *map_here(struct err *e)
{
	return neuronmap_open(path, tiny.model, "sha256:0000", NEURON_UP, NEURON_RAW, e);
}

static bool complete(struct neuronmap *map, struct err *e)
{
	struct pool *pool = pool_new(1, e);
	bool ok = pool && neuronmap_build(map, tiny.model, pool, NULL, NULL, e) && neuronmap_complete(map);

	pool_free(pool);
	return ok;
}

static void prepare(void)
{
	struct tiny_spec s = tiny_spec("llama", DTYPE_F32);
	struct err e;
	struct neuronmap *map;
	int fd;

	s.d_ff = 12;
	if (!tiny_open(&tiny, &s, &e) || !(path = tiny_temp_file("", 0, ".safetensors")) || !(map = map_here(&e)) ||
	    !complete(map, &e))
		abort();
	neuronmap_close(map);
	if ((fd = open(path, O_RDONLY)) < 0 || !buf_read_fd(&good, fd, 1 << 20, &e))
		abort();
	close(fd);
}

/* Two bytes where, the rest what; a byte 1 before them cuts the file there. */
static void lay_over(const uint8_t *data, size_t n)
{
	char *copy = mem_dup(good.data, good.len);
	size_t at = n > 2 ? (data[1] | (size_t)data[2] << 8) % good.len : 0, some = n > 3 ? n - 3 : 0;

	some = some < good.len - at ? some : good.len - at;
	if (some)
		memcpy(copy + at, data + 3, some);
	put(copy, data[0] == 1 ? at + some : good.len);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct neuronfind_tokens t;
	struct neuronfind_hit *hit;
	struct neuronmap *map;
	struct err e;

	if (!path)
		prepare();
	if (n && data[0] < 2)
		lay_over(data, n);
	else
		put(n ? data + 1 : data, n ? n - 1 : 0);
	map = map_here(&e);
	if (!map)
		return 0;
	neuronfind_tokens(tiny.model->vocab, " t", 2, &t);
	neuronfind(map, &t, &hit);
	free(hit);
	/* Whatever it was, it can be completed. */
	if (!complete(map, &e))
		abort();
	neuronmap_close(map);
	return 0;
}
