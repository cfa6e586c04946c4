#ifndef SLUICE_BENCHMARKS_EPOLL_FAN_OUT_H
#define SLUICE_BENCHMARKS_EPOLL_FAN_OUT_H
#include <stdint.h>

// Serves until SIGINT or SIGTERM. Does not return before; ends the process where it cannot serve.
int run_fan_out(const char *host, uint16_t port);

#endif
