// epoll_echo --fan-out: each message goes to every connection.
//
// Messages are received one behind the other into chunks. A piece is a range of a chunk that one receiver is still to be
// sent, and holds a reference on the chunk: no copy for any receiver. What one wake-up brought goes out at its end, in one
// gathered send for each receiver. Nobody waits for a receiver that is too slow: it is cut off.
#include "common.h"
#include "epoll_fan_out.h"

#include <sys/epoll.h>
#include <sys/uio.h>

enum {
    EVENTS = 1024,
    MAX_CONNECTIONS = 1 << 17,
    CHUNK = 256 << 10,
    LEAST_ROOM = 64 << 10,    // a chunk with less room is not received into any more
    MOST_UNSENT = 16 << 20,   // at which a receiver is cut off
    MOST_VECTORS = 256,
    PIECES = 4096,            // allocated at once
};

struct chunk {
    struct chunk *next;
    uint32_t filled, references;
    uint8_t bytes[CHUNK];
};

struct piece {
    struct piece *next;
    struct chunk *chunk;
    uint32_t offset, length;
};

struct connection {
    struct piece *first, *last;
    uint64_t unsent;
    uint32_t member; // its place among the members
    bool live, dirty, writing, ended, dead;
};

static struct connection *connections; // by descriptor
static int *members, *dirty;
static unsigned member_count, dirty_count;
static struct chunk *current, *free_chunks;
static struct piece *free_pieces;
static int poller, listener;
static bool accepting = true;
static uint64_t accepted, messages, bytes_in, bytes_out, cut_off, chunk_count;

static void watch(int operation, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};
    if (epoll_ctl(poller, operation, fd, &event) != 0) die("epoll_ctl: %s", strerror(errno));
}

// MARK: Chunks and pieces

// The server holds one reference on the chunk that it receives into.
static void release(struct chunk *chunk)
{
    if (--chunk->references) return;
    chunk->next = free_chunks;
    free_chunks = chunk;
}

static struct chunk *chunk_with_room(void)
{
    if (current && CHUNK - current->filled >= LEAST_ROOM) return current;
    if (current) release(current);
    current = free_chunks;
    if (current) {
        free_chunks = current->next;
    } else {
        current = malloc(sizeof *current);
        if (!current) die("out of memory");
        chunk_count++;
    }
    current->filled = 0;
    current->references = 1;
    return current;
}

static struct piece *take_piece(void)
{
    if (!free_pieces) {
        struct piece *block = malloc(PIECES * sizeof *block);
        if (!block) die("out of memory");
        for (unsigned i = 0; i < PIECES; i++) {
            block[i].next = free_pieces;
            free_pieces = &block[i];
        }
    }
    struct piece *piece = free_pieces;
    free_pieces = piece->next;
    return piece;
}

static void drop_first(struct connection *c)
{
    struct piece *piece = c->first;
    c->first = piece->next;
    if (!c->first) c->last = NULL;
    release(piece->chunk);
    piece->next = free_pieces;
    free_pieces = piece;
}

// MARK: Connections

static void mark(int fd)
{
    struct connection *c = &connections[fd];
    if (c->dirty) return;
    c->dirty = true;
    dirty[dirty_count++] = fd;
}

// Only marks it: others of this wake-up may still name it. The end of the wake-up closes it.
static void end(int fd)
{
    connections[fd].dead = true;
    mark(fd);
}

static void leave(struct connection *c)
{
    int last = members[--member_count];
    members[c->member] = last;
    connections[last].member = c->member;
}

static void close_connection(int fd)
{
    struct connection *c = &connections[fd];
    while (c->first) drop_first(c);
    if (!c->ended) leave(c);
    *c = (struct connection){0};
    close(fd);
    if (!accepting) {
        accepting = true;
        watch(EPOLL_CTL_MOD, listener, EPOLLIN);
    }
}

static void append(struct connection *c, struct chunk *chunk, uint32_t offset, uint32_t length)
{
    c->unsent += length;
    if (c->last && c->last->chunk == chunk && c->last->offset + c->last->length == offset) {
        c->last->length += length;
        return;
    }
    struct piece *piece = take_piece();
    *piece = (struct piece){.chunk = chunk, .offset = offset, .length = length};
    chunk->references++;
    if (c->last) c->last->next = piece;
    else c->first = piece;
    c->last = piece;
}

static void send_to_all(struct chunk *chunk, uint32_t offset, uint32_t length)
{
    for (unsigned i = 0; i < member_count; i++) {
        struct connection *c = &connections[members[i]];
        if (c->dead) continue;
        if (c->unsent + length > MOST_UNSENT) {
            cut_off++;
            end(members[i]);
            continue;
        }
        append(c, chunk, offset, length);
        mark(members[i]);
    }
}

static void on_readable(int fd)
{
    struct connection *c = &connections[fd];
    struct chunk *chunk = chunk_with_room();
    ssize_t received = recv(fd, chunk->bytes + chunk->filled, CHUNK - chunk->filled, 0);
    if (received < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (received < 0) return end(fd);
    if (received == 0) {
        // It gets what it was to get, and nothing more.
        c->ended = true;
        leave(c);
        watch(EPOLL_CTL_MOD, fd, c->writing ? EPOLLOUT : 0);
        return mark(fd);
    }
    uint32_t offset = chunk->filled;
    chunk->filled += (uint32_t)received;
    messages++;
    bytes_in += (uint64_t)received;
    send_to_all(chunk, offset, (uint32_t)received);
}

// Sends what the peer takes, and watches for more room where it did not take all. False where the connection is broken.
static bool send_queued(int fd)
{
    struct connection *c = &connections[fd];
    while (c->first) {
        struct iovec vectors[MOST_VECTORS];
        struct msghdr header = {.msg_iov = vectors};
        size_t wanted = 0;
        for (struct piece *piece = c->first; piece && header.msg_iovlen < MOST_VECTORS; piece = piece->next) {
            vectors[header.msg_iovlen++] = (struct iovec){piece->chunk->bytes + piece->offset, piece->length};
            wanted += piece->length;
        }
        ssize_t result = sendmsg(fd, &header, MSG_NOSIGNAL);
        if (result < 0 && errno == EINTR) continue;
        if (result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
        if (result < 0) return false;
        size_t sent = (size_t)result;
        bytes_out += sent;
        c->unsent -= sent;
        while (c->first && sent >= c->first->length) {
            sent -= c->first->length;
            drop_first(c);
        }
        if (sent) {
            c->first->offset += (uint32_t)sent;
            c->first->length -= (uint32_t)sent;
        }
        if ((size_t)result < wanted) break;
    }
    if ((c->first != NULL) != c->writing) {
        c->writing = c->first != NULL;
        watch(EPOLL_CTL_MOD, fd, (c->ended ? 0 : (uint32_t)EPOLLIN) | (c->writing ? (uint32_t)EPOLLOUT : 0));
    }
    return true;
}

static void on_acceptable(void)
{
    for (int i = 0; i < 64; i++) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if ((errno == EMFILE || errno == ENFILE) && member_count) {
                // Out of descriptors: the listener is level-triggered, so look away until a connection closes.
                accepting = false;
                watch(EPOLL_CTL_MOD, listener, 0);
            }
            return;
        }
        if (fd >= MAX_CONNECTIONS) {
            close(fd);
            continue;
        }
        connections[fd] = (struct connection){.live = true, .member = member_count};
        members[member_count++] = fd;
        accepted++;
        watch(EPOLL_CTL_ADD, fd, EPOLLIN);
    }
}

int run_fan_out(const char *host, uint16_t port)
{
    connections = map_pages(sizeof *connections * MAX_CONNECTIONS);
    members = map_pages(sizeof *members * MAX_CONNECTIONS);
    dirty = map_pages(sizeof *dirty * MAX_CONNECTIONS);
    int signals = open_signals(SFD_NONBLOCK);
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (poller < 0) die("epoll_create1: %s", strerror(errno));
    listener = listen_and_print("epoll_echo", host, port, SOCK_NONBLOCK);
    watch(EPOLL_CTL_ADD, listener, EPOLLIN);
    watch(EPOLL_CTL_ADD, signals, EPOLLIN);

    static struct epoll_event events[EVENTS];
    for (bool running = true; running;) {
        int count = epoll_wait(poller, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            uint32_t what = events[i].events;
            if (fd == listener) on_acceptable();
            else if (fd == signals) running = false;
            else if (!connections[fd].live || connections[fd].dead) continue;
            else {
                if (what & EPOLLOUT) mark(fd);
                // One that has ended its side is only heard of again when the connection breaks.
                if (connections[fd].ended && what & (EPOLLHUP | EPOLLERR)) end(fd);
                else if (!connections[fd].ended && what & (EPOLLIN | EPOLLHUP | EPOLLERR)) on_readable(fd);
            }
        }
        // Grows no more: sending marks nobody.
        for (unsigned i = 0; i < dirty_count; i++) {
            int fd = dirty[i];
            struct connection *c = &connections[fd];
            c->dirty = false;
            if (c->dead || !send_queued(fd) || (c->ended && !c->first)) close_connection(fd);
        }
        dirty_count = 0;
    }
    for (int fd = 0; fd < MAX_CONNECTIONS; fd++)
        if (connections[fd].live) close_connection(fd);
    if (current) release(current);
    unsigned held = (unsigned)chunk_count;
    for (struct chunk *chunk = free_chunks; chunk; chunk = chunk->next) held--;
    printf("connections %llu\n", (unsigned long long)accepted);
    printf("cut off %llu\n", (unsigned long long)cut_off);
    printf("messages %llu bytes in %llu bytes out %llu\n", (unsigned long long)messages, (unsigned long long)bytes_in,
           (unsigned long long)bytes_out);
    printf("chunks %llu of %d bytes, slots leaked %u\n", (unsigned long long)chunk_count, CHUNK, held);
    return 0;
}
