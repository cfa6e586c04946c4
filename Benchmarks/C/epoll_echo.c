// An echo server on epoll, level-triggered: the plain way to do it in C, and the other reference to measure against.
//
// One buffer is read into and sent from. Where the peer does not take all of it, the connection keeps that buffer until
// it does, and reads nothing meanwhile: one buffer a connection is the bound. Free buffers are reused, last in, first out.
#include "common.h"
#include "epoll_fan_out.h"

#include <sys/epoll.h>

enum { EVENTS = 1024, MAX_CONNECTIONS = 1 << 17 };

struct buffer {
    struct buffer *next;
    uint8_t bytes[];
};

struct connection {
    struct buffer *unsent; // kept while the peer does not read
    uint32_t offset, length;
    bool live;
};

static struct connection *connections; // by descriptor
static struct buffer *free_buffers;
static size_t buffer_size = 256 << 10;
static int poller;
static bool accepting = true;
static unsigned live_connections;
static uint64_t accepted, messages, bytes_in, bytes_out, waits, buffer_count;

static struct buffer *take_buffer(void)
{
    struct buffer *buffer = free_buffers;
    if (buffer) {
        free_buffers = buffer->next;
        return buffer;
    }
    buffer = malloc(sizeof *buffer + buffer_size);
    if (!buffer) die("out of memory");
    buffer_count++;
    return buffer;
}

static void give_back(struct buffer *buffer)
{
    buffer->next = free_buffers;
    free_buffers = buffer;
}

static void watch(int operation, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};
    if (epoll_ctl(poller, operation, fd, &event) != 0) die("epoll_ctl: %s", strerror(errno));
}

static void close_connection(int fd, int listener)
{
    struct connection *c = &connections[fd];
    if (c->unsent) give_back(c->unsent);
    *c = (struct connection){0};
    close(fd);
    live_connections--;
    if (!accepting) {
        accepting = true;
        watch(EPOLL_CTL_MOD, listener, EPOLLIN);
    }
}

// Sends what it can of the buffer. Returns what is left, or -1 where the connection is broken.
static ssize_t send_some(int fd, const uint8_t *bytes, size_t length)
{
    size_t sent = 0;
    while (sent < length) {
        ssize_t result = send(fd, bytes + sent, length - sent, MSG_NOSIGNAL);
        if (result < 0 && errno == EINTR) continue;
        if (result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
        if (result < 0) return -1;
        sent += (size_t)result;
        bytes_out += (uint64_t)result;
    }
    return (ssize_t)(length - sent);
}

static void on_readable(int fd, int listener)
{
    struct connection *c = &connections[fd];
    struct buffer *buffer = take_buffer();
    ssize_t received = recv(fd, buffer->bytes, buffer_size, 0);
    if (received < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK)) return give_back(buffer);
    if (received <= 0) {
        give_back(buffer);
        return close_connection(fd, listener);
    }
    messages++;
    bytes_in += (uint64_t)received;
    ssize_t left = send_some(fd, buffer->bytes, (size_t)received);
    if (left > 0) {
        c->unsent = buffer;
        c->offset = (uint32_t)(received - left);
        c->length = (uint32_t)left;
        return watch(EPOLL_CTL_MOD, fd, EPOLLOUT);
    }
    give_back(buffer);
    if (left < 0) close_connection(fd, listener);
}

static void on_writable(int fd, int listener)
{
    struct connection *c = &connections[fd];
    ssize_t left = send_some(fd, c->unsent->bytes + c->offset, c->length);
    if (left < 0) return close_connection(fd, listener);
    c->offset += c->length - (uint32_t)left;
    c->length = (uint32_t)left;
    if (left > 0) return;
    give_back(c->unsent);
    c->unsent = NULL;
    watch(EPOLL_CTL_MOD, fd, EPOLLIN);
}

static void on_acceptable(int listener)
{
    for (int i = 0; i < 64; i++) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if ((errno == EMFILE || errno == ENFILE) && live_connections) {
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
        connections[fd] = (struct connection){.live = true};
        accepted++;
        live_connections++;
        watch(EPOLL_CTL_ADD, fd, EPOLLIN);
    }
}

static const char usage[] =
    "Usage: epoll_echo [--host ADDRESS] [--port PORT] [--buffer-bytes N] [--fan-out]\n"
    "\n"
    "  --host ADDRESS    IPv4 address to listen on (127.0.0.1)\n"
    "  --port PORT       0 lets the kernel choose; the choice is printed (7007)\n"
    "  --buffer-bytes N  most bytes read at once, and kept for a peer that does not read (256k)\n"
    "  --fan-out         send each message to every connection; a receiver with 16m unsent is cut off\n"
    "\n"
    "SIGINT and SIGTERM close everything and print the counts.\n";

int main(int argc, char **argv)
{
    const char *host = "127.0.0.1";
    uint16_t port = 7007;
    bool fan_out = false;
    for (int i = 1; i < argc; i++) {
        const char *option = argv[i], *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (!strcmp(option, "--help") || !strcmp(option, "-h")) return fputs(usage, stdout), 0;
        else if (!strcmp(option, "--fan-out")) fan_out = true;
        else if (!strcmp(option, "--host") && value) host = value, i++;
        else if (!strcmp(option, "--port")) port = (uint16_t)parse_number(option, value, 0, 65535), i++;
        else if (!strcmp(option, "--buffer-bytes")) buffer_size = parse_number(option, value, 1, 1 << 30), i++;
        else fputs(usage, stderr), die("unknown option %s", option);
    }
    raise_descriptor_limit();
    if (fan_out) return run_fan_out(host, port);
    connections = map_pages(sizeof *connections * MAX_CONNECTIONS);
    int signals = open_signals(SFD_NONBLOCK);
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (poller < 0) die("epoll_create1: %s", strerror(errno));
    int listener = listen_and_print("epoll_echo", host, port, SOCK_NONBLOCK);
    watch(EPOLL_CTL_ADD, listener, EPOLLIN);
    watch(EPOLL_CTL_ADD, signals, EPOLLIN);

    static struct epoll_event events[EVENTS];
    for (bool running = true; running;) {
        int count = epoll_wait(poller, events, EVENTS, -1);
        waits++;
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) on_acceptable(listener);
            else if (fd == signals) running = false;
            else if (!connections[fd].live) continue;
            else if (connections[fd].unsent) on_writable(fd, listener);
            else on_readable(fd, listener);
        }
    }
    for (int fd = 0; fd < MAX_CONNECTIONS && live_connections; fd++)
        if (connections[fd].live) close_connection(fd, listener);
    unsigned held = (unsigned)buffer_count;
    for (struct buffer *buffer = free_buffers; buffer; buffer = buffer->next) held--;
    printf("connections %llu\n", (unsigned long long)accepted);
    printf("messages %llu bytes in %llu bytes out %llu\n", (unsigned long long)messages, (unsigned long long)bytes_in,
           (unsigned long long)bytes_out);
    printf("waits %llu\n", (unsigned long long)waits);
    printf("buffers %llu of %zu bytes, slots leaked %u\n", (unsigned long long)buffer_count, buffer_size, held);
    return 0;
}
