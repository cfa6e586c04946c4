// What the three programs share: messages, numbers from the command line, addresses, the listening socket, signals.
#ifndef SLUICE_BENCHMARKS_COMMON_H
#define SLUICE_BENCHMARKS_COMMON_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

__attribute__((noreturn, format(printf, 1, 2))) static inline void die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("error: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

// A whole number with an optional suffix k, m or g (powers of 1,024), between two bounds.
static inline uint64_t parse_number(const char *option, const char *text, uint64_t least, uint64_t most)
{
    char *end;
    errno = 0;
    if (!text || *text < '0' || *text > '9') die("%s needs a number, not '%s'", option, text ? text : "");
    uint64_t value = strtoull(text, &end, 10);
    unsigned shift = 0;
    if (*end == 'k' || *end == 'K') shift = 10, end++;
    else if (*end == 'm' || *end == 'M') shift = 20, end++;
    else if (*end == 'g' || *end == 'G') shift = 30, end++;
    if (errno || *end || value > (UINT64_MAX >> shift)) die("%s needs a number, not '%s'", option, text);
    value <<= shift;
    if (value < least || value > most)
        die("%s must be %llu to %llu", option, (unsigned long long)least, (unsigned long long)most);
    return value;
}

// Zeroed pages that cost nothing until they are touched.
static inline void *map_pages(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) die("mmap of %zu bytes: %s", bytes, strerror(errno));
    return memory;
}

static inline void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static inline struct sockaddr_in parse_address(const char *host, uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1) die("--host must be an IPv4 address, not '%s'", host);
    return address;
}

// Binds, listens, and prints the address: port 0 lets the kernel choose. What is set here is inherited by the accepted.
static inline int listen_and_print(const char *program, const char *host, uint16_t port, int type_flags)
{
    struct sockaddr_in address = parse_address(host, port);
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | type_flags, 0);
    if (fd < 0) die("socket: %s", strerror(errno));
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0) die("SO_REUSEADDR: %s", strerror(errno));
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0) die("TCP_NODELAY: %s", strerror(errno));
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0) die("bind %s:%u: %s", host, port, strerror(errno));
    if (listen(fd, 4096) != 0) die("listen: %s", strerror(errno));
    socklen_t length = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &length) != 0) die("getsockname: %s", strerror(errno));
    printf("%s listening on %s:%u\n", program, host, ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

// A descriptor that becomes readable on SIGINT and SIGTERM, which are blocked otherwise.
static inline int open_signals(int flags)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    if (sigprocmask(SIG_BLOCK, &signals, NULL) != 0) die("sigprocmask: %s", strerror(errno));
    signal(SIGPIPE, SIG_IGN);
    int fd = signalfd(-1, &signals, SFD_CLOEXEC | flags);
    if (fd < 0) die("signalfd: %s", strerror(errno));
    return fd;
}

#endif
