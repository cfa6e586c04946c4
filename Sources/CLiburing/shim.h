#ifndef SLUICE_CLIBURING_SHIM_H
#define SLUICE_CLIBURING_SHIM_H

// liburing.h sets _XOPEN_SOURCE, which would give this module another shape of fd_set than the
// C library's own module has; a program that imports both then fails to compile. A libc header
// first fixes the feature macros for the whole translation unit.
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/vfs.h>
// The kernel's header next: with it already included, liburing's own copy stays out, and a
// program that also imports swift-system sees one definition of each type. The price: liburing must
// not be newer than the kernel headers, or its inline functions name what those do not have. Where it
// is (built from source, say), put liburing's own io_uring.h first for the whole build, as
// <some directory>/linux/io_uring.h with CPATH=<some directory>.
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <liburing.h>

// Constants only, no logic.
//
// Three kinds of constant cannot be taken from the headers above:
// * those newer than the oldest headers that this package builds with (liburing 2.3, Linux 6.1);
// * those that are macros over an enumerator, which Swift does not import (IOSQE_*);
// * those that are enumerators of an anonymous enum in one header version and of a named enum, or
//   macros, in another: Swift then gives them another type, and code that names them stops
//   compiling when the header is updated.
// They are kernel ABI and never change, so they are written here as plain literals, under our own
// prefix: a second definition of a kernel name could clash with a header that comes later.

// struct io_uring_sqe, flags.
#define SLUICE_SQE_BUFFER_SELECT 0x20U

// Submission queue flags, written by the kernel.
#define SLUICE_SQ_CQ_OVERFLOW 0x02U
#define SLUICE_SQ_TASKRUN 0x04U

// struct io_uring_cqe, flags.
#define SLUICE_CQE_BUFFER 0x01U
#define SLUICE_CQE_MORE 0x02U
#define SLUICE_CQE_SOCKET_NONEMPTY 0x04U
#define SLUICE_CQE_NOTIFICATION 0x08U
#define SLUICE_CQE_BUFFER_MORE 0x10U // Linux 6.12
#define SLUICE_CQE_BUFFER_SHIFT 16U

// io_uring_params, features.
#define SLUICE_FEATURE_NODROP 0x02U
#define SLUICE_FEATURE_EXT_ARG 0x100U
#define SLUICE_FEATURE_NO_IOWAIT 0x20000U // Linux 6.15

// io_uring_enter(2), flags.
#define SLUICE_ENTER_GETEVENTS 0x01U
#define SLUICE_ENTER_EXT_ARG 0x08U
#define SLUICE_ENTER_REGISTERED_RING 0x10U
#define SLUICE_ENTER_NO_IOWAIT 0x80U // Linux 6.15

// io_uring_setup(2), flags.
#define SLUICE_SETUP_CQSIZE 0x08U
#define SLUICE_SETUP_CLAMP 0x10U
#define SLUICE_SETUP_SUBMIT_ALL 0x80U
#define SLUICE_SETUP_COOP_TASKRUN 0x100U
#define SLUICE_SETUP_TASKRUN_FLAG 0x200U
#define SLUICE_SETUP_SINGLE_ISSUER 0x1000U
#define SLUICE_SETUP_DEFER_TASKRUN 0x2000U

// io_uring_register(2), opcodes and flags.
#define SLUICE_REGISTER_RING_FDS 20U
#define SLUICE_UNREGISTER_RING_FDS 21U
#define SLUICE_REGISTER_PBUF_RING 22U
#define SLUICE_UNREGISTER_PBUF_RING 23U
#define SLUICE_PBUF_RING_INC 2U // Linux 6.12

// Zero-copy sends: sqe->ioprio, and the result of a notification.
#define SLUICE_SEND_ZC_REPORT_USAGE 0x08U // Linux 6.2
#define SLUICE_NOTIFICATION_USAGE_COPIED 0x80000000U

// IORING_OP_ASYNC_CANCEL, sqe->cancel_flags.
#define SLUICE_CANCEL_ALL 0x01U
#define SLUICE_CANCEL_FD 0x02U

// sqe->opcode of the operations that Ring+Submissions prepares, for drivers that read them.
#define SLUICE_OP_NOP 0
#define SLUICE_OP_POLL_ADD 6
#define SLUICE_OP_SENDMSG 9
#define SLUICE_OP_RECVMSG 10
#define SLUICE_OP_ACCEPT 13
#define SLUICE_OP_CANCEL 14
#define SLUICE_OP_CONNECT 16
#define SLUICE_OP_CLOSE 19
#define SLUICE_OP_READ 22
#define SLUICE_OP_SEND 26
#define SLUICE_OP_RECV 27
#define SLUICE_OP_SHUTDOWN 34
#define SLUICE_OP_SEND_ZC 47
#define SLUICE_OP_SENDMSG_ZC 48

// send(2) and recvmsg(2), flags. Enumerators in one C library, macros in another.
#define SLUICE_DONTWAIT 0x40
#define SLUICE_NOSIGNAL 0x4000
#define SLUICE_CMSG_CLOEXEC 0x40000000
#define SLUICE_CTRUNC 0x08U
#define SLUICE_TRUNC 0x20U

// sqe->ioprio of a receive and of an accept.
#define SLUICE_RECEIVE_MULTISHOT 0x02U
#define SLUICE_ACCEPT_MULTISHOT 0x01U

// epoll_ctl(2): events and operations. Enumerators in one C library, macros in another.
#define SLUICE_EPOLLIN 0x001U
#define SLUICE_EPOLLOUT 0x004U
#define SLUICE_EPOLLERR 0x008U
#define SLUICE_EPOLLHUP 0x010U
#define SLUICE_EPOLLRDHUP 0x2000U
#define SLUICE_EPOLLET 0x80000000U
#define SLUICE_EPOLL_ADD 1
#define SLUICE_EPOLL_MODIFY 3
#define SLUICE_EPOLL_CLOEXEC 0x80000

// poll(2): the peer has ended its stream. Declared under _GNU_SOURCE only; the same on every architecture but SPARC.
#define SLUICE_POLLRDHUP 0x2000U

// preadv2(2): fail with EAGAIN instead of waiting for a disk.
#define SLUICE_RWF_NOWAIT 0x08

// openat2(2). The numbers of system calls this young are the same on every architecture.
#define SLUICE_CALL_OPENAT2 437L
#define SLUICE_RESOLVE_NO_MAGICLINKS 0x02ULL
#define SLUICE_RESOLVE_BENEATH 0x08ULL
#define SLUICE_RESOLVE_CACHED 0x20ULL // Linux 5.12

// io_uring_prep_fsync(3).
#define SLUICE_FSYNC_DATASYNC 0x01U

// eventfd(2).
#define SLUICE_EFD_CLOEXEC 0x80000

// glibc and musl have these, but declare them under _GNU_SOURCE only, which Swift's import of the
// C library does not set.
int accept4(int descriptor, struct sockaddr *address, socklen_t *length, int flags);
int pthread_setname_np(pthread_t thread, const char *name);
ssize_t preadv2(int descriptor, const struct iovec *vectors, int count, off_t offset, int flags);
int pthread_setaffinity_np(pthread_t thread, size_t size, const cpu_set_t *set);

// syscall(2), for calls that the C library has no function for. Swift does not import what takes a variable number of arguments;
// this one, which is written in assembly, finds all of them where a fixed number would be.
long sluice_system_call(long number, long first, long second, long third, long fourth) __asm__("syscall");

#endif
