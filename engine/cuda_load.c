#include "engine/cuda_load.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OBJECT "clampmeter-cuda.so"

/* dlsym() gives an object pointer; POSIX lets it be a function's. */
static bool symbol(void *lib, const char *name, void *function, size_t size)
{
	void *p = dlsym(lib, name);

	memcpy(function, &p, size);
	return p != NULL;
}

/* The driver's own word on devices: cuInit(0), cuDeviceGetCount(). */
static bool find_device(struct err *e)
{
	void *lib = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
	int (*init)(unsigned), (*count)(int *), n = 0, status;

	if (!lib)
		return err_set(e, ERR_UNSUPPORTED, "no NVIDIA driver here (libcuda.so.1 is missing)");
	if (!symbol(lib, "cuInit", &init, sizeof init) || !symbol(lib, "cuDeviceGetCount", &count, sizeof count))
		return err_set(e, ERR_UNSUPPORTED, "libcuda.so.1 is not NVIDIA's driver library");
	status = init(0);
	/* CUDA_ERROR_NO_DEVICE */
	if (status == 100 || (status == 0 && count(&n) == 0 && n == 0))
		return err_set(e, ERR_UNSUPPORTED, "the NVIDIA driver finds no device");
	if (status)
		return err_set(e, ERR_UNSUPPORTED, "the NVIDIA driver does not start (cuInit gives %d)", status);
	return true;
}

static bool exists(char *path, size_t room, const char *dir, const char *rest)
{
	int n = snprintf(path, room, "%s%s", dir, rest);

	return n > 0 && (size_t)n < room && access(path, R_OK) == 0;
}

static bool find_object(char *path, size_t room, struct err *e)
{
	const char *said = getenv("CLAMPMETER_CUDA");
	char dir[4096];
	ssize_t n = readlink("/proc/self/exe", dir, sizeof dir - 1);

	if (said && *said)
		return exists(path, room, said, "") || err_set(e, ERR_UNSUPPORTED, "%.300s (CLAMPMETER_CUDA) is not there", said);
	if (n > 0) {
		dir[n] = '\0';
		*(strrchr(dir, '/') + 1) = '\0';
		if (exists(path, room, dir, OBJECT) || exists(path, room, dir, "../lib/clampmeter/" OBJECT))
			return true;
	}
	return err_set(e, ERR_UNSUPPORTED, "this build has no " OBJECT " (make builds it where nvcc is)");
}

static const struct gpu_api *load(struct err *e)
{
	const struct gpu_api *(*entry)(void), *api;
	char path[4200];
	void *lib;

	if (!find_object(path, sizeof path, e) || (!getenv("CLAMPMETER_CUDA") && !find_device(e)))
		return NULL;
	/* Its message names the library that is missing: libcublas.so.13, most often. */
	if (!(lib = dlopen(path, RTLD_NOW | RTLD_LOCAL))) {
		err_set(e, ERR_UNSUPPORTED, "%.400s", dlerror());
		return NULL;
	}
	if (!symbol(lib, "clampmeter_gpu", &entry, sizeof entry) || !(api = entry()) || api->abi != GPU_ABI) {
		err_set(e, ERR_UNSUPPORTED, "%.300s belongs to another version of clampmeter", path);
		return NULL;
	}
	return api;
}

const struct gpu_api *cuda_load(struct err *e)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static const struct gpu_api *api;
	static struct err why;

	pthread_mutex_lock(&lock);
	if (!api && why.code == ERR_NONE)
		api = load(&why);
	if (!api)
		*e = why;
	pthread_mutex_unlock(&lock);
	return api;
}
