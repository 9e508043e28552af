/* Frees the middle of a block: the debug build's assertions must notice. */
#include <stdlib.h>

int main(void)
{
	char *block = malloc(1 << 20);

	free(block + (512 << 10));
	return 0;
}
