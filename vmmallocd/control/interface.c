/* SPDX-License-Identifier: BSD-3-Clause */
/* interface -- see interface.h. The assembler reads the files; paths begin at the top directory. */
#include "vmmallocd/control/interface.h"

#define EMBED(symbol, file)                                                                                            \
	__asm__(".pushsection .rodata\n"                                                                               \
		".globl " #symbol "\n" #symbol ":\n"                                                                   \
		".incbin \"" file "\"\n"                                                                               \
		".byte 0\n"                                                                                            \
		".popsection\n")

EMBED(control_interface_vmmalloc, "vmmallocd/control/org.vmmalloc.varlink");
EMBED(control_interface_service, "vmmallocd/control/org.varlink.service.varlink");
