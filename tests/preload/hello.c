/* Prints one line: for what happens before main. */
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
	free(malloc(100));
	puts("hello");
	return 0;
}
