#include "app/demo.h"

#include <stdint.h>

#if __has_include("app/demo/demo.gguf")
/* The assembler reads the file straight into the read-only part of the program:
 * eight megabytes as a C array would take the compiler a minute. */
__asm__(".pushsection .rodata\n"
	".balign 64\n"
	".globl clampmeter_demo, clampmeter_demo_size\n"
	"clampmeter_demo:\n"
	".incbin \"app/demo/demo.gguf\"\n"
	"clampmeter_demo_end:\n"
	".balign 8\n"
	"clampmeter_demo_size:\n"
	".quad clampmeter_demo_end - clampmeter_demo\n"
	".popsection\n");

extern const unsigned char clampmeter_demo[];
extern const uint64_t clampmeter_demo_size;

bool demo_bytes(const void **data, size_t *size, struct err *e)
{
	(void)e;
	*data = clampmeter_demo;
	*size = (size_t)clampmeter_demo_size;
	return true;
}
#else
bool demo_bytes(const void **data, size_t *size, struct err *e)
{
	*data = NULL;
	*size = 0;
	return err_set(e, ERR_UNSUPPORTED,
	    "this program was built without the built-in model (app/demo/demo.gguf); name a model file");
}
#endif
