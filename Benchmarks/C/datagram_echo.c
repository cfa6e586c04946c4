// A datagram echo server: recvmsg(2) and sendmsg(2) in a loop on one socket, the plain way to do it in C, and the reference
// to measure against.
//
// The socket does not wait. What is there is taken and answered until it is empty, then ppoll(2) waits for more; so a busy
// server has two system calls a datagram.
#include "common.h"

#include <poll.h>

enum { LARGEST = 65536 };

static const char usage[] =
    "Usage: datagram_echo [--host ADDRESS] [--port PORT]\n"
    "\n"
    "  --host ADDRESS    IPv4 address to bind to (127.0.0.1)\n"
    "  --port PORT       0 lets the kernel choose; the choice is printed (7007)\n"
    "\n"
    "SIGINT and SIGTERM end it and print the counts.\n";

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
    (void)signal;
    stopped = 1;
}

int main(int argc, char **argv)
{
    const char *host = "127.0.0.1";
    uint16_t port = 7007;
    for (int i = 1; i < argc; i++) {
        const char *option = argv[i], *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (!strcmp(option, "--help") || !strcmp(option, "-h")) return fputs(usage, stdout), 0;
        else if (!strcmp(option, "--host") && value) host = value, i++;
        else if (!strcmp(option, "--port")) port = (uint16_t)parse_number(option, value, 0, 65535), i++;
        else fputs(usage, stderr), die("unknown option %s", option);
    }

    // Blocked but while it waits, so that none comes between the look at `stopped` and the wait.
    sigset_t blocked, usual;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGINT);
    sigaddset(&blocked, SIGTERM);
    sigprocmask(SIG_BLOCK, &blocked, &usual);
    struct sigaction action = {.sa_handler = stop};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);

    struct sockaddr_in address = parse_address(host, port);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) die("socket: %s", strerror(errno));
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0) die("bind %s:%u: %s", host, port, strerror(errno));
    socklen_t length = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &length) != 0) die("getsockname: %s", strerror(errno));
    printf("datagram_echo listening on %s:%u\n", host, ntohs(address.sin_port));
    fflush(stdout);

    static uint8_t bytes[LARGEST];
    uint64_t datagrams = 0, bytes_in = 0, bytes_out = 0, waits = 0, dropped = 0;
    while (!stopped) {
        struct sockaddr_storage peer;
        struct iovec vector = {bytes, sizeof bytes};
        struct msghdr message = {.msg_name = &peer, .msg_namelen = sizeof peer, .msg_iov = &vector, .msg_iovlen = 1};
        ssize_t received = recvmsg(fd, &message, 0);
        if (received < 0) {
            if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) die("recvmsg: %s", strerror(errno));
            struct pollfd wait = {.fd = fd, .events = POLLIN};
            waits++;
            ppoll(&wait, 1, NULL, &usual);
            continue;
        }
        datagrams++;
        bytes_in += (uint64_t)received;
        vector.iov_len = (size_t)received;
        // What does not fit the socket's buffer is dropped: that is what datagrams are.
        if (sendmsg(fd, &message, MSG_NOSIGNAL) < 0) dropped++;
        else bytes_out += (uint64_t)received;
    }
    printf("datagrams %llu bytes in %llu bytes out %llu dropped %llu waits %llu\n", (unsigned long long)datagrams,
           (unsigned long long)bytes_in, (unsigned long long)bytes_out, (unsigned long long)dropped,
           (unsigned long long)waits);
    return 0;
}
