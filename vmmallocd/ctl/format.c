/* SPDX-License-Identifier: BSD-3-Clause */
/* format -- see format.h. */
#include "vmmallocd/ctl/format.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>

void format_age(int64_t seconds, char text[FORMAT_BYTES])
{
	if (seconds < 60)
		snprintf(text, FORMAT_BYTES, "%" PRId64 "s", seconds);
	else if (seconds < 60 * 60)
		snprintf(text, FORMAT_BYTES, "%" PRId64 "m", seconds / 60);
	else if (seconds < 48 * 60 * 60)
		snprintf(text, FORMAT_BYTES, "%" PRId64 "h", seconds / (60 * 60));
	else
		snprintf(text, FORMAT_BYTES, "%" PRId64 "d", seconds / (24 * 60 * 60));
}

void format_user(uid_t uid, char text[FORMAT_BYTES])
{
	const struct passwd *user = uid == (uid_t)-1 ? NULL : getpwuid(uid);

	if (uid == (uid_t)-1)
		snprintf(text, FORMAT_BYTES, "unknown");
	else if (!user || snprintf(text, FORMAT_BYTES, "%s", user->pw_name) >= FORMAT_BYTES)
		snprintf(text, FORMAT_BYTES, "%u", uid);
}
