/* SPDX-License-Identifier: BSD-3-Clause */
/* interface -- the .varlink files as they were when the program was built: specification and answer in one. */
#ifndef VMMALLOCD_CONTROL_INTERFACE_H
#define VMMALLOCD_CONTROL_INTERFACE_H

/* Strings. */
extern const char control_interface_vmmalloc[];
extern const char control_interface_service[];

#endif
