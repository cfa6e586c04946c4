// Shows that a multishot receive can miss the end of its connection: mostly with IORING_RECVSEND_POLL_FIRST, seldom without.
// A burst of peers connect, write, and reset at once. Each connection gets one multishot receive out of a ring of provided
// buffers, and what it reports is counted. A connection whose receive says nothing more, for a second after the peers are
// gone, is asked with a plain recv().
//
// Whether ends were missed is in the printed line, not in the exit status. What was seen: docs/kernel-matrix.md.
#include "common.h"

#include <linux/io_uring.h>
#include <liburing.h>
#include <linux/time_types.h>
#include <sys/syscall.h>
#include <sys/wait.h>

// Newer than the headers of liburing 2.3 and of Debian 12's kernel.
#define SLUICE_PBUF_RING_INC 2u
#define SLUICE_CQE_F_BUF_MORE (1u << 4)

enum { GROUP = 1, SLOTS = 1024, SLOT_BYTES = 32 << 10, SECONDS_AT_MOST = 60 };
enum operation { ACCEPT = 1, RECEIVE, WATCH };

static struct io_uring ring;
static struct io_uring_buf_ring *posts;
static uint8_t *slots;

static struct connection {
    int fd;
    bool ended, watched; // what the receive said; what the watch said
} *connections;
static unsigned wanted = 300, accepted, ended, errors, watched, rearmed;
static uint64_t bytes_each = 70000, bytes;
static bool poll_first, fin, watch;
static enum { ON_ACCEPT, BEFORE_DATA, AFTER_RESET } moment = ON_ACCEPT;

static void write_and_leave(int fd, const uint8_t *from)
{
    struct linger reset = {.l_onoff = 1};
    for (uint64_t sent = 0; sent < bytes_each;) {
        ssize_t result = send(fd, from + sent, bytes_each - sent, MSG_NOSIGNAL);
        if (result < 0) die("send: %s", strerror(errno));
        sent += (uint64_t)result;
    }
    if (!fin && setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) != 0) die("SO_LINGER: %s", strerror(errno));
    close(fd);
}

// The peers: a process of its own, so that the ring has one thread only.
__attribute__((noreturn)) static void run_peers(struct sockaddr_in address, int go)
{
    uint8_t *from = map_pages(bytes_each);
    int *fds = map_pages(sizeof *fds * wanted);
    int room = 1 << 20; // a write never waits for a reader
    char word;
    alarm(SECONDS_AT_MOST);
    for (unsigned i = 0; i < wanted; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fds[i] < 0) die("socket: %s", strerror(errno));
        setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
        if (connect(fds[i], (struct sockaddr *)&address, sizeof address) != 0) die("connect: %s", strerror(errno));
        if (moment != BEFORE_DATA) write_and_leave(fds[i], from);
    }
    if (moment == BEFORE_DATA) {
        if (read(go, &word, 1) != 1) die("the receiver is gone");
        for (unsigned i = 0; i < wanted; i++) write_and_leave(fds[i], from);
    }
    exit(0);
}

static struct io_uring_sqe *next_submission(enum operation operation, unsigned index)
{
    struct io_uring_sqe *sqe;
    while (!(sqe = io_uring_get_sqe(&ring)))
        if (io_uring_submit(&ring) < 0) die("io_uring_enter: %s", strerror(errno));
    // Before what the caller prepares: no io_uring_prep_… touches user_data.
    io_uring_sqe_set_data64(sqe, (uint64_t)operation << 32 | index);
    return sqe;
}

static void arm_accept(int listener)
{
    struct io_uring_sqe *sqe = next_submission(ACCEPT, 0);
    io_uring_prep_multishot_accept(sqe, listener, NULL, NULL, SOCK_CLOEXEC);
}

static void arm_receive(unsigned index)
{
    struct io_uring_sqe *sqe = next_submission(RECEIVE, index);
    io_uring_prep_recv_multishot(sqe, connections[index].fd, NULL, 0, 0);
    if (poll_first) sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = GROUP;
}

static void post(unsigned slot)
{
    io_uring_buf_ring_add(posts, slots + (size_t)slot * SLOT_BYTES, SLOT_BYTES, (unsigned short)slot,
                          io_uring_buf_ring_mask(SLOTS), 0);
    io_uring_buf_ring_advance(posts, 1);
}

static void open_ring(unsigned flags, bool incremental)
{
    struct io_uring_params parameters = {.flags = flags | IORING_SETUP_CQSIZE, .cq_entries = 1 << 15};
    int result = io_uring_queue_init_params(1024, &ring, &parameters);
    if (result < 0) die("io_uring_setup: %s", strerror(-result));
    posts = map_pages(sizeof(struct io_uring_buf) * SLOTS);
    slots = map_pages((size_t)SLOTS * SLOT_BYTES);
    // liburing 2.3 calls the field of the flags `pad`; the layout is the kernel's.
    struct {
        uint64_t address;
        uint32_t entries;
        uint16_t group, flags;
        uint64_t reserved[3];
    } registration = {.address = (uintptr_t)posts, .entries = SLOTS, .group = GROUP,
                      .flags = incremental ? SLUICE_PBUF_RING_INC : 0};
    if (syscall(__NR_io_uring_register, ring.ring_fd, IORING_REGISTER_PBUF_RING, &registration, 1) != 0)
        die("io_uring_register of the buffer ring: %s", strerror(errno));
    for (unsigned slot = 0; slot < SLOTS; slot++) post(slot);
}

static void on_accept(int fd)
{
    if (fd < 0) die("accept: %s", strerror(-fd));
    if (accepted == wanted) die("somebody else connects here");
    connections[accepted].fd = fd;
    arm_receive(accepted);
    if (watch) io_uring_prep_poll_add(next_submission(WATCH, accepted), fd, 0); // POLLERR and POLLHUP are always reported
    accepted++;
}

static void on_receive(unsigned index, const struct io_uring_cqe *cqe)
{
    // The bytes are of no interest: a slot that the kernel is done with returns at once.
    if ((cqe->flags & IORING_CQE_F_BUFFER) && !(cqe->flags & SLUICE_CQE_F_BUF_MORE))
        post(cqe->flags >> IORING_CQE_BUFFER_SHIFT);
    if (cqe->res > 0) bytes += (uint64_t)cqe->res;
    if (cqe->flags & IORING_CQE_F_MORE) return;
    if (cqe->res > 0 || cqe->res == -ENOBUFS) {
        rearmed++; // no slot was left for a moment, or the kernel had enough
        arm_receive(index);
        return;
    }
    connections[index].ended = true;
    ended++;
    errors += cqe->res < 0;
}

static const char usage[] =
    "Usage: poll_first [--poll-first] [--connections N] [--bytes N] [--arm accept|before|after] [--fin] [--watch]\n"
    "                  [--cooperative] [--no-incremental]\n"
    "\n"
    "  --poll-first      arm the receives with IORING_RECVSEND_POLL_FIRST\n"
    "  --connections N   peers of the burst (300)\n"
    "  --bytes N         what each of them writes before it resets (70000)\n"
    "  --arm MOMENT      accept: when the connection is accepted, as a server does; before: when all are accepted, and none\n"
    "                    has written; after: when all have reset (accept)\n"
    "  --fin             the peers close, and do not reset\n"
    "  --watch           arm a poll for the end (IORING_OP_POLL_ADD) beside each receive\n"
    "  --cooperative     a ring with COOP_TASKRUN, instead of SINGLE_ISSUER and DEFER_TASKRUN\n"
    "  --no-incremental  one completion a slot, as on kernels before 6.12\n";

int main(int argc, char **argv)
{
    bool incremental = true, told = false, gone = false;
    unsigned flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
    for (int i = 1; i < argc; i++) {
        const char *option = argv[i], *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (!strcmp(option, "--help") || !strcmp(option, "-h")) return fputs(usage, stdout), 0;
        else if (!strcmp(option, "--poll-first")) poll_first = true;
        else if (!strcmp(option, "--fin")) fin = true;
        else if (!strcmp(option, "--watch")) watch = true;
        else if (!strcmp(option, "--cooperative")) flags = IORING_SETUP_COOP_TASKRUN;
        else if (!strcmp(option, "--no-incremental")) incremental = false;
        else if (!strcmp(option, "--connections")) wanted = (unsigned)parse_number(option, value, 1, 4000), i++;
        else if (!strcmp(option, "--bytes")) bytes_each = parse_number(option, value, 1, 1 << 19), i++;
        else if (!strcmp(option, "--arm") && value && !strcmp(value, "accept")) moment = ON_ACCEPT, i++;
        else if (!strcmp(option, "--arm") && value && !strcmp(value, "before")) moment = BEFORE_DATA, i++;
        else if (!strcmp(option, "--arm") && value && !strcmp(value, "after")) moment = AFTER_RESET, i++;
        else fputs(usage, stderr), die("unknown option %s", option);
    }
    raise_descriptor_limit();
    alarm(SECONDS_AT_MOST);
    connections = map_pages(sizeof *connections * wanted);

    struct sockaddr_in address = parse_address("127.0.0.1", 0);
    socklen_t length = sizeof address;
    int go[2], listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 4096) != 0
        || getsockname(listener, (struct sockaddr *)&address, &length) != 0 || pipe(go) != 0)
        die("listening: %s", strerror(errno));
    pid_t peers = fork();
    if (peers < 0) die("fork: %s", strerror(errno));
    if (peers == 0) {
        close(go[1]); // so that they hear of the end of this process
        run_peers(address, go[0]);
    }
    open_ring(flags, incremental);
    if (moment == AFTER_RESET) gone = waitpid(peers, NULL, 0) == peers;
    arm_accept(listener);

    while (accepted < wanted || ended < wanted || (watch && watched < wanted)) {
        struct __kernel_timespec silence = {.tv_sec = 1};
        struct io_uring_cqe *cqe;
        int result = io_uring_submit_and_wait_timeout(&ring, &cqe, 1, &silence, NULL);
        if (result == -ETIME && gone) break;
        if (result == -ETIME) gone = waitpid(peers, NULL, WNOHANG) == peers; // and a second more
        else if (result < 0 && result != -EINTR) die("io_uring_enter: %s", strerror(-result));
        unsigned head, seen = 0;
        io_uring_for_each_cqe(&ring, head, cqe)
        {
            unsigned index = (unsigned)cqe->user_data;
            seen++;
            switch ((enum operation)(cqe->user_data >> 32)) {
            case ACCEPT:
                on_accept(cqe->res);
                if (!(cqe->flags & IORING_CQE_F_MORE)) arm_accept(listener);
                break;
            case RECEIVE: on_receive(index, cqe); break;
            case WATCH: connections[index].watched = true, watched++; break;
            }
        }
        io_uring_cq_advance(&ring, seen);
        if (moment == BEFORE_DATA && accepted == wanted && !told) {
            if (io_uring_submit(&ring) < 0 || write(go[1], "", 1) != 1) die("the peers are gone");
            told = true;
        }
    }
    if (accepted < wanted) die("only %u of %u connections came", accepted, wanted);

    unsigned known = 0, known_to_watch = 0;
    for (unsigned i = 0; i < accepted; i++) {
        char byte;
        if (connections[i].ended) continue;
        ssize_t result = recv(connections[i].fd, &byte, 1, MSG_DONTWAIT);
        known += result == 0 || (result < 0 && errno != EAGAIN);
        known_to_watch += connections[i].watched;
    }
    printf("connections %u bytes %llu ended %u with an error %u silent %u of which recv() says ended %u", accepted,
           (unsigned long long)bytes, ended, errors, accepted - ended, known);
    if (watch) printf(" watch says ended %u", known_to_watch);
    printf(" armed again %u\n", rearmed);
    return 0;
}
