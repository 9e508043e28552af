/* Coroutines fork and wait on a stack that was allocated: nothing is exchanged under their feet. */
#include <ucontext.h>

#include "tests/preload/forking.h"

#define STACK_BYTES ((size_t)256 << 10)

static ucontext_t caller, coroutine;
static int rounds;

static void body(void)
{
	for (; rounds < 20; rounds++) {
		CHECK(forks_well());
		sleep_ms(5);
		allocate();
	}
}

int main(void)
{
	CHECK(getcontext(&coroutine) == 0);
	coroutine.uc_stack.ss_sp = malloc(STACK_BYTES);
	coroutine.uc_stack.ss_size = STACK_BYTES;
	coroutine.uc_link = &caller;
	CHECK(vmmalloc_contains(coroutine.uc_stack.ss_sp));
	makecontext(&coroutine, body, 0);
	CHECK(swapcontext(&caller, &coroutine) == 0);
	CHECK(rounds == 20 && comes_back());
	return 0;
}
