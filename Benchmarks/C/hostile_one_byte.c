// Peers that leave one byte each, with honest traffic between two of them, so that each byte lies in another buffer of a server
// that fills its buffers with whatever arrives next.
//
// An echo server gives the byte back at once, and whoever never reads it costs the server nothing. With --held the peer first
// lets the server send until the kernel takes no more from it, in small steps, so that what the server has to keep is a few bytes:
// the least that a peer can leave in it. How much it keeps, the kernel tells (sock_diag(7)).
#include "hostile.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <stddef.h>
#include <sys/ioctl.h>

enum { FIRST = 32 << 10, STEP = 2 << 10, QUIET_ROUNDS = 8, TOP_UPS = 20 };
static const double ROUND = 0.05, STALLED = 1.0; // seconds

static int diagnosis;
static unsigned placed, holding;
static uint64_t held_bytes;
static bool stalled;

// Bytes that the kernel holds of the connection on the server's side: not taken yet, and not acknowledged yet.
static bool ask_kernel(int fd, uint64_t *untaken, uint64_t *unacknowledged)
{
    struct sockaddr_in local;
    socklen_t length = sizeof local;
    if (getsockname(fd, (struct sockaddr *)&local, &length) != 0) return false;
    struct {
        struct nlmsghdr header;
        struct inet_diag_req_v2 request;
    } query = {.header = {.nlmsg_len = sizeof query, .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST},
               .request = {.sdiag_family = AF_INET, .sdiag_protocol = IPPROTO_TCP, .idiag_states = UINT32_MAX}};
    query.request.id.idiag_sport = options.server.sin_port;
    query.request.id.idiag_dport = local.sin_port;
    query.request.id.idiag_src[0] = options.server.sin_addr.s_addr;
    query.request.id.idiag_dst[0] = local.sin_addr.s_addr;
    query.request.id.idiag_cookie[0] = query.request.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
    if (send(diagnosis, &query, sizeof query, 0) != sizeof query) return false;
    struct answer {
        struct nlmsghdr header;
        struct inet_diag_msg message;
        uint8_t rest[4096];
    } answer;
    ssize_t count = recv(diagnosis, &answer, sizeof answer, 0);
    if (count < (ssize_t)offsetof(struct answer, rest) || answer.header.nlmsg_type != SOCK_DIAG_BY_FAMILY) return false;
    *untaken = answer.message.idiag_rqueue;
    *unacknowledged = answer.message.idiag_wqueue;
    return true;
}

// Where the bytes of a peer are: `there` are those that are neither in the kernel nor back here, so that the server holds them.
static bool look_inside(const struct peer *p, uint64_t *untaken, uint64_t *unacknowledged, uint64_t *there)
{
    int back = 0;
    if (!ask_kernel(p->fd, untaken, unacknowledged) || ioctl(p->fd, SIOCINQ, &back) != 0) return false;
    uint64_t elsewhere = *untaken + *unacknowledged + (uint64_t)back;
    *there = p->sent > elsewhere ? p->sent - elsewhere : 0;
    return true;
}

// Lets the server send to each peer until the kernel takes no more, and it stays so for a while: an acknowledgement that comes
// late, or a buffer that grows, makes room once more. A server that stands still takes no more either.
static void fill_all(void)
{
    uint64_t until = after(options.patience), last = 0;
    for (unsigned round = 0, quiet = 0; quiet < QUIET_ROUNDS && !over && now() < until; round++) {
        bool moved = false;
        uint64_t sum = 0;
        for (unsigned i = 0; i < options.connections; i++) {
            struct peer *p = &peers[i];
            uint64_t untaken, unacknowledged, there;
            if (p->state != OPEN || !look_inside(p, &untaken, &unacknowledged, &there)) continue;
            sum += untaken + 3 * unacknowledged + 5 * there;
            if (round > 0 && (there || untaken)) continue;
            push(p, p->sent + (round ? STEP : FIRST));
            moved = true;
        }
        quiet = moved || sum != last ? 0 : quiet + 1;
        last = sum;
        wait_for(-1, 0, after(ROUND));
    }
}

static bool leave_one(struct peer *p)
{
    if (!push(p, p->sent + 1)) return false;
    return options.held || wait_for(p->fd, POLLIN, after(options.patience));
}

static bool open_one(struct peer *p)
{
    if (!open_peer(p)) return false;
    if (!wait_for(p->fd, POLLOUT, after(options.patience)) || socket_error(p->fd) != 0) {
        counts.failed++;
        close(p->fd);
        p->fd = -1;
        p->state = OVER;
        return false;
    }
    p->state = OPEN;
    counts.opened++;
    return true;
}

// Honest traffic: `between` bytes there and back, verified.
static bool traffic(struct peer *honest)
{
    uint64_t end = honest->sent + options.between, until = after(STALLED);
    while (honest->state == OPEN && honest->received < end) {
        uint64_t ahead = honest->received + (64 << 10);
        if (!push(honest, ahead < end ? ahead : end) || !pull(honest, UINT64_MAX)) return false;
        if (honest->received < honest->sent && !wait_for(honest->fd, POLLIN, until)) return false;
    }
    return honest->state == OPEN;
}

void run_one_byte(void)
{
    struct peer *honest = &peers[options.connections];
    struct options theirs = options;
    if (options.held) {
        diagnosis = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
        if (diagnosis < 0) die("sock_diag: %s", strerror(errno));
        struct timeval second = {.tv_sec = 1};
        setsockopt(diagnosis, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof second);
        if (!theirs.receive_buffer) theirs.receive_buffer = 4096;
        if (!theirs.segment) theirs.segment = 536;
    }
    struct options plain = options;
    options = theirs;
    // One that does not get in ends it: the others would wait as long.
    for (unsigned i = 0; i < options.connections && options.held && !over && open_one(&peers[i]); i++) {}
    if (options.held) fill_all();
    options = plain;
    stalled = !open_one(honest) || !traffic(honest);
    if (honest->state == OPEN) counts.opened--; // of the hostile ones
    for (unsigned i = 0; i < options.connections && !stalled && !over && now() < deadline; i++) {
        bool done = (options.held ? peers[i].state == OPEN : open_one(&peers[i])) && leave_one(&peers[i]);
        peers[i].settled = done;
        placed += done;
        stalled = !done || !traffic(honest);
    }
    // The kernel may have found room for some of the bytes since then: those peers try again.
    for (unsigned round = 0; round < TOP_UPS && options.held && !stalled && !over; round++) {
        holding = 0;
        held_bytes = 0;
        for (unsigned i = 0; i < options.connections && !stalled && !over && now() < deadline; i++) {
            uint64_t untaken, unacknowledged, there;
            if (peers[i].state != OPEN || !look_inside(&peers[i], &untaken, &unacknowledged, &there)) continue;
            holding += there > 0;
            held_bytes += there;
            if (there || untaken) continue;
            stalled = !push(&peers[i], peers[i].sent + STEP) || !traffic(honest);
        }
        if (holding == options.connections) break;
    }
    say_ready(!stalled && placed == options.connections);
    if (options.steps) while (wait_for(-1, 0, deadline)) {}
}

void report_one_byte(void)
{
    printf(", \"held\": %s, \"placed\": %u, \"stalled\": %s, \"holding\": %u, \"held_bytes\": %llu",
           options.held ? "true" : "false", placed, stalled ? "true" : "false", holding, (unsigned long long)held_bytes);
}
