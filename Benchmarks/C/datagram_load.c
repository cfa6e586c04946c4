// A closed-loop load for datagram echo servers, on epoll and one thread. Each socket is a client of its own and keeps a number
// of datagrams in flight. A datagram names its place in the window and the round of that place, so that one that was lost
// is sent again after a while and counted, and one that comes twice or too late is known for it.
#include "common.h"
#include "load.h"

#include <sys/epoll.h>

enum { EVENTS = 1024, MAX_DEPTH = 1024, LARGEST = 65507, HEADER = 8 };

struct flight {
    uint64_t started; // of the first try
    uint64_t tried;
    uint32_t round;
    bool out;
};

struct client {
    int fd;
    struct flight *flights;
};

static struct client *clients;
static unsigned client_count = 50, depth = 1;
static uint64_t size = 64, target, started, completed, bytes_received, waits, lost, strangers;
static double patience = 30, again = 0.2;
static bool verify;
static uint8_t *table, *inbox;
static int poller;

static void fill(uint8_t *bytes, unsigned place, uint32_t round)
{
    uint32_t header[2] = {place, round};
    memcpy(bytes, header, sizeof header);
}

static void try_sending(struct client *c, unsigned place, uint64_t time)
{
    struct flight *flight = &c->flights[place];
    fill(table, place, flight->round);
    flight->tried = time;
    // What the socket does not take is lost like any other.
    if (send(c->fd, table, size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EAGAIN && errno != ENOBUFS && errno != ECONNREFUSED)
        die("send: %s", strerror(errno));
}

static void start(struct client *c, unsigned place, uint64_t time)
{
    if (started >= target) return;
    started++;
    c->flights[place] = (struct flight){.started = time, .round = c->flights[place].round + 1, .out = true};
    try_sending(c, place, time);
}

static void receive(struct client *c)
{
    uint64_t time = 0;
    for (;;) {
        ssize_t result = recv(c->fd, inbox, LARGEST, MSG_DONTWAIT);
        if (result < 0 && errno == EINTR) continue;
        if (result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
        if (result < 0) die("recv: %s", strerror(errno));
        uint32_t header[2] = {0, 0};
        if ((size_t)result >= sizeof header) memcpy(header, inbox, sizeof header);
        if ((uint64_t)result != size) die("%zd bytes came back, not %llu", result, (unsigned long long)size);
        if (verify && memcmp(inbox + HEADER, table + HEADER, size - HEADER) != 0) die("a wrong byte came back");
        if (header[0] >= depth || !c->flights[header[0]].out || c->flights[header[0]].round != header[1]) {
            strangers++; // the answer to one that was given up
            continue;
        }
        if (!time) time = now();
        c->flights[header[0]].out = false;
        record(time - c->flights[header[0]].started);
        completed++;
        bytes_received += (uint64_t)result;
        start(c, header[0], time);
    }
}

static void send_lost_again(uint64_t time)
{
    for (unsigned i = 0; i < client_count; i++)
        for (unsigned place = 0; place < depth; place++) {
            struct flight *flight = &clients[i].flights[place];
            if (!flight->out || time - flight->tried < (uint64_t)(again * 1e9)) continue;
            lost++;
            try_sending(&clients[i], place, time);
        }
}

static void run(uint64_t count)
{
    target = started + count;
    uint64_t looked = now(), moved = looked, before = completed;
    for (unsigned place = 0; place < depth; place++)
        for (unsigned i = 0; i < client_count; i++) start(&clients[i], place, looked);
    while (completed < target) {
        static struct epoll_event events[EVENTS];
        int ready = epoll_wait(poller, events, EVENTS, 50);
        waits++;
        for (int i = 0; i < ready; i++) receive(events[i].data.ptr);
        uint64_t time = now();
        if (completed != before) before = completed, moved = time;
        else if ((double)(time - moved) > patience * 1e9)
            die("no progress for %.0f s: %llu datagrams of %llu came back", patience, (unsigned long long)completed,
                (unsigned long long)started);
        if (time - looked > 50000000) send_lost_again(looked = time);
    }
}

static const char usage[] =
    "Usage: datagram_load --port PORT [OPTIONS]\n"
    "\n"
    "  --host ADDRESS      in 127.0.0.0/8 (127.0.0.1)\n"
    "  --connections N     sockets (50)\n"
    "  --size N            bytes of a datagram, 8 to 65507 (64)\n"
    "  --depth N           datagrams in flight on each socket (1)\n"
    "  --messages N        how many in all (100000)\n"
    "  --warmup N          datagrams before the measured ones (0)\n"
    "  --verify            compare every byte that comes back\n"
    "  --patience S        give up when nothing moves for so long (30)\n"
    "  --steps             print `step warm` and `step measured`, and wait for a line on standard input at each\n"
    "  --json              print one line of JSON\n";

int main(int argc, char **argv)
{
    const char *host = "127.0.0.1";
    uint64_t messages = 100000, warmup = 0;
    uint16_t port = 0;
    for (int i = 1; i < argc; i++) {
        const char *option = argv[i], *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (!strcmp(option, "--help") || !strcmp(option, "-h")) return fputs(usage, stdout), 0;
        else if (!strcmp(option, "--verify")) verify = true;
        else if (!strcmp(option, "--steps")) steps = true;
        else if (!strcmp(option, "--json")) json = true;
        else if (!strcmp(option, "--host") && value) host = value, i++;
        else if (!strcmp(option, "--port")) port = (uint16_t)parse_number(option, value, 1, 65535), i++;
        else if (!strcmp(option, "--connections")) client_count = (unsigned)parse_number(option, value, 1, 10000), i++;
        else if (!strcmp(option, "--depth")) depth = (unsigned)parse_number(option, value, 1, MAX_DEPTH), i++;
        else if (!strcmp(option, "--messages")) messages = parse_number(option, value, 1, 1ull << 40), i++;
        else if (!strcmp(option, "--warmup")) warmup = parse_number(option, value, 0, 1ull << 40), i++;
        else if (!strcmp(option, "--size")) size = parse_number(option, value, HEADER, LARGEST), i++;
        else if (!strcmp(option, "--patience") && value) patience = strtod(value, NULL), i++;
        else fputs(usage, stderr), die("unknown option %s", option);
    }
    if (!port) fputs(usage, stderr), die("--port is needed");
    struct sockaddr_in address = parse_address(host, port);
    if ((ntohl(address.sin_addr.s_addr) >> 24) != 127) die("the load is for 127.0.0.0/8 only");

    raise_descriptor_limit();
    table = map_pages(LARGEST);
    inbox = map_pages(LARGEST);
    for (unsigned i = 0; i < LARGEST; i++) table[i] = (uint8_t)(i * 31 + 7);
    start_latencies();
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (poller < 0) die("epoll_create1: %s", strerror(errno));
    clients = map_pages(sizeof *clients * client_count);
    for (unsigned i = 0; i < client_count; i++) {
        struct client *c = &clients[i];
        *c = (struct client){.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
        c->flights = calloc(depth, sizeof *c->flights);
        if (c->fd < 0 || !c->flights) die("socket: %s", strerror(errno));
        if (connect(c->fd, (struct sockaddr *)&address, sizeof address) != 0) die("connect: %s", strerror(errno));
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        if (epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &event) != 0) die("epoll_ctl: %s", strerror(errno));
    }

    if (warmup) run(warmup);
    forget_latencies();
    step("warm");
    uint64_t done_before = completed, received_before = bytes_received, waits_before = waits, lost_before = lost;
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    uint64_t begin = now();
    run(messages);
    double elapsed = (double)(now() - begin) / 1e9;
    getrusage(RUSAGE_SELF, &after);
    step("measured");
    report((struct result){.messages = completed - done_before, .seconds = elapsed, .bytes = bytes_received - received_before,
                           .waits = waits - waits_before, .lost = lost - lost_before, .verified = verify,
                           .user = cpu_seconds(&after.ru_utime) - cpu_seconds(&before.ru_utime),
                           .system = cpu_seconds(&after.ru_stime) - cpu_seconds(&before.ru_stime)});
    return 0;
}
