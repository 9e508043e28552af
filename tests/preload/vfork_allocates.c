/* A vforked child that allocates never takes its parent's heap back, under the hands of the parent's threads. */

#include "tests/preload/counting.h"
#include "tests/preload/forking.h"

#define PAGES 512

static struct counting counting;

int main(void)
{
	int status;

	counting_start(&counting, PAGES);
	for (int i = 0; i < 3; i++) {
		CHECK(forks_well());
		sleep_ms(1100);     /* a return may be due again */
		pid_t pid = vfork();
		if (pid == 0) {
			free(malloc(3 << 20));
			_exit(0);
		}
		CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	}
	counting_stop(&counting);
	return 0;
}
