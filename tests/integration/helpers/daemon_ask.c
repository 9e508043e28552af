/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * daemon_ask -- asks the daemon's control socket, and prints what a shell can read.
 *
 *     daemon_ask SOCKET count CLASS STATE     a number; STATE may also be a member of the class
 *     daemon_ask SOCKET problem CLASS         the class's problem, or nothing
 *     daemon_ask SOCKET daemon KEY            a member of Status's daemon, or nothing
 *     daemon_ask SOCKET list                  lines "ID CLASS STATE SIZE PATH PID UID COMM USED PEAK", "-" for what is
 * not there daemon_ask SOCKET prune|prune-dry       the same for what was removed daemon_ask SOCKET reload nothing, or
 * the error's message, and exit status 1
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static json_t *call(const char *path, const char *method, json_t *parameters)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	json_t *message = json_pack("{s:s, s:o}", "method", method, "parameters", parameters);
	char *text = json_dumps(message, JSON_COMPACT), *reply = NULL;
	size_t length = 0, size = 0;
	json_t *answer;
	ssize_t n;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    write(fd, text, strlen(text) + 1) != (ssize_t)strlen(text) + 1) {
		perror("daemon_ask");
		exit(3);
	}
	do {
		if (size - length < 65536)
			reply = realloc(reply, size += 1 << 20);
		n = read(fd, reply + length, size - length);
		length += n > 0 ? (size_t)n : 0;
	} while (n > 0 && reply[length - 1] != '\0');
	answer = n > 0 ? json_loads(reply, 0, NULL) : NULL;
	if (!answer) {
		fprintf(stderr, "daemon_ask: no reply\n");
		exit(3);
	}
	free(reply);
	free(text);
	json_decref(message);
	close(fd);
	if (json_object_get(answer, "error")) {
		const char *words =
			json_string_value(json_object_get(json_object_get(answer, "parameters"), "message"));

		puts(words ? words : json_string_value(json_object_get(answer, "error")));
		exit(1);
	}
	return json_object_get(answer, "parameters");
}

static json_t *find_class(json_t *status, const char *name)
{
	json_t *class, *classes = json_object_get(status, "classes");
	size_t i;

	json_array_foreach(classes, i, class)
		if (strcmp(json_string_value(json_object_get(class, "name")), name) == 0)
			return class;
	return NULL;
}

static void print(json_t *value, const char *end)
{
	if (json_is_integer(value))
		printf("%lld%s", (long long)json_integer_value(value), end);
	else
		printf("%s%s", json_is_string(value) ? json_string_value(value) : "-", end);
}

static void print_pools(json_t *answer)
{
	json_t *pool, *owner;
	size_t i;

	json_array_foreach(json_object_get(answer, "pools"), i, pool) {
		owner = json_object_get(pool, "owner");
		print(json_object_get(pool, "id"), " ");
		print(json_object_get(pool, "class"), " ");
		print(json_object_get(pool, "state"), " ");
		print(json_object_get(pool, "size"), " ");
		print(json_object_get(pool, "path"), " ");
		print(json_object_get(owner, "pid"), " ");
		print(json_object_get(owner, "uid"), " ");
		print(json_object_get(owner, "comm"), " ");
		print(json_object_get(pool, "used"), " ");
		print(json_object_get(pool, "peak"), "\n");
	}
}

int main(int argc, char *argv[])
{
	const char *path = argv[1], *what = argv[2];

	alarm(20);
	if (strcmp(what, "count") == 0 && argc == 5) {
		json_t *class = find_class(call(path, "org.vmmalloc.Status", json_object()), argv[3]);
		json_t *count = json_object_get(json_object_get(class, "counts"), argv[4]);

		printf("%lld\n", (long long)json_integer_value(count ? count : json_object_get(class, argv[4])));
	} else if (strcmp(what, "problem") == 0 && argc == 4) {
		json_t *class = find_class(call(path, "org.vmmalloc.Status", json_object()), argv[3]);

		if (json_is_string(json_object_get(class, "problem")))
			print(json_object_get(class, "problem"), "\n");
	} else if (strcmp(what, "daemon") == 0 && argc == 4) {
		json_t *daemon = json_object_get(call(path, "org.vmmalloc.Status", json_object()), "daemon");

		if (json_object_get(daemon, argv[3]))
			print(json_object_get(daemon, argv[3]), "\n");
	} else if (strcmp(what, "list") == 0) {
		print_pools(call(path, "org.vmmalloc.List", json_object()));
	} else if (strcmp(what, "prune") == 0 || strcmp(what, "prune-dry") == 0) {
		print_pools(call(path, "org.vmmalloc.Prune", json_pack("{s:b}", "dry_run", what[5] != '\0')));
	} else if (strcmp(what, "reload") == 0) {
		(void)call(path, "org.vmmalloc.Reload", json_object());
	} else {
		return 2;
	}
	return 0;
}
