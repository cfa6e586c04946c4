// A closed-loop load for echo servers, on epoll and one thread. Each connection keeps a number of messages in flight and
// sends the next when one has come back whole. To stay cheaper than what it drives, it sends from one table of bytes,
// lets the kernel drop what comes back (MSG_TRUNC) unless it verifies, and reads the clock once for each arrival.
#include "common.h"
#include "load.h"

#include <sys/epoll.h>

enum {
    EVENTS = 1024,
    MAX_DEPTH = 4096,
    PERIOD = 65521, // a prime, so that no shift by a slot, a page or a message goes unnoticed
    CHUNK = 1 << 20,
};

struct message {
    uint64_t end; // position in the stream of the connection
    uint64_t started;
};

struct connection {
    int fd;
    uint32_t shift;   // where in the table its stream begins
    uint32_t first, in_flight;
    uint64_t random;
    uint64_t queued;   // end of the last message that was started
    uint64_t sent, received;
    struct message *messages;
    bool stalled, shut;
};

static uint8_t *table; // PERIOD bytes, repeated
static uint8_t *inbox;
static struct connection *connections;
static unsigned connection_count = 50, stalled_count, depth = 1, open_count;
static uint64_t least = 64, most = 64, stalled_bytes = 16 << 20;
static bool verify, half_close;
static uint64_t target, started, completed, bytes_sent, bytes_received, waits;
static uint64_t deadline; // of a run by time; 0 for a run by count
static bool last_phase, finishing;
static double patience = 30;
static int poller;

// MARK: Connections

static uint64_t next_size(struct connection *c)
{
    if (least == most) return least;
    c->random ^= c->random << 13, c->random ^= c->random >> 7, c->random ^= c->random << 17;
    // Evenly over the magnitudes: a few large messages would drown the many small ones otherwise.
    unsigned low = 63 - (unsigned)__builtin_clzll(least), high = 63 - (unsigned)__builtin_clzll(most);
    unsigned magnitude = low + (unsigned)(c->random >> 8) % (high - low + 1);
    uint64_t size = (1ull << magnitude) + ((c->random >> 24) & ((1ull << magnitude) - 1));
    return size < least ? least : size > most ? most : size;
}

static void close_connection(struct connection *c)
{
    if (c->fd < 0) return;
    close(c->fd);
    c->fd = -1;
    open_count--;
}

static bool may_start(void)
{
    return !finishing && started < target;
}

// Shuts down the sending side once nothing more will be sent: with --half-close at once, else when all is back.
static void finish_sending(struct connection *c)
{
    bool over = finishing || (half_close && last_phase && !may_start());
    if (!over || c->shut || c->sent != c->queued) return;
    if (!half_close && c->received != c->sent) return;
    c->shut = true;
    if (shutdown(c->fd, SHUT_WR) != 0) die("shutdown: %s", strerror(errno));
}

static void send_more(struct connection *c)
{
    while (c->sent < c->queued) {
        uint64_t length = c->queued - c->sent;
        if (length > CHUNK) length = CHUNK;
        ssize_t result = send(c->fd, table + (c->sent + c->shift) % PERIOD, length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (result < 0 && errno == EINTR) continue;
        if (result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
        if (result < 0) die("send, after %llu bytes: %s", (unsigned long long)c->sent, strerror(errno));
        c->sent += (uint64_t)result;
        bytes_sent += (uint64_t)result;
        if ((uint64_t)result < length) break;
    }
    finish_sending(c);
}

static void start_messages(struct connection *c, uint64_t time)
{
    while (c->in_flight < depth && may_start()) {
        c->queued += next_size(c);
        struct message *message = &c->messages[(c->first + c->in_flight++) % depth];
        *message = (struct message){c->queued, time};
        started++;
    }
}

static void check(const struct connection *c, const uint8_t *bytes, uint64_t length)
{
    const uint8_t *expected = table + (c->received + c->shift) % PERIOD;
    if (memcmp(bytes, expected, length) == 0) return;
    uint64_t at = 0;
    while (bytes[at] == expected[at]) at++;
    die("a wrong byte came back: connection %u, position %llu: %#x instead of %#x", (unsigned)(c - connections),
        (unsigned long long)(c->received + at), bytes[at], expected[at]);
}

// Takes what is there. A short read has emptied the socket, and the next arrival is a new edge; only where the end of
// the stream is announced is it read to the end.
static void receive(struct connection *c, bool to_the_end)
{
    ssize_t result;
    uint64_t time = 0;
    do {
        result = recv(c->fd, inbox, CHUNK, MSG_DONTWAIT | (verify ? 0 : MSG_TRUNC));
        if (result < 0 && errno == EINTR) continue;
        if (result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
        if (result < 0) die("recv, after %llu bytes: %s", (unsigned long long)c->received, strerror(errno));
        if (result == 0) {
            if (!c->shut || c->received != c->sent)
                die("the server closed after %llu of %llu bytes", (unsigned long long)c->received,
                    (unsigned long long)c->queued);
            return close_connection(c);
        }
        if (c->received + (uint64_t)result > c->sent) die("more bytes came back than were sent");
        if (verify) check(c, inbox, (uint64_t)result);
        c->received += (uint64_t)result;
        bytes_received += (uint64_t)result;
        while (c->in_flight && c->messages[c->first].end <= c->received) {
            if (!time) time = now();
            record(time - c->messages[c->first].started);
            if (++c->first == depth) c->first = 0;
            c->in_flight--;
            completed++;
        }
    } while (result == CHUNK || result < 0 || to_the_end);
    if (time) {
        if (deadline && time >= deadline) target = started;
        start_messages(c, time);
    }
    if (c->sent < c->queued) send_more(c);
    else finish_sending(c);
}

static void connect_all(const char *host, uint16_t port)
{
    struct sockaddr_in address = parse_address(host, port);
    if ((ntohl(address.sin_addr.s_addr) >> 24) != 127) die("the load is for 127.0.0.0/8 only");
    for (unsigned i = 0; i < connection_count + stalled_count; i++) {
        struct connection *c = &connections[i];
        int one = 1;
        *c = (struct connection){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .shift = i * 7919u % PERIOD,
                                 .random = 0x9e3779b97f4a7c15ull * (i + 1),
                                 .stalled = i >= connection_count};
        c->messages = calloc(depth, sizeof *c->messages);
        if (!c->messages) die("out of memory");
        if (c->fd < 0) die("socket: %s", strerror(errno));
        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        // The plainest congestion control: the pacing of others would cost the load time, and only the load.
        setsockopt(c->fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4);
        if (connect(c->fd, (struct sockaddr *)&address, sizeof address) != 0)
            die("connect to %s:%u: %s", host, port, strerror(errno));
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c};
        if (epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &event) != 0) die("epoll_ctl: %s", strerror(errno));
        open_count++;
    }
}

// MARK: Phases

static void turn(void)
{
    static struct epoll_event events[EVENTS];
    uint64_t before = bytes_received + bytes_sent;
    int count = epoll_wait(poller, events, EVENTS, 1000);
    waits++;
    static double idle;
    for (int i = 0; i < count; i++) {
        struct connection *c = events[i].data.ptr;
        if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR) && (!c->stalled || finishing))
            receive(c, events[i].events & EPOLLRDHUP);
        else if (c->sent < c->queued) send_more(c);
    }
    if (count > 0 || bytes_received + bytes_sent != before) idle = 0;
    else if (count == 0 && ++idle >= patience)
        die("no progress for %.0f s: %llu messages of %llu came back, %llu bytes of %llu", patience,
            (unsigned long long)completed, (unsigned long long)started, (unsigned long long)bytes_received,
            (unsigned long long)bytes_sent);
}

// Starts up to `count` messages, or what the time allows, and returns when all of them are back.
static double run(uint64_t count, double seconds)
{
    uint64_t begin = now();
    deadline = seconds > 0 ? begin + (uint64_t)(seconds * 1e9) : 0;
    target = deadline ? UINT64_MAX : started + count;
    // Round by round, so that a small count is spread over the connections.
    for (unsigned i = 0; i < connection_count; i++) {
        struct connection *c = &connections[i];
        if (c->fd < 0) continue; // --half-close, and all of its messages are back
        start_messages(c, now());
        send_more(c);
    }
    while (completed < target || completed < started) {
        turn();
        if (deadline && target == UINT64_MAX && now() >= deadline) target = started;
    }
    return (double)(now() - begin) / 1e9;
}

static const char usage[] =
    "Usage: echo_load --port PORT [OPTIONS]\n"
    "\n"
    "  --host ADDRESS      in 127.0.0.0/8 (127.0.0.1)\n"
    "  --connections N     (50)\n"
    "  --size N | A-B      bytes of a message, or a range, drawn evenly over its magnitudes (64)\n"
    "  --depth N           messages in flight on each connection (1)\n"
    "  --messages N        how many in all (100000)\n"
    "  --seconds S         for how long, instead of how many\n"
    "  --warmup N          messages before the measured ones (0)\n"
    "  --verify            compare every byte that comes back\n"
    "  --half-close        shut down sending while the last replies are still out\n"
    "  --stalled N         further connections that send 16 MiB and read nothing until all others are done\n"
    "  --patience S        give up when nothing moves for so long (30)\n"
    "  --steps             print `step warm` and `step measured`, and wait for a line on standard input at each\n"
    "  --json              print one line of JSON\n";

int main(int argc, char **argv)
{
    const char *host = "127.0.0.1";
    uint64_t messages = 100000, warmup = 0;
    double seconds = 0;
    uint16_t port = 0;
    for (int i = 1; i < argc; i++) {
        const char *option = argv[i], *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (!strcmp(option, "--help") || !strcmp(option, "-h")) return fputs(usage, stdout), 0;
        else if (!strcmp(option, "--verify")) verify = true;
        else if (!strcmp(option, "--half-close")) half_close = true;
        else if (!strcmp(option, "--steps")) steps = true;
        else if (!strcmp(option, "--json")) json = true;
        else if (!strcmp(option, "--host") && value) host = value, i++;
        else if (!strcmp(option, "--port")) port = (uint16_t)parse_number(option, value, 1, 65535), i++;
        else if (!strcmp(option, "--connections")) connection_count = (unsigned)parse_number(option, value, 1, 60000), i++;
        else if (!strcmp(option, "--depth")) depth = (unsigned)parse_number(option, value, 1, MAX_DEPTH), i++;
        else if (!strcmp(option, "--messages")) messages = parse_number(option, value, 1, 1ull << 40), i++;
        else if (!strcmp(option, "--warmup")) warmup = parse_number(option, value, 0, 1ull << 40), i++;
        else if (!strcmp(option, "--stalled")) stalled_count = (unsigned)parse_number(option, value, 0, 10000), i++;
        else if (!strcmp(option, "--seconds") && value) seconds = strtod(value, NULL), i++;
        else if (!strcmp(option, "--patience") && value) patience = strtod(value, NULL), i++;
        else if (!strcmp(option, "--size") && value) {
            char text[64];
            snprintf(text, sizeof text, "%s", value);
            char *dash = strchr(text, '-');
            if (dash) *dash = 0;
            least = most = parse_number(option, text, 1, 1ull << 32);
            if (dash) most = parse_number(option, dash + 1, least, 1ull << 32);
            i++;
        } else fputs(usage, stderr), die("unknown option %s", option);
    }
    if (!port) fputs(usage, stderr), die("--port is needed");

    raise_descriptor_limit();
    table = map_pages(PERIOD + CHUNK);
    inbox = map_pages(CHUNK);
    start_latencies();
    connections = map_pages(sizeof *connections * (connection_count + stalled_count));
    uint64_t random = 88172645463325252ull;
    for (unsigned i = 0; i < PERIOD; i++) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        table[i] = (uint8_t)(random >> 32);
    }
    for (unsigned i = PERIOD; i < PERIOD + CHUNK; i++) table[i] = table[i - PERIOD];
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (poller < 0) die("epoll_create1: %s", strerror(errno));
    connect_all(host, port);
    for (unsigned i = connection_count; i < connection_count + stalled_count; i++) {
        connections[i].queued = stalled_bytes;
        send_more(&connections[i]);
    }

    if (warmup) run(warmup, 0);
    forget_latencies();
    step("warm");
    uint64_t done_before = completed, received_before = bytes_received, waits_before = waits;
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    last_phase = true;
    double elapsed = run(messages, seconds);
    getrusage(RUSAGE_SELF, &after);
    uint64_t done = completed - done_before, received = bytes_received - received_before, waited = waits - waits_before;
    step("measured");

    finishing = true;
    for (unsigned i = 0; i < connection_count + stalled_count; i++)
        if (connections[i].fd >= 0) receive(&connections[i], false);
    while (open_count) turn();
    if (bytes_received != bytes_sent) die("bytes sent and received differ");

    report((struct result){.messages = done, .seconds = elapsed, .bytes = received, .waits = waited, .verified = verify,
                           .user = cpu_seconds(&after.ru_utime) - cpu_seconds(&before.ru_utime),
                           .system = cpu_seconds(&after.ru_stime) - cpu_seconds(&before.ru_stime)});
    return 0;
}
