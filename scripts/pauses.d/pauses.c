// Loaded before the C library: threads stand still now and then, as on a machine that has other things to do, and now and then
// another process is being started, which has a copy of each descriptor until it has come to its program.
//
// PAUSES_EVERY: one of the two in so many calls, on average. PAUSES_MOST_MS: the longest; each lasts between none of it and all.
// PAUSES_COPIES: 0 for a program that starts no other, whose descriptors nobody copies.
// At the end a line on the standard error output says how often and for how long.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t every = 1000;
static uint64_t most_ms = 60;
static int starts_processes = 1;
static atomic_uint_fast64_t pauses;
static atomic_uint_fast64_t paused_ms;
static atomic_uint_fast64_t copies;
static __thread uint64_t random_state;

__attribute__((constructor)) static void read_settings(void) {
  const char *value = getenv("PAUSES_EVERY");
  if (value && atoll(value) > 0) every = (uint64_t)atoll(value);
  value = getenv("PAUSES_MOST_MS");
  if (value && atoll(value) > 0) most_ms = (uint64_t)atoll(value);
  value = getenv("PAUSES_COPIES");
  if (value) starts_processes = atoi(value) != 0;
  // The programs that a test starts run as they always do.
  unsetenv("LD_PRELOAD");
}

__attribute__((destructor)) static void report(void) {
  fprintf(stderr, "pauses: %llu, of %.1f s together; descriptors copied: %llu times\n", (unsigned long long)pauses,
          (double)paused_ms / 1000, (unsigned long long)copies);
}

// xorshift64, a state for each thread.
static uint64_t next_random(void) {
  if (!random_state) {
    struct timespec now;
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    random_state = ((uint64_t)syscall(SYS_gettid) * 0x9E3779B97F4A7C15u ^ (uint64_t)now.tv_nsec) | 1;
  }
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return random_state;
}

// Processes that are being started, at most so many at once.
static struct copy {
  atomic_flag is_taken;
  pid_t process;
  // The kernel's, which sets it to zero where the process has ended and its stack is free.
  atomic_int is_running;
  struct timespec time;
  _Alignas(16) char stack[8192];
} copying[16];

// Shares the memory of the process that started it, and so must leave alone what a thread has there.
static int wait_in_copy(void *argument) {
  struct copy *copy = argument;
  syscall(SYS_nanosleep, &copy->time, NULL);
  syscall(SYS_exit, 0);
  return 0;
}

// As posix_spawn does it, whose process shares the memory and has copies of the descriptors until it executes its program: here
// it waits, and ends. Without a signal at the end, so that only who asks for such processes is told.
static void copy_descriptors(struct timespec time) {
  for (size_t index = 0; index < sizeof copying / sizeof *copying; index++) {
    struct copy *copy = &copying[index];
    if (atomic_flag_test_and_set(&copy->is_taken)) continue;
    if (!copy->is_running) {
      if (copy->process > 0) waitpid(copy->process, NULL, __WALL);
      copy->time = time;
      copy->is_running = 1;
      copy->process = clone(wait_in_copy, copy->stack + sizeof copy->stack, CLONE_VM | CLONE_CHILD_CLEARTID, copy, NULL, NULL,
                            &copy->is_running);
      if (copy->process < 0) copy->is_running = 0;
      if (copy->process > 0) copies++;
      atomic_flag_clear(&copy->is_taken);
      return;
    }
    atomic_flag_clear(&copy->is_taken);
  }
}

// A call after which others are likely to have something to do weighs more.
static void maybe_pause(uint64_t weight) {
  if ((next_random() >> 16) % every >= weight) return;
  int error = errno;
  uint64_t ms = (next_random() >> 16) % (most_ms + 1);
  struct timespec time = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
  if (starts_processes && (next_random() >> 16 & 1)) {
    copy_descriptors(time);
  } else {
    // Counted before, so that a process that exits meanwhile has it.
    pauses++;
    paused_ms += ms;
    syscall(SYS_nanosleep, &time, NULL);
  }
  errno = error;
}

#define REAL(name) \
  static typeof(&name) real; \
  if (!real) real = (typeof(&name))dlsym(RTLD_NEXT, #name)

// Called by nearly everything that waits or measures, and on the loop's thread in each of its turns.
int clock_gettime(clockid_t clock, struct timespec *time) {
  long result = syscall(SYS_clock_gettime, clock, time);
  maybe_pause(1);
  return (int)result;
}

int pthread_mutex_unlock(pthread_mutex_t *mutex) {
  REAL(pthread_mutex_unlock);
  int result = real(mutex);
  maybe_pause(1);
  return result;
}

int epoll_pwait2(int epoll, struct epoll_event *events, int count, const struct timespec *timeout, const sigset_t *mask) {
  REAL(epoll_pwait2);
  maybe_pause(2);
  int result = real(epoll, events, count, timeout, mask);
  maybe_pause(2);
  return result;
}

ssize_t send(int socket, const void *bytes, size_t count, int flags) {
  REAL(send);
  maybe_pause(4);
  ssize_t result = real(socket, bytes, count, flags);
  maybe_pause(4);
  return result;
}

ssize_t recv(int socket, void *bytes, size_t count, int flags) {
  REAL(recv);
  maybe_pause(4);
  return real(socket, bytes, count, flags);
}

int connect(int socket, const struct sockaddr *address, socklen_t length) {
  REAL(connect);
  maybe_pause(8);
  int result = real(socket, address, length);
  maybe_pause(8);
  return result;
}

int close(int descriptor) {
  REAL(close);
  maybe_pause(4);
  return real(descriptor);
}
