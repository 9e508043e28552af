/* Who waits for a future of C++ is woken after a fork: libstdc++ waits without the private flag. */
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <future>
#include <string>
#include <thread>

static std::atomic<int> tid;

static bool sleeps()
{
	std::ifstream file("/proc/self/task/" + std::to_string(tid) + "/syscall");
	long number = -1;

	return tid != 0 && file >> number && number == SYS_futex;
}

static bool fork_ends_well()
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(0);
	return waitpid(pid, &status, 0) == pid && status == 0;
}

int main()
{
	for (int i = 0; i < 4; i++) {
		auto *promise = new std::promise<int>;
		auto *woken = new std::promise<void>;
		std::thread waiter([=] {
			tid = (int)syscall(SYS_gettid);
			if (promise->get_future().get() == i)
				woken->set_value();
		});

		auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
		while (!sleeps())
			if (std::chrono::steady_clock::now() > deadline)
				_exit(2);
		if (!fork_ends_well())
			_exit(3);
		promise->set_value(i);
		if (woken->get_future().wait_until(deadline) != std::future_status::ready)
			_exit(1);
		waiter.join();
		tid = 0;
		delete promise;
		delete woken;
	}
	return 0;
}
