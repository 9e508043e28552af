/* SPDX-License-Identifier: BSD-3-Clause */
/* exporter -- see exporter.h. */
#include "vmmallocd/ctl/exporter.h"

#include <dlfcn.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vmmallocd/ctl/accept.h"
#include "vmmallocd/ctl/endpoint.h"
#include "vmmallocd/ctl/scrape.h"

#define LIBRARY "libmicrohttpd.so.12"
#define CONNECTIONS_MOST 64u
#define CONNECTIONS_OF_ADDRESS 32u       /* so that one machine does not shut out the others */
#define SILENCE_S 5u             /* a connection on which nothing comes is closed */
#define HEADERS_BYTES ((size_t)16 << 10)    /* of a request, and some more */
#define DAEMON_MS 5000           /* who scrapes waits for 10 seconds, as a rule */

/* What is called of the library. */
struct http {
	void *handle;
	__typeof__(&MHD_start_daemon) start;
	__typeof__(&MHD_stop_daemon) stop;
	__typeof__(&MHD_create_response_from_buffer) new_response;
	__typeof__(&MHD_add_response_header) add_header;
	__typeof__(&MHD_queue_response) answer;
	__typeof__(&MHD_destroy_response) free_response;
	__typeof__(&MHD_lookup_connection_value) look_up;
};

struct exporter {
	struct ctl ctl;
	struct http http;
	int last_status;         /* of the daemon's last answer: a change is said once */
};

static int load_library(struct http *http)
{
	const struct {
		const char *name;
		void *function;
	} functions[] = {
		{ "MHD_start_daemon", &http->start },
		{ "MHD_stop_daemon", &http->stop },
		{ "MHD_create_response_from_buffer", &http->new_response },
		{ "MHD_add_response_header", &http->add_header },
		{ "MHD_queue_response", &http->answer },
		{ "MHD_destroy_response", &http->free_response },
		{ "MHD_lookup_connection_value", &http->look_up },
	};

	http->handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	for (size_t i = 0; http->handle && i < sizeof(functions) / sizeof(*functions); i++) {
		void *function = dlsym(http->handle, functions[i].name);

		if (!function)
			break;
		memcpy(functions[i].function, &function, sizeof(function));
		if (i + 1 == sizeof(functions) / sizeof(*functions))
			return 0;
	}
	ctl_complain("--listen needs libmicrohttpd: %s", dlerror());
	return -ENOENT;
}

/* Takes a text that is malloc'ed over, if `is_malloced`. */
static enum MHD_Result send_text(const struct http *http, struct MHD_Connection *connection, unsigned status,
				 const char *type, char *text, size_t bytes, bool is_malloced)
{
	struct MHD_Response *response = http->new_response(
		bytes, text, is_malloced ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
	enum MHD_Result result = MHD_NO;

	if (!response) {
		if (is_malloced)
			free(text);
		return MHD_NO;
	}
	if (http->add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type) == MHD_YES &&
	    (status != MHD_HTTP_METHOD_NOT_ALLOWED ||
	     http->add_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD") == MHD_YES))
		result = http->answer(connection, status, response);
	http->free_response(response);
	return result;
}

static enum MHD_Result send_words(const struct http *http, struct MHD_Connection *connection, unsigned status,
				  const char *words)
{
	return send_text(http, connection, status, "text/plain; charset=utf-8", (char *)words, strlen(words), false);
}

/* What is wrong is said once, and once that it is over. */
static void tell_change(struct exporter *exporter, const struct scrape *scrape)
{
	if (scrape->status != CTL_OK && exporter->last_status == CTL_OK)
		ctl_complain("%s", scrape->words);
	else if (scrape->status == CTL_OK && exporter->last_status != CTL_OK)
		ctl_complain("the daemon answers again");
	exporter->last_status = scrape->status;
}

static enum MHD_Result send_metrics(struct exporter *exporter, struct MHD_Connection *connection)
{
	const struct http *http = &exporter->http;
	enum exposition_format format =
		accept_format(http->look_up(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT));
	struct scrape scrape;

	if (scrape_daemon(&exporter->ctl, format, &scrape) < 0)
		return send_words(http, connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "no memory\n");
	tell_change(exporter, &scrape);
	return send_text(http, connection, MHD_HTTP_OK, exposition_content_type(format), scrape.text, scrape.bytes,
			 true);
}

static enum MHD_Result on_http_request(void *context, struct MHD_Connection *connection, const char *url,
				       const char *method, const char *version, const char *upload,
				       size_t *upload_bytes, void **request_context)
{
	struct exporter *exporter = context;
	static int seen;

	(void)version;
	(void)upload;
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return send_words(&exporter->http, connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
	/* the first call of each request is for its headers alone; a body is not wanted, and passed over */
	if (!*request_context || *upload_bytes > 0) {
		*request_context = &seen;
		*upload_bytes = 0;
		return MHD_YES;
	}
	if (strcmp(url, "/metrics") != 0)
		return send_words(&exporter->http, connection, MHD_HTTP_NOT_FOUND, "metrics are at /metrics\n");
	return send_metrics(exporter, connection);
}

/* One thread for all: who asks at the same time is answered one after another, and asks the daemon no more at once. */
static int serve_until(struct exporter *exporter, const struct endpoint *endpoint, const sigset_t *ends)
{
	struct MHD_Daemon *server =
		exporter->http.start(MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, on_http_request, exporter,
				     MHD_OPTION_LISTEN_SOCKET, endpoint->fd,
				     MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MOST,
				     MHD_OPTION_PER_IP_CONNECTION_LIMIT, CONNECTIONS_OF_ADDRESS,
				     MHD_OPTION_CONNECTION_TIMEOUT, SILENCE_S,
				     MHD_OPTION_CONNECTION_MEMORY_LIMIT, HEADERS_BYTES, MHD_OPTION_END);
	int number;

	if (!server) {
		ctl_complain("--listen: the server cannot be started");
		close(endpoint->fd);
		return CTL_FAILED;
	}
	(void)sigwait(ends, &number);
	exporter->http.stop(server);
	return CTL_OK;
}

int exporter_run(const struct ctl *ctl, const char *where, const sigset_t *ends)
{
	struct exporter exporter = { .ctl = *ctl, .last_status = CTL_OK };
	struct endpoint endpoint;
	int status;

	if (load_library(&exporter.http) < 0)
		return CTL_FAILED;
	exporter.ctl.patience_ms = DAEMON_MS;
	status = endpoint_open(where, &endpoint);
	if (status != CTL_OK)
		return status;
	status = serve_until(&exporter, &endpoint, ends);
	endpoint_remove(&endpoint);
	return status;
}
