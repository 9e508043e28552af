/* SPDX-License-Identifier: BSD-3-Clause */
/* scrape -- see scrape.h. */
#include "vmmallocd/ctl/scrape.h"

#include <errno.h>
#include <stdlib.h>

#include "common/util/cleanup.h"
#include "vmmallocd/ctl/client.h"
#include "vmmallocd/ctl/families.h"
#include "vmmallocd/ctl/field.h"
#include "vmmallocd/ctl/format.h"

/* A name that is no UTF-8 is none that a text of metrics can have: the number stands for it. */
static json_t *new_user_name(long long uid)
{
	char name[FORMAT_BYTES];
	json_t *text;

	format_user((uid_t)uid, name);
	text = json_string(name);
	return text ? text : json_sprintf("%lld", uid);
}

/* Each user is looked up once: a user database may be far away. */
static void add_user_names(const json_t *users)
{
	CLEANUP(json_decrefp) json_t *names = json_object();
	json_t *user;
	size_t i;

	json_array_foreach((json_t *)users, i, user) {
		long long uid = field_number(user, "uid");
		char key[FORMAT_BYTES];

		snprintf(key, sizeof(key), "%lld", uid);
		if (!json_object_get(names, key))
			(void)json_object_set_new(names, key, new_user_name(uid));
		(void)json_object_set(user, "user", json_object_get(names, key));
	}
}

int scrape_daemon(const struct ctl *ctl, enum exposition_format format, struct scrape *ret_scrape)
{
	struct scrape scrape = { .text = NULL };
	struct text complaint = TEXT_INIT(scrape.words);
	CLEANUP(json_decrefp) json_t *reply = NULL;
	struct exposition out = { .format = format };
	int failed;

	scrape.status = client_ask(ctl, "Metrics", NULL, &reply, &complaint);
	add_user_names(json_object_get(reply, "users"));
	out.stream = open_memstream(&scrape.text, &scrape.bytes);
	if (!out.stream)
		return -ENOMEM;
	families_write(&out, reply);
	failed = ferror(out.stream);
	if (fclose(out.stream) != 0 || failed) {
		free(scrape.text);
		return -ENOMEM;
	}
	*ret_scrape = scrape;
	return 0;
}

void scrape_done(struct scrape *scrape)
{
	free(scrape->text);
}
