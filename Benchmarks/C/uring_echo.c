// An echo server on io_uring: the reference that stands for what C can do with the recipe that the package uses.
//
//   * SINGLE_ISSUER and DEFER_TASKRUN; one io_uring_enter a turn, which submits everything and waits for one completion
//   * multishot accept; one multishot receive for each connection, armed once
//   * one provided-buffer ring for all connections; incremental (INC) slots where the kernel has them. A slot counts its
//     unsent pieces; when none is left and the kernel is done with it, it returns, and all that returned are posted with
//     one tail advance a turn, the warmest first. The number of posted slots starts small and doubles when the ring ran dry
//   * one send in flight for each connection: what queued meanwhile goes out gathered in one
//   * bounded: a connection with too much unsent stops receiving; a dry ring parks receivers in a queue until slots return.
//     What it does not do is to copy out small pieces that peers keep: 256 of them can pin 256 slots
//   * with --fan-out each message goes to every connection, out of one slot: a reference on it for each receiver. Nobody
//     waits for a receiver that is too slow: it is cut off
//
// No copy in user space, and no allocation after the start.
#include "common.h"

#include <linux/io_uring.h>
#include <liburing.h>
#include <linux/time_types.h>
#include <sys/syscall.h>

// Newer than the headers of liburing 2.3 and of Debian 12's kernel.
#define SLUICE_PBUF_RING_INC 2u
#define SLUICE_CQE_F_BUF_MORE (1u << 4)

enum {
    BUFFER_GROUP = 1,
    MAX_CONNECTIONS = 1 << 17,
    MAX_SLOTS = 1 << 14,
    MAX_PIECES = 1 << 22,         // over all connections
    PIECES_PER_CONNECTION = 256,  // beyond it, receiving pauses; also the longest gather
    TURN_VECTORS = 1 << 15,       // gathers of one turn
    TURN_MESSAGES = 4096,
    FAN_OUT_BYTES = 16 << 20,     // unsent, at which a receiver of a fan-out is cut off
    FAN_OUT_PIECES = 1 << 16,     // the same in pieces; less with many connections
    NONE = -1,
};

enum operation { ACCEPT = 1, RECEIVE, SEND, CLOSE, CANCEL, SIGNAL, DEADLINE };

// A run of received bytes that wait to be sent. Holds one reference on its slot.
struct piece {
    uint32_t slot, offset, length;
    int32_t next;
};

struct connection {
    int fd;
    uint16_t generation;
    bool live, receiving, cancelling, starved, queued, ended, failed;
    int32_t first, last;               // pieces
    uint32_t pieces, pieces_in_flight; // of which in flight
    uint32_t unsent;                   // bytes, those in flight included
    int32_t next;                      // in the list of the free or of the queued
    int32_t next_starved;
    int32_t member;                    // with fan-out: its place among the members, or NONE
};

struct slot {
    uint32_t filled;     // bytes received into it since it was posted
    uint32_t references; // pieces
    bool posted;         // the kernel may still write to it
};

static struct io_uring ring;
static struct io_uring_buf_ring *posts;
static unsigned post_entries;

static uint8_t *slot_bytes;
static struct slot *slots;
static int32_t *free_slots; // a stack: last returned, first posted
static unsigned free_slot_count, slot_count, slot_limit, slot_size, posted_count, posted_target, posted_most;

static struct connection *connections;
static int32_t free_connection = NONE, connection_count;
static int32_t first_queued = NONE;                          // to be looked at when this turn's completions are done
static int32_t first_starved = NONE, last_starved = NONE;    // first come, first armed

static bool fan_out;
static int32_t *members; // who receives what is fanned out
static unsigned member_count;

static struct piece *pieces;
static int32_t free_piece = NONE, piece_count;

static struct iovec *vectors;
static struct msghdr *headers;
static unsigned vector_count, header_count;

static unsigned high_water, low_water, high_water_most = 1 << 20, send_flags = MSG_NOSIGNAL;
static unsigned entries = 1024; // of the submission queue: all of it is walked through, so that large ones cost cache
static int listener, signals;
static bool accepting, stopping;
static unsigned live_connections;
static struct signalfd_siginfo signal_info;

static struct {
    uint64_t accepted, refused, receives, bytes_in, bytes_out, sends, turns, dry, pauses, short_sends, stale, cut_off;
} counts;

static uint64_t token(enum operation operation, int32_t index)
{
    return (uint64_t)operation << 56 | (uint64_t)connections[index].generation << 32 | (uint32_t)index;
}

// Everything queued so far goes to the kernel; after that the gathers of this turn may be overwritten.
static void submit(unsigned wait)
{
    for (;;) {
        int result = io_uring_submit_and_wait(&ring, wait);
        counts.turns++;
        if (result < 0 && result != -EINTR && result != -EAGAIN && result != -EBUSY)
            die("io_uring_enter: %s", strerror(-result));
        if (io_uring_sq_ready(&ring) == 0) break;
        // Interrupted or out of memory before all was taken: the completions that are here must be reaped first.
        if (io_uring_cq_ready(&ring)) return;
    }
    vector_count = header_count = 0;
}

static struct io_uring_sqe *next_submission(void)
{
    struct io_uring_sqe *sqe;
    while (!(sqe = io_uring_get_sqe(&ring))) submit(0);
    return sqe;
}

// MARK: Slots

static void slot_free(uint32_t index)
{
    free_slots[free_slot_count++] = (int32_t)index;
}

static void slot_release(uint32_t index)
{
    struct slot *slot = &slots[index];
    if (--slot->references == 0 && !slot->posted) slot_free(index);
}

// Once a turn: what returned goes back to the kernel, up to the target.
static void post_slots(void)
{
    int added = 0;
    while (posted_count < posted_target) {
        uint32_t index;
        if (free_slot_count) index = (uint32_t)free_slots[--free_slot_count];
        else if (slot_count < slot_limit) index = slot_count++;
        else break;
        slots[index] = (struct slot){.posted = true};
        io_uring_buf_ring_add(posts, slot_bytes + (size_t)index * slot_size, slot_size, (unsigned short)index,
                              io_uring_buf_ring_mask(post_entries), added++);
        posted_count++;
    }
    if (added) io_uring_buf_ring_advance(posts, added);
}

// MARK: Lists of connections

static void enqueue(struct connection *c)
{
    if (c->queued || !c->live) return;
    c->queued = true;
    c->next = first_queued;
    first_queued = (int32_t)(c - connections);
}

static void park(struct connection *c)
{
    int32_t index = (int32_t)(c - connections);
    c->starved = true;
    c->next_starved = NONE;
    if (last_starved == NONE) first_starved = index;
    else connections[last_starved].next_starved = index;
    last_starved = index;
}

// MARK: Requests

static void arm_accept(void)
{
    struct io_uring_sqe *sqe = next_submission();
    io_uring_prep_multishot_accept(sqe, listener, NULL, NULL, SOCK_CLOEXEC);
    io_uring_sqe_set_data64(sqe, (uint64_t)ACCEPT << 56);
    accepting = true;
}

static void arm_receive(struct connection *c, bool poll_first)
{
    struct io_uring_sqe *sqe = next_submission();
    io_uring_prep_recv_multishot(sqe, c->fd, NULL, 0, 0);
    if (poll_first) sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = BUFFER_GROUP;
    io_uring_sqe_set_data64(sqe, token(RECEIVE, (int32_t)(c - connections)));
    c->receiving = true;
}

static void cancel(uint64_t target)
{
    struct io_uring_sqe *sqe = next_submission();
    io_uring_prep_cancel64(sqe, target, 0);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    io_uring_sqe_set_data64(sqe, (uint64_t)CANCEL << 56);
}

static void stop_receiving(struct connection *c)
{
    if (!c->receiving || c->cancelling) return;
    c->cancelling = true;
    cancel(token(RECEIVE, (int32_t)(c - connections)));
}

static void send_queued(struct connection *c)
{
    int32_t index = (int32_t)(c - connections);
    unsigned count = c->pieces < PIECES_PER_CONNECTION ? c->pieces : PIECES_PER_CONNECTION;
    if (count > 1 && (vector_count + count > TURN_VECTORS || header_count == TURN_MESSAGES)) submit(0);
    struct io_uring_sqe *sqe = next_submission();
    struct piece *piece = &pieces[c->first];
    if (count == 1) {
        io_uring_prep_send(sqe, c->fd, slot_bytes + (size_t)piece->slot * slot_size + piece->offset, piece->length,
                           (int)send_flags);
    } else {
        // The kernel copies header and vectors when it takes the request: they need to live for this turn only.
        struct msghdr *header = &headers[header_count++];
        struct iovec *vector = &vectors[vector_count];
        *header = (struct msghdr){.msg_iov = vector, .msg_iovlen = count};
        for (unsigned i = 0; i < count; i++, piece = &pieces[piece->next])
            vector[i] = (struct iovec){slot_bytes + (size_t)piece->slot * slot_size + piece->offset, piece->length};
        vector_count += count;
        io_uring_prep_sendmsg(sqe, c->fd, header, send_flags);
    }
    io_uring_sqe_set_data64(sqe, token(SEND, index));
    c->pieces_in_flight = count;
    counts.sends++;
}

// MARK: Connections

static void drop_first_piece(struct connection *c)
{
    int32_t index = c->first;
    struct piece *piece = &pieces[index];
    slot_release(piece->slot);
    c->first = piece->next;
    if (c->first == NONE) c->last = NONE;
    c->pieces--;
    piece->next = free_piece;
    free_piece = index;
}

// Half of the pool, shared out: peers that do not read shall not be able to take all of it from those that do.
static void set_limits(void)
{
    uint64_t share = (uint64_t)slot_limit * slot_size / 2 / (live_connections ? live_connections : 1);
    high_water = share < (64 << 10) ? 64 << 10 : share > high_water_most ? high_water_most : (unsigned)share;
    if (high_water > high_water_most) high_water = high_water_most;
    low_water = high_water / 4;
}

// Where nothing is armed and nothing is left to send, the descriptor is closed. Never before.
static void settle(struct connection *c)
{
    if (!c->live) return;
    if (c->failed) {
        stop_receiving(c);
        if (c->pieces_in_flight) return;
        while (c->pieces) drop_first_piece(c);
        c->unsent = 0;
    }
    if (c->receiving || c->starved || c->queued || c->pieces || !(c->ended || c->failed)) return;
    struct io_uring_sqe *sqe = next_submission();
    io_uring_prep_close(sqe, c->fd);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    io_uring_sqe_set_data64(sqe, (uint64_t)CLOSE << 56);
    c->live = false;
    c->generation++;
    c->next = free_connection;
    free_connection = (int32_t)(c - connections);
    live_connections--;
    set_limits();
    if (!accepting && !stopping) arm_accept(); // it had stopped for want of descriptors
}

static bool over_limit(const struct connection *c)
{
    if (fan_out) return false; // what it has unsent came from others
    return c->unsent >= high_water || c->pieces >= PIECES_PER_CONNECTION;
}

static bool may_receive(const struct connection *c)
{
    return !c->receiving && !c->starved && !c->ended && !c->failed && c->live
        && (fan_out || (c->unsent <= low_water && c->pieces < PIECES_PER_CONNECTION));
}

static void resume_receiving(struct connection *c)
{
    if (!may_receive(c)) return;
    // Nobody overtakes those who wait for slots.
    if (posted_count && first_starved == NONE) arm_receive(c, false);
    else park(c);
}

static void join(struct connection *c)
{
    c->member = (int32_t)member_count;
    members[member_count++] = (int32_t)(c - connections);
}

// Whoever has ended its side, or failed, is sent what it was to get, and nothing more.
static void leave(struct connection *c)
{
    if (c->member == NONE) return;
    int32_t last = members[--member_count];
    members[c->member] = last;
    connections[last].member = c->member;
    c->member = NONE;
}

static void accepted(int fd)
{
    int32_t index = free_connection;
    if (index != NONE) free_connection = connections[index].next;
    else if (connection_count < MAX_CONNECTIONS) index = connection_count++;
    if (index == NONE || stopping) {
        counts.refused++;
        close(fd);
        return;
    }
    struct connection *c = &connections[index];
    *c = (struct connection){
        .fd = fd, .generation = c->generation, .live = true, .first = NONE, .last = NONE, .member = NONE};
    counts.accepted++;
    live_connections++;
    set_limits();
    if (fan_out) join(c);
    arm_receive(c, true);
}

static inline __attribute__((always_inline)) void append(struct connection *c, uint32_t slot, uint32_t offset, uint32_t length)
{
    c->unsent += length;
    if (c->pieces > c->pieces_in_flight) {
        struct piece *last = &pieces[c->last];
        if (last->slot == slot && last->offset + last->length == offset) {
            last->length += length;
            return;
        }
    }
    int32_t index = free_piece;
    if (index != NONE) free_piece = pieces[index].next;
    else if (piece_count < MAX_PIECES) index = piece_count++;
    else die("more than %d unsent pieces", MAX_PIECES);
    pieces[index] = (struct piece){slot, offset, length, NONE};
    slots[slot].references++;
    if (c->last == NONE) c->first = index;
    else pieces[c->last].next = index;
    c->last = index;
    c->pieces++;
}

// The same bytes for everybody. Apart from the echo, so that the compiler makes the most of that.
static __attribute__((noinline)) void send_to_all(uint32_t slot, uint32_t offset, uint32_t length)
{
    uint32_t most_pieces = MAX_PIECES / 2 / member_count;
    if (most_pieces > FAN_OUT_PIECES) most_pieces = FAN_OUT_PIECES;
    for (unsigned i = 0; i < member_count;) {
        struct connection *c = &connections[members[i]];
        if (c->unsent + length > FAN_OUT_BYTES || c->pieces >= most_pieces) {
            counts.cut_off++;
            c->failed = true;
            if (c->pieces_in_flight) cancel(token(SEND, members[i]));
            leave(c); // another one takes its place in the list
        } else {
            append(c, slot, offset, length);
            i++;
        }
        enqueue(c);
    }
}

static void on_receive(struct connection *c, int result, unsigned flags)
{
    if (flags & IORING_CQE_F_BUFFER) {
        uint32_t index = flags >> IORING_CQE_BUFFER_SHIFT;
        struct slot *slot = &slots[index];
        uint32_t offset = slot->filled;
        if (result > 0) {
            slot->filled += (uint32_t)result;
            if (fan_out && member_count) send_to_all(index, offset, (uint32_t)result);
            else if (!fan_out && !c->failed) append(c, index, offset, (uint32_t)result);
        }
        if (!(flags & SLUICE_CQE_F_BUF_MORE)) {
            slot->posted = false;
            posted_count--;
            if (slot->references == 0) slot_free(index);
        }
    }
    if (result > 0) {
        counts.receives++;
        counts.bytes_in += (uint64_t)result;
        if (!fan_out) enqueue(c);
    }
    if (!(flags & IORING_CQE_F_MORE)) {
        c->receiving = c->cancelling = false;
        if (result == 0 || (stopping && result == -ECANCELED)) {
            c->ended = true;
        } else if (result == -ENOBUFS) {
            counts.dry++;
            // More was wanted at once than stands posted: post more from now on.
            if (posted_target < posted_most) posted_target = 2 * posted_target < posted_most ? 2 * posted_target : posted_most;
        } else if (result < 0 && result != -ECANCELED) {
            c->failed = true;
        }
        if (stopping) c->ended = true;
        if (c->ended || c->failed) leave(c);
        enqueue(c); // decides, at the end of the turn, whether to receive again or to close
    } else if (over_limit(c) && !c->cancelling) {
        counts.pauses++;
        stop_receiving(c);
    }
}

static void on_send(struct connection *c, int result)
{
    unsigned in_flight = c->pieces_in_flight;
    c->pieces_in_flight = 0;
    if (result < 0) {
        if (result != -EINTR && result != -EAGAIN) {
            c->failed = true;
            leave(c);
        }
    } else {
        uint32_t sent = (uint32_t)result;
        counts.bytes_out += sent;
        c->unsent -= sent;
        for (; in_flight && sent >= pieces[c->first].length; in_flight--) {
            sent -= pieces[c->first].length;
            drop_first_piece(c);
        }
        if (in_flight) {
            counts.short_sends++;
            pieces[c->first].offset += sent;
            pieces[c->first].length -= sent;
        }
    }
    // Nothing to decide for a connection that is receiving and has sent everything: the usual case.
    if (c->pieces || !c->receiving || c->failed) enqueue(c);
}

// MARK: Stopping

static void stop(void)
{
    if (stopping) return;
    stopping = true;
    if (accepting) cancel((uint64_t)ACCEPT << 56);
    for (int32_t i = 0; i < connection_count; i++) {
        struct connection *c = &connections[i];
        if (!c->live) continue;
        if (!c->receiving) c->ended = true;
        leave(c);
        stop_receiving(c);
        enqueue(c);
    }
    static struct __kernel_timespec limit = {.tv_sec = 2};
    struct io_uring_sqe *sqe = next_submission();
    io_uring_prep_timeout(sqe, &limit, 0, 0);
    io_uring_sqe_set_data64(sqe, (uint64_t)DEADLINE << 56);
}

// Past the deadline what cannot be sent is given up.
static void give_up(void)
{
    for (int32_t i = 0; i < connection_count; i++) {
        struct connection *c = &connections[i];
        if (!c->live) continue;
        c->failed = true;
        if (c->pieces_in_flight) cancel(token(SEND, i));
        enqueue(c);
    }
}

// MARK: The loop

static void on_completion(const struct io_uring_cqe *cqe)
{
    uint64_t data = cqe->user_data;
    enum operation operation = (enum operation)(data >> 56);
    if (operation == RECEIVE || operation == SEND) {
        struct connection *c = &connections[(uint32_t)data];
        if (c->generation != (uint16_t)(data >> 32) || !c->live) counts.stale++;
        else if (operation == RECEIVE) on_receive(c, cqe->res, cqe->flags);
        else on_send(c, cqe->res);
        return;
    }
    switch (operation) {
    case ACCEPT:
        if (cqe->res >= 0) accepted(cqe->res);
        if (!(cqe->flags & IORING_CQE_F_MORE)) {
            accepting = false;
            // Out of descriptors: accept again when a connection closes.
            bool full = cqe->res == -EMFILE || cqe->res == -ENFILE || cqe->res == -ENOMEM || cqe->res == -ENOBUFS;
            if (!stopping && !(full && live_connections)) arm_accept();
        }
        break;
    case SIGNAL: stop(); break;
    case DEADLINE: give_up(); break;
    default: break; // a cancel that came too late, or a close that failed
    }
}

static void turn(void)
{
    unsigned head, seen = 0;
    struct io_uring_cqe *cqe;
    io_uring_for_each_cqe(&ring, head, cqe)
    {
        on_completion(cqe);
        seen++;
    }
    io_uring_cq_advance(&ring, seen);

    int32_t index = first_queued;
    first_queued = NONE;
    while (index != NONE) {
        struct connection *c = &connections[index];
        index = c->next;
        c->queued = false;
        if (c->pieces && !c->pieces_in_flight && !c->failed) send_queued(c);
        if (c->ended || c->failed) settle(c);
        else resume_receiving(c);
    }
    // Slots before the starved: an armed receive on an empty ring fails at once.
    post_slots();
    while (first_starved != NONE && (posted_count || stopping)) {
        struct connection *c = &connections[first_starved];
        first_starved = c->next_starved;
        if (first_starved == NONE) last_starved = NONE;
        c->starved = false;
        if (c->ended || c->failed) settle(c);
        else if (may_receive(c)) arm_receive(c, false);
    }
}

static void open_ring(void)
{
    static const unsigned choices[] = {IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
                                       IORING_SETUP_COOP_TASKRUN, 0};
    int result = -EINVAL;
    for (unsigned i = 0; result == -EINVAL && i < sizeof choices / sizeof *choices; i++) {
        struct io_uring_params parameters = {.flags = choices[i] | IORING_SETUP_CQSIZE, .cq_entries = entries * 8};
        result = io_uring_queue_init_params(entries, &ring, &parameters);
        if (result == 0 && i) fprintf(stderr, "note: this kernel has no DEFER_TASKRUN; flags are %#x\n", choices[i]);
    }
    if (result < 0) die("io_uring_setup: %s", strerror(-result));
    io_uring_register_ring_fd(&ring); // saves the look-up of the descriptor; where the kernel cannot, nothing is lost
}

static bool register_posts(unsigned flags)
{
    // liburing 2.3 calls the field of the flags `pad`; the layout is the kernel's.
    struct {
        uint64_t address;
        uint32_t entries;
        uint16_t group, flags;
        uint64_t reserved[3];
    } registration = {.address = (uintptr_t)posts, .entries = post_entries, .group = BUFFER_GROUP,
                      .flags = (uint16_t)flags};
    return syscall(__NR_io_uring_register, ring.ring_fd, IORING_REGISTER_PBUF_RING, &registration, 1) == 0;
}

static const char usage[] =
    "Usage: uring_echo [--host ADDRESS] [--port PORT] [--slot-bytes N] [--posted N] [--posted-most N]\n"
    "                  [--pool-bytes N] [--high-water N] [--entries N] [--no-incremental] [--waitall] [--fan-out]\n"
    "\n"
    "  --host ADDRESS    IPv4 address to listen on (127.0.0.1)\n"
    "  --port PORT       0 lets the kernel choose; the choice is printed (7007)\n"
    "  --slot-bytes N    bytes of a slot (256k; 16k without incremental slots)\n"
    "  --posted N        slots posted at the start (2; 64 without incremental slots); doubled when the ring runs dry\n"
    "  --posted-most N   slots posted at most (as many as are 512k; 4m without incremental slots)\n"
    "  --pool-bytes N    most bytes of all slots (256m)\n"
    "  --high-water N    unsent bytes at which a connection stops receiving, resuming at a quarter (1m; with many\n"
    "                    connections less, so that all of them together can fill half of the pool)\n"
    "  --entries N       entries of the submission queue; the completion queue has eight times as many (1024)\n"
    "  --no-incremental  one completion a slot, as on kernels before 6.12\n"
    "  --waitall         let the kernel finish short sends by itself (MSG_WAITALL)\n"
    "  --fan-out         send each message to every connection; a receiver with 16m unsent is cut off\n"
    "\n"
    "SIGINT and SIGTERM close everything and print the counts.\n";

int main(int argc, char **argv)
{
    const char *host = "127.0.0.1";
    uint16_t port = 7007;
    uint64_t pool = 256 << 20; // address space; what is touched depends on what is unsent
    bool incremental = true;
    for (int i = 1; i < argc; i++) {
        const char *option = argv[i], *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (!strcmp(option, "--help") || !strcmp(option, "-h")) return fputs(usage, stdout), 0;
        else if (!strcmp(option, "--no-incremental")) incremental = false;
        else if (!strcmp(option, "--waitall")) send_flags |= MSG_WAITALL;
        else if (!strcmp(option, "--fan-out")) fan_out = true;
        else if (!strcmp(option, "--host") && value) host = value, i++;
        else if (!strcmp(option, "--port")) port = (uint16_t)parse_number(option, value, 0, 65535), i++;
        else if (!strcmp(option, "--slot-bytes")) slot_size = (unsigned)parse_number(option, value, 64, 1 << 24), i++;
        else if (!strcmp(option, "--posted")) posted_target = (unsigned)parse_number(option, value, 1, MAX_SLOTS), i++;
        else if (!strcmp(option, "--posted-most")) posted_most = (unsigned)parse_number(option, value, 1, MAX_SLOTS), i++;
        else if (!strcmp(option, "--entries")) entries = (unsigned)parse_number(option, value, 8, 4096), i++;
        else if (!strcmp(option, "--pool-bytes")) pool = parse_number(option, value, 64, 1ull << 32), i++;
        else if (!strcmp(option, "--high-water")) high_water_most = (unsigned)parse_number(option, value, 1, 1 << 30), i++;
        else fputs(usage, stderr), die("unknown option %s", option);
    }
    raise_descriptor_limit();
    signals = open_signals(0);
    connections = map_pages(sizeof *connections * MAX_CONNECTIONS);
    pieces = map_pages(sizeof *pieces * MAX_PIECES);
    members = map_pages(sizeof *members * MAX_CONNECTIONS);
    vectors = map_pages(sizeof *vectors * TURN_VECTORS);
    headers = map_pages(sizeof *headers * TURN_MESSAGES);
    slots = map_pages(sizeof *slots * MAX_SLOTS);
    free_slots = map_pages(sizeof *free_slots * MAX_SLOTS);
    posts = map_pages(sizeof(struct io_uring_buf) * MAX_SLOTS);

    open_ring();
    post_entries = MAX_SLOTS;
    io_uring_buf_ring_init(posts);
    if (incremental && !register_posts(SLUICE_PBUF_RING_INC)) {
        fprintf(stderr, "note: this kernel has no incremental slots\n");
        incremental = false;
    }
    if (!incremental && !register_posts(0)) die("io_uring_register of the buffer ring: %s", strerror(errno));
    if (!slot_size) slot_size = incremental ? 256 << 10 : 16 << 10;
    slot_limit = (unsigned)(pool / slot_size < MAX_SLOTS ? pool / slot_size : MAX_SLOTS);
    if (!slot_limit) die("--pool-bytes is less than one slot");
    if (!posted_target) posted_target = incremental ? 2 : 64;
    if (!posted_most) {
        // What stands posted is filled in turn, so all of it wants to stay in the cache. Where a slot serves one completion
        // only, their number counts, not their bytes.
        unsigned bytes = incremental ? 512 << 10 : 4 << 20;
        posted_most = bytes / slot_size ? bytes / slot_size : 1;
    }
    if (posted_most > slot_limit) posted_most = slot_limit;
    if (posted_target > posted_most) posted_target = posted_most;
    slot_bytes = map_pages((size_t)slot_limit * slot_size);
    post_slots();

    listener = listen_and_print("uring_echo", host, port, 0);
    arm_accept();
    struct io_uring_sqe *sqe = next_submission();
    io_uring_prep_read(sqe, signals, &signal_info, sizeof signal_info, 0);
    io_uring_sqe_set_data64(sqe, (uint64_t)SIGNAL << 56);

    while (!stopping || live_connections || accepting) {
        submit(1);
        turn();
    }
    submit(0);
    printf("connections %llu refused %llu\n", (unsigned long long)counts.accepted, (unsigned long long)counts.refused);
    printf("messages %llu bytes in %llu bytes out %llu\n", (unsigned long long)counts.receives,
           (unsigned long long)counts.bytes_in, (unsigned long long)counts.bytes_out);
    if (fan_out) printf("cut off %llu\n", (unsigned long long)counts.cut_off);
    printf("sends %llu short %llu turns %llu pauses %llu dry %llu stale %llu\n", (unsigned long long)counts.sends,
           (unsigned long long)counts.short_sends, (unsigned long long)counts.turns,
           (unsigned long long)counts.pauses, (unsigned long long)counts.dry, (unsigned long long)counts.stale);
    printf("slots %u of %u bytes, posted at most %u, slots leaked %u\n", slot_count, slot_size, posted_target,
           slot_count - free_slot_count - posted_count);
    return 0;
}
