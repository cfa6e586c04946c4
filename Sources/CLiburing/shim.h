#ifndef SLUICE_CLIBURING_SHIM_H
#define SLUICE_CLIBURING_SHIM_H

// liburing.h sets _XOPEN_SOURCE, which would give this module another shape of fd_set than the
// C library's own module has; a program that imports both then fails to compile. A libc header
// first fixes the feature macros for the whole translation unit.
#include <sys/select.h>
#include <sys/socket.h>
// The kernel's header next: with it already included, liburing's own copy stays out, and a
// program that also imports swift-system sees one definition of each type.
#include <linux/io_uring.h>
#include <liburing.h>

#endif
