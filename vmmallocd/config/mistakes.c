/* SPDX-License-Identifier: BSD-3-Clause */
/* mistakes -- see mistakes.h. */
#include "vmmallocd/config/mistakes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MISTAKE_BYTES 1024             /* with a path; a longer one is cut off */

static int note_mistake(struct config *config, const char *words)
{
	char **mistakes = reallocarray(config->mistakes, config->mistake_count + 1, sizeof(*mistakes));

	if (!mistakes)
		return -ENOMEM;
	config->mistakes = mistakes;
	mistakes[config->mistake_count] = strdup(words);
	return mistakes[config->mistake_count] && ++config->mistake_count ? 0 : -ENOMEM;
}

static int note_mistake_of_class(struct config *config, struct config_class *class, bool closes, const char *words)
{
	/* what closes it is shown rather than what does not */
	if (!class->problem || (closes && !class->closed)) {
		free(class->problem);
		class->problem = strdup(words);
	}
	class->closed |= closes;
	return class->problem ? note_mistake(config, words) : -ENOMEM;
}

static int note_mistake_of_all(struct config *config, const char *words)
{
	int r = note_mistake(config, words);

	if (r == 0)
		mistakes_concern_all(config);
	return r;
}

void mistakes_concern_all(struct config *config)
{
	if (!config->problem)
		config->problem = config->mistakes[config->mistake_count - 1];
}

int mistakes_add(struct config *config, const char *format, ...)
{
	char words[MISTAKE_BYTES] = "";
	struct text text = TEXT_INIT(words);
	va_list args;

	va_start(args, format);
	text_add_va(&text, format, args);
	va_end(args);
	return note_mistake_of_all(config, words);
}

int mistakes_add_at(struct config *config, struct config_class *class, bool closes, const char *path, unsigned line,
		    const char *format, va_list args)
{
	char words[MISTAKE_BYTES] = "";
	struct text text = TEXT_INIT(words);

	text_add(&text, "%s:%u: ", path, line);
	text_add_va(&text, format, args);
	return class ? note_mistake_of_class(config, class, closes, words) : note_mistake_of_all(config, words);
}
