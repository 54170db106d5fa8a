#include "tests/emu/simt_emu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/emu/dev_emu.h"

enum { MOST = 1024, STACK = 64 << 10, LANES = 32 };

#ifdef __x86_64__
/* The registers a call must keep, and the stack pointer: nothing else moves. */
typedef void *context;
void emu_switch(context *from, context to);
__asm__(".text\n.globl emu_switch\n.type emu_switch,@function\nemu_switch:\n"
        "push %rbp\npush %rbx\npush %r12\npush %r13\npush %r14\npush %r15\n"
        "mov %rsp,(%rdi)\nmov %rsi,%rsp\n"
        "pop %r15\npop %r14\npop %r13\npop %r12\npop %rbx\npop %rbp\nret\n"
        ".size emu_switch,.-emu_switch\n.section .note.GNU-stack,\"\",@progbits\n.text\n");

static context prepare(char *stack, void (*start)(void))
{
	void **top = (void **)(void *)(stack + STACK - 64);

	/* Aligned as behind a call: the return address is at 16 n + 8. */
	*--top = NULL;
	*--top = (void *)(uintptr_t)start;
	for (int i = 0; i < 6; i++)
		*--top = NULL;
	return top;
}
#else
#include <ucontext.h>
typedef ucontext_t *context;
static ucontext_t contexts[MOST + 1];

static void emu_switch(context *from, context to)
{
	*from = *from ? *from : &contexts[MOST];
	swapcontext(*from, to);
}

static context prepare(char *stack, void (*start)(void))
{
	static int n;
	context c = &contexts[n++ % MOST];

	getcontext(c);
	c->uc_stack.ss_sp = stack;
	c->uc_stack.ss_size = STACK;
	c->uc_link = NULL;
	makecontext(c, start, 0);
	return c;
}
#endif

struct warp {
	uint64_t slot[2][LANES];
	unsigned arrived;               /* lanes at shuffles, since the block began */
};

struct emu_place emu_at;

static enum emu_fiber_order order;
static char *stacks;
static float *shared;
static size_t shared_room;
static context fiber[MOST], home;
static struct warp warps[MOST / LANES];
static int sequence[MOST], place[MOST];         /* the order fibers run in, and its inverse */
static bool done[MOST];
static unsigned shuffles[MOST], syncs[MOST], at_barrier, progress;
static int live;
static const char *running_name;
static void (*running)(const void *);
static const void *running_args;

void emu_order(enum emu_fiber_order o)
{
	order = o;
}

static void give_up(const char *what)
{
	fprintf(stderr, "emulated kernel %s: %s\n", running_name, what);
	abort();
}

/* Lets the next one run that has not ended; with none left the block is done. */
static void pause_fiber(void)
{
	static unsigned seen, rounds;
	int self = emu_at.thread, n = emu_at.threads, i = place[self];

	rounds = progress == seen ? rounds + 1 : 0;
	seen = progress;
	if (rounds > 2 * (unsigned)n + 2)
		give_up("threads wait for others that never come");
	if (!live)
		emu_switch(&fiber[self], home);
	do
		i = i + 1 == n ? 0 : i + 1;
	while (done[sequence[i]]);
	if (sequence[i] == self)
		return;
	emu_at.thread = sequence[i];
	emu_switch(&fiber[self], fiber[sequence[i]]);
	emu_at.thread = self;
}

void emu_sync_threads(void)
{
	unsigned want = ++syncs[emu_at.thread] * (unsigned)emu_at.threads;

	at_barrier++;
	progress++;
	while (at_barrier < want)
		pause_fiber();
}

uint64_t emu_shuffle_xor(uint64_t v, int mask)
{
	int lane = emu_at.thread % LANES;
	struct warp *w = &warps[emu_at.thread / LANES];
	unsigned phase = shuffles[emu_at.thread]++;

	w->slot[phase & 1][lane] = v;
	w->arrived++;
	progress++;
	while (w->arrived < (phase + 1) * LANES)
		pause_fiber();
	return w->slot[phase & 1][lane ^ mask];
}

static void begin(void)
{
	running(running_args);
	done[emu_at.thread] = true;
	live--;
	progress++;
	pause_fiber();
}

/* A shuffled order that is the same in every run. */
static void choose_order(int n)
{
	uint32_t state = 12345;

	for (int i = 0; i < n; i++)
		sequence[i] = order == EMU_BACKWARD ? n - 1 - i : i;
	for (int i = n - 1; i > 0 && order == EMU_SHUFFLED; i--) {
		state = state * 1664525u + 1013904223u;
		int j = (int)(state >> 8) % (i + 1), t = sequence[i];

		sequence[i] = sequence[j];
		sequence[j] = t;
	}
	for (int i = 0; i < n; i++)
		place[sequence[i]] = i;
}

static void run_block(int threads)
{
	memset(done, 0, sizeof done);
	memset(shuffles, 0, sizeof shuffles);
	memset(syncs, 0, sizeof syncs);
	memset(warps, 0, sizeof warps);
	at_barrier = 0;
	live = threads;
	for (int i = 0; i < threads; i++)
		fiber[i] = prepare(stacks + (size_t)i * STACK, begin);
	emu_at.thread = sequence[0];
	emu_switch(&home, fiber[sequence[0]]);
	for (int i = 1; i < threads; i++)
		if (syncs[i] != syncs[0])
			give_up("not every thread reached every barrier");
}

void emu_run(const char *name, void (*run)(const void *), const void *args, int grid_x, int grid_y, int threads,
    size_t shared_bytes)
{
	running_name = name;
	running = run;
	running_args = args;
	if (threads < LANES || threads % LANES || threads > MOST)
		give_up("a block has 32, 64, ... 1024 threads");
	if (grid_x < 1 || grid_y < 1 || grid_y > 65535)
		give_up("a grid has at least one block, and at most 65535 in y");
	if (!stacks)
		stacks = aligned_alloc(64, (size_t)MOST * STACK);
	/* Its own size and no more, so that AddressSanitizer sees a step beyond. */
	shared_room = (shared_bytes + 15) & ~(size_t)15;
	shared = aligned_alloc(16, shared_room + !shared_room * 16);
	if (!stacks || !shared)
		give_up("no memory");
	choose_order(threads);
	emu_at = (struct emu_place){ .threads = threads, .grid_x = grid_x, .shared = shared };
	for (int y = 0; y < grid_y; y++)
		for (int x = 0; x < grid_x; x++) {
			emu_at.block_x = x;
			emu_at.block_y = y;
			memset(shared, 0xff, shared_room);
			run_block(threads);
		}
	free(shared);
	shared = NULL;
}
