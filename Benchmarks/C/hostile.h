// What the parts of `hostile` share: the peers, the bytes that they send, the loop, and how each kind of peer plugs into it.
#ifndef SLUICE_BENCHMARKS_HOSTILE_H
#define SLUICE_BENCHMARKS_HOSTILE_H

#include "common.h"

#include <poll.h>
#include <sys/epoll.h>
#include <time.h>

enum {
    PERIOD = 65521, // a prime, so that no shift by a slot, a page or a message goes unnoticed
    CHUNK = 256 << 10,
    TICK_MS = 20,
};

enum state { UNUSED, CONNECTING, OPEN, OVER };

struct peer {
    int fd;
    unsigned number;
    enum state state;
    bool settled; // it has done what it came for
    uint64_t sent, received;
    uint64_t due; // whatever the mode waits for
};

struct options {
    struct sockaddr_in server;
    unsigned connections, burst, at_once;
    uint64_t bytes, between, receive_buffer, send_buffer, chunk;
    uint32_t segment;
    double seconds, settle, patience, interval, storm, stay;
    bool steps, fresh, held, together;
};

struct counts {
    uint64_t opened, failed, ended, reset, left; // connections: the server's FIN, the server's RST, gone by themselves
    uint64_t sent, received, wrong;
};

// A kind of peer. What is NULL does not happen.
struct mode {
    const char *name, *what;
    unsigned connections;
    uint64_t bytes, receive_buffer, send_buffer;
    uint32_t segment;
    bool reads, level;               // level-triggered: a portion for each event, instead of all there is
    void (*run)(void);               // instead of the common loop
    void (*opened)(struct peer *);
    void (*readable)(struct peer *);
    void (*writable)(struct peer *);
    void (*tick)(void);
    void (*told)(void);              // a line on standard input; NULL: it ends the program
    void (*report)(void);
};

extern struct options options;
extern struct counts counts;
extern struct peer *peers;
extern const struct mode *mode;
extern uint8_t *table; // PERIOD bytes, repeated
extern uint8_t *inbox;
extern uint64_t began, deadline, last_moved;
extern bool over;

static inline uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000ull + (uint64_t)time.tv_nsec;
}

static inline uint64_t after(double seconds)
{
    return now() + (uint64_t)(seconds * 1e9);
}

// Where in the table the bytes of a peer begin.
static inline const uint8_t *pattern(unsigned number, uint64_t position)
{
    return table + (position + number * 7919ull) % PERIOD;
}

// A non-blocking socket on its way to the server, or -1 with errno.
int start_connecting(void);
// Whether it has arrived there: 0, or an errno.
int socket_error(int fd);

// Opens a peer, and watches it.
bool open_peer(struct peer *);
// Sends the peer's pattern up to a position, or until the kernel takes no more; false if the connection is broken.
bool push(struct peer *, uint64_t up_to);
// Takes what is there, `most` bytes at most, and compares it; false at the end of the stream, however it ends.
bool pull(struct peer *, uint64_t most);
// Waits for events on a descriptor, or for what ends the program; false if neither the first came nor time is left.
bool wait_for(int fd, short events, uint64_t until);
void leave(struct peer *);
void reset(struct peer *);
// The peers are where they wanted to be. Says so with --steps.
void say_ready(bool settled);

void run_probe(void);
void run_one_byte(void);
void report_one_byte(void);

#endif
