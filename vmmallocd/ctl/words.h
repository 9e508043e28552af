/* SPDX-License-Identifier: BSD-3-Clause */
/* words -- numbers and words of a command line that are no options. */
#ifndef VMMALLOCD_CTL_WORDS_H
#define VMMALLOCD_CTL_WORDS_H

#include <stdbool.h>

/* A whole number; false: it is none, or not from `least` to `most`, which was complained of, with what it is for. */
bool words_number(const char *what, const char *text, unsigned least, unsigned most, unsigned *ret_number);

/* The next word at optind, which says for which class, or pool, an order is. Returns -1: go on. */
int words_take(const char *what, int argc, char **argv, const char **ret_word);
/* The same for the last one. */
int words_take_last(const char *what, int argc, char **argv, const char **ret_word);

#endif
