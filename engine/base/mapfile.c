#include "engine/base/mapfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Open mappings, for mapfile_at(): a slot belongs to whoever got its `taken' first,
 * and is read only while `data' is set, which is last to come and first to go. */
enum { LISTED = 16, PATH_ROOM = 512 };
static struct {
	atomic_bool taken;
	_Atomic(const unsigned char *) data;
	size_t size;
	char path[PATH_ROOM];
} listed[LISTED];

static void list(const struct mapfile *m, const char *path)
{
	for (int i = 0; i < LISTED; i++)
		if (!atomic_exchange(&listed[i].taken, true)) {
			listed[i].size = m->size;
			snprintf(listed[i].path, PATH_ROOM, "%s", path);
			atomic_store(&listed[i].data, m->data);
			return;
		}
}

static void unlist(const struct mapfile *m)
{
	for (int i = 0; i < LISTED; i++)
		if (atomic_load(&listed[i].data) == m->data) {
			atomic_store(&listed[i].data, NULL);
			atomic_store(&listed[i].taken, false);
			return;
		}
}

const char *mapfile_at(const void *addr, size_t *size)
{
	const unsigned char *p = addr;

	for (int i = 0; i < LISTED; i++) {
		const unsigned char *data = atomic_load(&listed[i].data);

		if (data && p >= data && p < data + listed[i].size) {
			*size = listed[i].size;
			return listed[i].path;
		}
	}
	return NULL;
}

static const char *kind_of(mode_t mode)
{
	return S_ISDIR(mode) ? "a directory" : S_ISFIFO(mode) ? "a pipe" : S_ISSOCK(mode) ? "a socket" : "a device";
}

static bool map(struct mapfile *m, int fd, const char *path, struct err *e)
{
	struct stat st;
	void *p;

	if (fstat(fd, &st))
		return err_set(e, ERR_FILE, "%s: cannot stat: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_FILE, "%s: is %s, expected a file", path, kind_of(st.st_mode));
	if (st.st_size == 0)
		return err_set(e, ERR_FILE, "%s: is empty (0 bytes)", path);
	if ((uintmax_t)st.st_size > SIZE_MAX / 2)
		return err_set(e, ERR_FILE, "%s: %ju bytes are more than can be addressed", path, (uintmax_t)st.st_size);
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return err_set(e, ERR_FILE, "%s: cannot map %ju bytes: %s", path, (uintmax_t)st.st_size, strerror(errno));
	*m = (struct mapfile){ .data = p, .size = (size_t)st.st_size };
	list(m, path);
	return true;
}

bool mapfile_open(struct mapfile *m, const char *path, struct err *e)
{
	int fd;
	bool ok;

	*m = (struct mapfile){ .data = NULL };
	/* Without O_NONBLOCK opening a pipe waits for somebody to write into it. */
	while ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) < 0 && errno == EINTR)
		;
	if (fd < 0)
		return err_set(e, ERR_FILE, "%s: cannot open: %s", path, strerror(errno));
	ok = map(m, fd, path, e);
	close(fd);
	return ok;
}

void mapfile_close(struct mapfile *m)
{
	if (m->data) {
		unlist(m);
		munmap((void *)(uintptr_t)m->data, m->size);
	}
	*m = (struct mapfile){ .data = NULL };
}

const char *mapfile_looks_like(const void *data, size_t size)
{
	static const struct { const char *magic; unsigned char n, at; const char *what; } known[] = {
		{ "\xef\xbb\xbfGGUF", 7, 0, "a GGUF file behind a byte order mark (copied as text?)" },
		{ "FUGG", 4, 0, "a GGUF file with its bytes swapped" },
		{ "PK\3\4", 4, 0, "a zip archive (a PyTorch checkpoint?)" },
		{ "\x1f\x8b", 2, 0, "gzip-compressed data" },
		{ "\xfd" "7zXZ", 5, 0, "xz-compressed data" },
		{ "\x28\xb5\x2f\xfd", 4, 0, "zstd-compressed data" },
		{ "BZh", 3, 0, "bzip2-compressed data" },
		{ "7z\xbc\xaf", 4, 0, "a 7z archive" },
		{ "\x80\2", 2, 0, "a Python pickle (a PyTorch checkpoint?)" },
		{ "\x80\3", 2, 0, "a Python pickle" },
		{ "\x80\4", 2, 0, "a Python pickle" },
		{ "\x80\5", 2, 0, "a Python pickle" },
		{ "{\"", 2, 8, "a safetensors file" },
		{ "\x93NUMPY", 6, 0, "a numpy array" },
		{ "\x89HDF", 4, 0, "an HDF5 file" },
		{ "lmgg", 4, 0, "an old GGML model, older than GGUF" },
		{ "fmgg", 4, 0, "an old GGML model, older than GGUF" },
		{ "tjgg", 4, 0, "an old GGML model, older than GGUF" },
		{ "algg", 4, 0, "a GGML adapter" },
		{ "24ka", 4, 0, "a llama2.c file of version 1 or 2" },
		{ "version https://git-lfs", 23, 0, "a Git LFS pointer: the file itself was not fetched" },
		{ "<!DOCTYPE", 9, 0, "a web page" },
		{ "<!doctype", 9, 0, "a web page" },
		{ "<html", 5, 0, "a web page" },
		{ "%PDF", 4, 0, "a PDF document" },
		{ "\x7f" "ELF", 4, 0, "an executable" },
		{ "#!", 2, 0, "a script" },
		{ "{", 1, 0, "JSON text" },
	};

	const unsigned char *p = data;
	/* A small number in 32 bits, as llama2.c's width: 640 begins like a pickle.
	 * Of the formats above only safetensors has zeros there. */
	bool small = size >= 4 && !p[2] && !p[3];

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if ((!small || known[i].at) && size >= (size_t)known[i].at + known[i].n &&
		    !memcmp(p + known[i].at, known[i].magic, known[i].n))
			return known[i].what;
	return NULL;
}
