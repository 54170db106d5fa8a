#include "app/npy.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/out.h"
#include "engine/base/buf.h"
#include "engine/base/half.h"

enum { PREFIX = 10 };           /* magic, version, length of the header */

/* The header ends with a newline and is padded so that the data starts at a
 * multiple of 64. */
static void add_header(struct buf *b, size_t rows, size_t cols)
{
	buf_add(b, "\x93NUMPY\x01\x00\x00\x00", PREFIX);
	buf_printf(b, "{'descr': '<f4', 'fortran_order': False, 'shape': (%zu, %zu), }", rows, cols);
	while ((b->len + 1) % 64)
		buf_char(b, ' ');
	buf_char(b, '\n');
	b->data[8] = (char)(b->len - PREFIX);
	b->data[9] = (char)((b->len - PREFIX) >> 8);
}

static bool open_target(struct npy *w, struct err *e)
{
	struct buf part = {.data = NULL};
	struct stat st;

	if (!stat(w->path, &st) && !S_ISREG(st.st_mode)) {
		w->fd = open(w->path, O_WRONLY | O_CLOEXEC);
	} else {
		buf_printf(&part, "%s.part-%ld", w->path, (long)getpid());
		w->part = part.data;
		w->fd = open(w->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	}
	if (w->fd >= 0)
		return true;
	err_set(e, ERR_RUN, "%.200s: %s", w->path, strerror(errno));
	free(w->part);
	w->part = NULL;
	return false;
}

bool npy_open(struct npy *w, const char *path, size_t rows, size_t cols, struct err *e)
{
	struct buf header = {.data = NULL};
	bool ok;

	*w = (struct npy){.path = path, .rows = rows, .cols = cols};
	if (!open_target(w, e))
		return false;
	add_header(&header, rows, cols);
	ok = out_fd_write(w->fd, path, header.data, header.len, e);
	buf_free(&header);
	if (!ok)
		npy_give_up(w);
	return ok;
}

/* The bytes of the file are little endian whatever the machine is. */
static bool write_swapped(struct npy *w, const float *data, size_t n, struct err *e)
{
	unsigned char bytes[4 * 256];

	for (size_t i = 0; i < n;) {
		size_t k = n - i < 256 ? n - i : 256;

		for (size_t j = 0; j < k; j++)
			for (int b = 0; b < 4; b++)
				bytes[4 * j + (size_t)b] = (unsigned char)(f32_bits(data[i + j]) >> 8 * b);
		if (!out_fd_write(w->fd, w->path, bytes, 4 * k, e))
			return false;
		i += k;
	}
	return true;
}

bool npy_rows(struct npy *w, const float *data, size_t n_rows, struct err *e)
{
	const uint16_t one = 1;

	assert(w->written + n_rows <= w->rows);
	w->written += n_rows;
	if (*(const unsigned char *)&one)
		return out_fd_write(w->fd, w->path, data, n_rows * w->cols * sizeof *data, e);
	return write_swapped(w, data, n_rows * w->cols, e);
}

static void forget(struct npy *w)
{
	free(w->part);
	*w = (struct npy){.fd = -1};
}

bool npy_finish(struct npy *w, struct err *e)
{
	bool ok = true;

	assert(w->written == w->rows);
	/* A disk that is full may say so only now. */
	if (w->part && fsync(w->fd) && errno != EINVAL)
		ok = err_set(e, ERR_RUN, "writing %.200s: %s", w->path, strerror(errno));
	if (close(w->fd) && ok)
		ok = err_set(e, ERR_RUN, "writing %.200s: %s", w->path, strerror(errno));
	if (ok && w->part && rename(w->part, w->path))
		ok = err_set(e, ERR_RUN, "naming %.200s: %s", w->path, strerror(errno));
	if (!ok && w->part)
		unlink(w->part);
	forget(w);
	return ok;
}

void npy_give_up(struct npy *w)
{
	if (!w->path)
		return;
	close(w->fd);
	if (w->part)
		unlink(w->part);
	forget(w);
}
