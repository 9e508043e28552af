/* SPDX-License-Identifier: BSD-3-Clause */
/* scrape -- the daemon's metrics of now, as a text. */
#ifndef VMMALLOCD_CTL_SCRAPE_H
#define VMMALLOCD_CTL_SCRAPE_H

#include <stddef.h>

#include "vmmallocd/ctl/ctl.h"
#include "vmmallocd/ctl/exposition.h"

#define SCRAPE_WORDS_BYTES 8192

struct scrape {
	char *text; /* malloc'ed */
	size_t bytes;
	int status;                     /* CTL_OK; or the daemon did not answer, and the text says no more than that */
	char words[SCRAPE_WORDS_BYTES]; /* then: why, in one line */
};

/* Asks the daemon. 0; -ENOMEM: there is no text. */
int scrape_daemon(const struct ctl *ctl, enum exposition_format format, struct scrape *ret_scrape);
void scrape_done(struct scrape *scrape);

#endif
