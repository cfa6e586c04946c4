// Peers that do not behave, against a server on this machine: they push and never read, leave single bytes, reset, come and
// go in crowds. And an honest one beside them, whose waits say what the others do to it. On epoll and one thread.
#include "hostile.h"

enum { EVENTS = 1024 };

struct options options = {.at_once = 64, .burst = 200, .between = 300000, .chunk = 20 << 10, .seconds = 10, .settle = 0.5,
                          .patience = 5, .interval = 0.005, .storm = 2, .stay = 0.02};
struct counts counts;
struct peer *peers;
const struct mode *mode;
uint8_t *table, *inbox;
uint64_t began, deadline, last_moved;
bool over;

static int poller, signals;
static unsigned started, connecting;
static bool ready, all_settled, input_ended;

// MARK: Connections

static void set_option(int fd, int level, int option, const char *name, uint64_t value)
{
    int number = (int)value;
    if (number && setsockopt(fd, level, option, &number, sizeof number) != 0) die("%s: %s", name, strerror(errno));
}

int start_connecting(void)
{
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    set_option(fd, SOL_SOCKET, SO_RCVBUF, "SO_RCVBUF", options.receive_buffer);
    set_option(fd, SOL_SOCKET, SO_SNDBUF, "SO_SNDBUF", options.send_buffer);
    // Over loopback a segment has 64 KiB, and a sender's first buffer is made for ten of them. Those of an Ethernet are smaller,
    // and so is what the kernel takes from a server whose peer does not read.
    set_option(fd, IPPROTO_TCP, TCP_MAXSEG, "TCP_MAXSEG", options.segment);
    if (connect(fd, (struct sockaddr *)&options.server, sizeof options.server) == 0 || errno == EINPROGRESS) return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

int socket_error(int fd)
{
    int error = 0;
    socklen_t length = sizeof error;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

bool open_peer(struct peer *p)
{
    *p = (struct peer){.fd = start_connecting(), .number = (unsigned)(p - peers)};
    if (p->fd < 0) {
        if (errno == EMFILE || errno == ENFILE) die("no descriptors left for the peers: raise ulimit -n");
        counts.failed++;
        p->state = OVER;
        return false;
    }
    p->state = CONNECTING;
    connecting++;
    uint32_t events = EPOLLOUT | EPOLLRDHUP | (mode->reads ? EPOLLIN : 0) | (mode->level ? 0 : EPOLLET);
    struct epoll_event event = {.events = events, .data.ptr = p};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, p->fd, &event) != 0) die("epoll_ctl: %s", strerror(errno));
    return true;
}

static void finish(struct peer *p, uint64_t *count)
{
    if (p->state == CONNECTING) connecting--;
    if (p->fd >= 0) close(p->fd);
    p->fd = -1;
    p->state = OVER;
    (*count)++;
}

void leave(struct peer *p)
{
    finish(p, &counts.left);
}

void reset(struct peer *p)
{
    struct linger linger = {.l_onoff = 1};
    if (setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) != 0) die("SO_LINGER: %s", strerror(errno));
    finish(p, &counts.left);
}

bool push(struct peer *p, uint64_t up_to)
{
    while (p->sent < up_to) {
        uint64_t length = up_to - p->sent < CHUNK ? up_to - p->sent : CHUNK;
        ssize_t result = send(p->fd, pattern(p->number, p->sent), length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (result < 0 && errno == EINTR) continue;
        if (result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return true;
        if (result < 0) {
            finish(p, &counts.reset);
            return false;
        }
        p->sent += (uint64_t)result;
        counts.sent += (uint64_t)result;
        last_moved = now();
    }
    return true;
}

bool pull(struct peer *p, uint64_t most)
{
    while (most) {
        ssize_t result = recv(p->fd, inbox, most < CHUNK ? most : CHUNK, MSG_DONTWAIT);
        if (result < 0 && errno == EINTR) continue;
        if (result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return true;
        if (result <= 0) {
            finish(p, result == 0 ? &counts.ended : &counts.reset);
            return false;
        }
        uint64_t count = (uint64_t)result;
        if (p->received + count > p->sent || memcmp(inbox, pattern(p->number, p->received), count) != 0) counts.wrong++;
        p->received += count;
        counts.received += count;
        last_moved = now();
        most -= count;
    }
    return true;
}

static void peer_event(struct peer *p, uint32_t events)
{
    if (p->state == CONNECTING) {
        if (socket_error(p->fd) != 0 || events & (EPOLLERR | EPOLLHUP)) {
            finish(p, &counts.failed);
            return;
        }
        p->state = OPEN;
        connecting--;
        counts.opened++;
        last_moved = now();
        if (mode->opened) mode->opened(p);
    }
    if (p->state == OPEN && events & EPOLLIN && mode->readable) mode->readable(p);
    if (p->state == OPEN && events & EPOLLOUT && mode->writable) mode->writable(p);
    // Those who read find the end of the stream behind its last byte.
    if (p->state == OPEN && events & (EPOLLERR | EPOLLHUP)) finish(p, &counts.reset);
    else if (p->state == OPEN && events & EPOLLRDHUP && !mode->reads) finish(p, &counts.ended);
}

// MARK: The loop

static void input_event(void)
{
    char line[256];
    ssize_t count = read(0, line, sizeof line);
    if (count > 0 && mode->told) mode->told();
    else over = true;
    if (count <= 0) input_ended = true;
}

bool wait_for(int fd, short events, uint64_t until)
{
    struct pollfd watched[3] = {{.fd = fd, .events = events},
                                {.fd = signals, .events = POLLIN},
                                {.fd = options.steps && !input_ended ? 0 : -1, .events = POLLIN}};
    if (until > deadline) until = deadline;
    for (;;) {
        uint64_t time = now();
        if (over || time >= until) return false;
        uint64_t left = (until - time + 999999) / 1000000;
        if (poll(watched, 3, (int)(left < 1000 ? left : 1000)) < 0 && errno != EINTR) die("poll: %s", strerror(errno));
        if (watched[1].revents) over = true;
        if (watched[2].revents) input_event();
        if (watched[0].revents) return true;
    }
}

void say_ready(bool settled)
{
    if (ready) return;
    ready = true;
    all_settled = settled;
    if (!options.steps) return;
    puts("step ready");
    fflush(stdout);
}

// All of them are settled, or nothing has moved for a while. A connect that met a full backlog tries again after a second.
static void look_around(void)
{
    if (ready) return;
    unsigned settled = 0;
    for (unsigned i = 0; i < options.connections; i++) settled += peers[i].settled;
    double quiet = (double)(now() - last_moved) / 1e9;
    if (settled == options.connections) say_ready(true);
    else if (started == options.connections && quiet > (connecting ? 1.5 : options.settle)) say_ready(false);
    else if (quiet > options.patience) say_ready(false);
}

static void watch(int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = (uint64_t)fd};
    // Standard input may be a file, which cannot be watched, and says nothing either.
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
}

static void run_loop(void)
{
    static struct epoll_event events[EVENTS];
    uint64_t tick = now();
    watch(signals);
    if (options.steps) watch(0);
    while (!over && now() < deadline) {
        while (started < options.connections && connecting < options.at_once) open_peer(&peers[started++]);
        int count = epoll_wait(poller, events, EVENTS, TICK_MS);
        if (count < 0 && errno != EINTR) die("epoll_wait: %s", strerror(errno));
        for (int i = 0; i < count; i++) {
            // Descriptors of this program are small numbers; addresses of peers are not.
            if (events[i].data.u64 == (uint64_t)signals) over = true;
            else if (events[i].data.u64 == 0) input_event();
            else if (((struct peer *)events[i].data.ptr)->fd >= 0) peer_event(events[i].data.ptr, events[i].events);
        }
        if (now() < tick) continue;
        tick = after(TICK_MS / 1000.0);
        if (mode->tick) mode->tick();
        look_around();
    }
    for (unsigned i = 0; i < started; i++)
        if (peers[i].state != OVER && peers[i].state != UNUSED) leave(&peers[i]);
}

// MARK: Write, and never read

static void stuff(struct peer *p)
{
    if (push(p, options.bytes) && !p->settled && p->sent == options.bytes) p->settled = true;
}

// It keeps trying, also where the kernel says nothing new.
static void stuff_all(void)
{
    static unsigned next;
    for (unsigned i = 0; i < 256 && i < options.connections; i++) {
        struct peer *p = &peers[next++ % options.connections];
        if (p->state == OPEN) stuff(p);
    }
}

// MARK: Much before the first read

static bool may_read;
static uint64_t written_before;

static void push_before(struct peer *p)
{
    push(p, options.bytes);
}

static void read_late(struct peer *p)
{
    if (may_read) pull(p, UINT64_MAX);
}

static void now_read(void)
{
    if (!may_read) written_before = counts.sent;
    may_read = true;
    last_moved = now();
    printf("step reading\n");
    fflush(stdout);
}

static void late_tick(void)
{
    // Without a script to say when, as soon as nothing moves any more.
    if (ready && !may_read && !options.steps) now_read();
    if (!may_read) return;
    unsigned busy = 0;
    for (unsigned i = 0; i < options.connections; i++) {
        struct peer *p = &peers[i];
        if (p->state == OPEN && (!pull(p, UINT64_MAX) || !push(p, options.bytes))) continue;
        if (p->state == OPEN && p->received == options.bytes) {
            p->settled = true;
            leave(p);
        }
        busy += p->state == OPEN;
    }
    if (!busy || (double)(now() - last_moved) / 1e9 > options.patience) over = true;
}

static void report_late(void)
{
    unsigned settled = 0;
    for (unsigned i = 0; i < options.connections; i++) settled += peers[i].settled;
    printf(", \"whole\": %u, \"written_before\": %llu", settled, (unsigned long long)written_before);
}

// MARK: One echo, and then nothing

static void say_hello(struct peer *p)
{
    push(p, options.bytes);
}

static void hear_hello(struct peer *p)
{
    // The server's FIN is answered by one's own, as clients with a connection to spare do.
    if (pull(p, UINT64_MAX) && p->received == options.bytes) p->settled = true;
}

// MARK: Slow readers

static void trickle_tick(void)
{
    for (unsigned i = 0; i < options.connections; i++) {
        struct peer *p = &peers[i];
        if (p->state != OPEN || now() < p->due) continue;
        p->due = after(options.interval);
        if (!pull(p, options.chunk) || !push(p, options.bytes)) continue;
        if (p->received >= options.chunk) p->settled = true;
        if (p->received == options.bytes) leave(p);
    }
}

// MARK: As fast as it goes

static void bulk_push(struct peer *p)
{
    push(p, p->sent + CHUNK);
}

static void bulk_pull(struct peer *p)
{
    if (pull(p, CHUNK) && p->received >= 1 << 20) p->settled = true;
}

// MARK: Resets in bursts

static void run_resets(void)
{
    for (unsigned first = 0; first < options.connections && !over && now() < deadline; first += options.burst) {
        unsigned count = options.connections - first < options.burst ? options.connections - first : options.burst;
        for (unsigned i = 0; i < count; i++) open_peer(&peers[first + i]);
        uint64_t until = after(options.patience);
        for (unsigned i = 0; i < count; i++) {
            struct peer *p = &peers[first + i];
            if (p->state != CONNECTING) continue;
            if (!wait_for(p->fd, POLLOUT, until) || socket_error(p->fd) != 0) {
                finish(p, &counts.failed);
                continue;
            }
            p->state = OPEN;
            connecting--;
            counts.opened++;
            if (!push(p, options.bytes)) continue;
            p->settled = true;
            if (!options.together) reset(p);
        }
        for (unsigned i = 0; i < count && options.together; i++)
            if (peers[first + i].state == OPEN) reset(&peers[first + i]);
    }
    say_ready(true);
    // Where a script drives, it says when the server has been looked at.
    if (options.steps) while (wait_for(-1, 0, deadline)) {}
}

// MARK: A crowd that comes and goes

static uint64_t storm_ends, served;

static void knock(struct peer *p)
{
    p->due = 0;
    push(p, options.bytes);
}

static void be_served(struct peer *p)
{
    if (!pull(p, UINT64_MAX) || p->received < options.bytes || p->due) return;
    served++;
    // Some leave at once, one by one; most of them in groups.
    if (p->number % 4 == 0 && storm_ends && now() < storm_ends) leave(p);
    else p->due = after(options.stay);
}

static void storm_tick(void)
{
    if (!storm_ends) storm_ends = after(options.storm);
    if (now() >= storm_ends) {
        // From here on nobody moves.
        say_ready(true);
        return;
    }
    last_moved = now();
    for (unsigned i = 0; i < started; i++) {
        struct peer *p = &peers[i];
        if (p->state == OPEN && p->due && now() >= p->due) leave(p);
        if (p->state == OVER) open_peer(p);
    }
}

static void report_storm(void)
{
    printf(", \"served\": %llu", (unsigned long long)served);
}

// MARK: The command line

static const struct mode modes[] = {
    {.name = "write-never-read", .what = "writes until nothing moves, keeps trying, reads nothing (small receive buffer)",
     .connections = 100, .bytes = 64 << 20, .receive_buffer = 4096, .send_buffer = 16 << 10,
     .segment = 1460, .opened = stuff, .writable = stuff, .tick = stuff_all},
    {.name = "one-byte", .what = "leaves one byte each, with honest echo between two of them; --held: so that the server keeps it",
     .connections = 100, .bytes = 1, .run = run_one_byte, .report = report_one_byte},
    {.name = "bulk-before-read", .what = "writes up to --bytes before it reads, then reads and verifies all (a line says when)",
     .connections = 1, .bytes = 64 << 20, .reads = true, .opened = push_before, .writable = push_before, .readable = read_late,
     .tick = late_tick, .told = now_read, .report = report_late},
    {.name = "reset-burst", .what = "writes --bytes and resets at once, --burst connections at a time, --connections in all",
     .connections = 1000, .bytes = 70000, .run = run_resets},
    {.name = "idle", .what = "one echo each, then nothing; ends when the server ends",
     .connections = 1000, .bytes = 64, .reads = true, .opened = say_hello, .readable = hear_hello},
    {.name = "trickle", .what = "writes --bytes, reads --chunk of the echo each --interval",
     .connections = 1, .bytes = 8 << 20, .reads = true, .writable = push_before, .tick = trickle_tick},
    {.name = "bulk", .what = "pushes and reads as fast as it goes, and verifies",
     .connections = 4, .bytes = 64, .reads = true, .level = true, .writable = bulk_push, .readable = bulk_pull},
    {.name = "accept-storm", .what = "a crowd that leaves --stay after its echo and comes again, for --storm; then stands still",
     .connections = 400, .bytes = 64, .reads = true, .opened = knock, .readable = be_served, .tick = storm_tick,
     .report = report_storm},
    {.name = "probe", .what = "the honest one: an echo each --interval, verified; its waits are the answer",
     .connections = 1, .bytes = 64, .run = run_probe},
};
enum { MODES = sizeof modes / sizeof *modes };

static void usage(FILE *to)
{
    fputs("Usage: hostile MODE --port PORT [OPTIONS]\n"
          "\n"
          "Modes:\n", to);
    for (unsigned i = 0; i < MODES; i++) fprintf(to, "  %-18s%s\n", modes[i].name, modes[i].what);
    fputs("\n"
          "Options (with what the mode does by itself where nothing else is said):\n"
          "  --host ADDRESS      in 127.0.0.0/8, and nowhere else (127.0.0.1)\n"
          "  --connections N     up to 100000\n"
          "  --bytes N           of a connection, or of a message of the probe\n"
          "  --seconds S         ends after that, at most 600 (10); so do SIGINT and SIGTERM\n"
          "  --receive-buffer N  SO_RCVBUF; 0: the system's choice\n"
          "  --send-buffer N     SO_SNDBUF; 0: the system's choice\n"
          "  --segment N         TCP_MAXSEG; 0: loopback's own, 64 KiB\n"
          "  --at-once N         connects under way at a time (64)\n"
          "  --settle S          nothing moved for so long: the peers are where they wanted to be (0.5)\n"
          "  --patience S        gives up waiting for one thing (5)\n"
          "  --interval S        of the probe and of trickle (0.005, 0.05)\n"
          "  --fresh             probe: a connection for each message\n"
          "  --held              one-byte: fills what the kernel takes first, so that the server has to keep the byte\n"
          "  --between N         one-byte: honest bytes between two of them (300000)\n"
          "  --burst N           reset-burst: connections at a time (200)\n"
          "  --together          reset-burst: all of a burst write, then all of it reset\n"
          "  --chunk N           trickle: bytes of a read (20k)\n"
          "  --storm S           accept-storm: how long they come and go (2)\n"
          "  --stay S            accept-storm: how long one stays after its echo (0.02)\n"
          "  --steps             print `step ready` when the peers are in place; a line on standard input, or its end, ends\n"
          "                      the program (bulk-before-read: a line makes it read; probe: each begins a window of that name)\n"
          "\n"
          "Prints one line of JSON at the end.\n", to);
}

static double parse_seconds(const char *option, const char *text, double most)
{
    char *end;
    double value = text ? strtod(text, &end) : -1;
    if (!text || end == text || *end || !(value >= 0 && value <= most)) die("%s must be 0 to %g seconds", option, most);
    return value;
}

static void parse(int argc, char **argv)
{
    const char *host = "127.0.0.1";
    uint16_t port = 0;
    if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) usage(stdout), exit(0);
    for (unsigned i = 0; argc > 1 && i < MODES; i++)
        if (!strcmp(argv[1], modes[i].name)) mode = &modes[i];
    if (!mode) usage(stderr), die("a mode is needed first");
    options.connections = mode->connections;
    options.bytes = mode->bytes;
    options.receive_buffer = mode->receive_buffer;
    options.send_buffer = mode->send_buffer;
    options.segment = mode->segment;
    if (!strcmp(mode->name, "trickle")) options.interval = 0.05;
    for (int i = 2; i < argc; i++) {
        const char *option = argv[i], *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (!strcmp(option, "--help") || !strcmp(option, "-h")) usage(stdout), exit(0);
        else if (!strcmp(option, "--steps")) options.steps = true;
        else if (!strcmp(option, "--fresh")) options.fresh = true;
        else if (!strcmp(option, "--held")) options.held = true;
        else if (!strcmp(option, "--together")) options.together = true;
        else if (!strcmp(option, "--host") && value) host = value, i++;
        else if (!strcmp(option, "--port")) port = (uint16_t)parse_number(option, value, 1, 65535), i++;
        else if (!strcmp(option, "--connections")) options.connections = (unsigned)parse_number(option, value, 1, 100000), i++;
        else if (!strcmp(option, "--bytes")) options.bytes = parse_number(option, value, 1, 1 << 30), i++;
        else if (!strcmp(option, "--receive-buffer")) options.receive_buffer = parse_number(option, value, 0, 1 << 30), i++;
        else if (!strcmp(option, "--send-buffer")) options.send_buffer = parse_number(option, value, 0, 1 << 30), i++;
        else if (!strcmp(option, "--segment")) options.segment = (uint32_t)parse_number(option, value, 0, 65495), i++;
        else if (!strcmp(option, "--at-once")) options.at_once = (unsigned)parse_number(option, value, 1, 100000), i++;
        else if (!strcmp(option, "--burst")) options.burst = (unsigned)parse_number(option, value, 1, 10000), i++;
        else if (!strcmp(option, "--between")) options.between = parse_number(option, value, 1, 1 << 30), i++;
        else if (!strcmp(option, "--chunk")) options.chunk = parse_number(option, value, 1, CHUNK), i++;
        else if (!strcmp(option, "--seconds")) options.seconds = parse_seconds(option, value, 600), i++;
        else if (!strcmp(option, "--settle")) options.settle = parse_seconds(option, value, 60), i++;
        else if (!strcmp(option, "--patience")) options.patience = parse_seconds(option, value, 600), i++;
        else if (!strcmp(option, "--interval")) options.interval = parse_seconds(option, value, 60), i++;
        else if (!strcmp(option, "--storm")) options.storm = parse_seconds(option, value, 60), i++;
        else if (!strcmp(option, "--stay")) options.stay = parse_seconds(option, value, 60), i++;
        else usage(stderr), die("unknown option %s", option);
    }
    if (!port) usage(stderr), die("--port is needed");
    options.server = parse_address(host, port);
    if (ntohl(options.server.sin_addr.s_addr) >> 24 != 127) die("--host must be in 127.0.0.0/8, and nowhere else");
}

int main(int argc, char **argv)
{
    parse(argc, argv);
    raise_descriptor_limit();
    table = map_pages(PERIOD + CHUNK);
    inbox = map_pages(CHUNK);
    peers = map_pages(sizeof *peers * (options.connections + 1)); // one_byte's honest one stands behind them
    uint64_t random = 88172645463325252ull;
    for (unsigned i = 0; i < PERIOD + CHUNK; i++) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        table[i] = i < PERIOD ? (uint8_t)(random >> 32) : table[i - PERIOD];
    }
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (poller < 0) die("epoll_create1: %s", strerror(errno));
    signals = open_signals(SFD_NONBLOCK);
    began = last_moved = now();
    deadline = after(options.seconds);

    if (mode->run) mode->run();
    else run_loop();
    if (mode->run == run_probe) return 0;
    printf("{\"mode\": \"%s\", \"connections\": %u, \"seconds\": %.3f, \"settled\": %s, \"opened\": %llu, \"failed\": %llu, "
           "\"ended_by_server\": %llu, \"reset_by_server\": %llu, \"left\": %llu, \"sent\": %llu, \"received\": %llu, \"wrong\": %llu",
           mode->name, options.connections, (double)(now() - began) / 1e9, all_settled ? "true" : "false",
           (unsigned long long)counts.opened, (unsigned long long)counts.failed, (unsigned long long)counts.ended,
           (unsigned long long)counts.reset, (unsigned long long)counts.left, (unsigned long long)counts.sent,
           (unsigned long long)counts.received, (unsigned long long)counts.wrong);
    if (mode->report) mode->report();
    puts("}");
    return 0;
}
