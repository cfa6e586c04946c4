// The honest peer: one small echo at a steady pace, verified. Its waits are what the others do to it.
//
// With --steps each line on standard input ends a window of time and begins the next one, so that one connection sees the
// server alone, then beside the others, and then without them again.
#include "hostile.h"

enum { MOST_SAMPLES = 1 << 20 };

struct window {
    char name[32];
    uint64_t begun;
    unsigned count, failures;
    uint64_t longest; // of a wait inside of the window, answered or not
    char failure[96];
};

static struct window window = {.name = "all"};
static uint32_t *samples; // microseconds, of the window
static bool any_window;

// The message under way.
static int fd = -1;
static bool arrived;
static uint64_t sent_at, got, number;

static void note_longest(uint64_t until)
{
    uint64_t from = sent_at > window.begun ? sent_at : window.begun;
    if (until > from && until - from > window.longest) window.longest = until - from;
}

static int by_value(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

static void end_window(void)
{
    uint64_t time = now();
    if (sent_at) note_longest(time);
    unsigned kept = window.count < MOST_SAMPLES ? window.count : MOST_SAMPLES;
    qsort(samples, kept, sizeof *samples, by_value);
    printf("%s{\"name\": \"%s\", \"seconds\": %.3f, \"count\": %u, \"median_us\": %u, \"p99_us\": %u, \"longest_us\": %llu, "
           "\"failures\": %u, \"failure\": \"%s\", \"waiting_us\": %llu}",
           any_window ? ", " : "", window.name, (double)(time - window.begun) / 1e9, window.count, kept ? samples[kept / 2] : 0,
           kept ? samples[(unsigned)(kept * 0.99)] : 0, (unsigned long long)(window.longest / 1000), window.failures,
           window.failure, (unsigned long long)(sent_at ? (time - sent_at) / 1000 : 0));
    any_window = true;
}

static void begin_window(const char *name)
{
    window = (struct window){.begun = now()};
    snprintf(window.name, sizeof window.name, "%s", name);
}

static void give_up(const char *what)
{
    note_longest(now());
    window.failures++;
    if (!window.failure[0]) snprintf(window.failure, sizeof window.failure, "%s", what);
    if (fd >= 0) close(fd);
    fd = -1;
    sent_at = 0;
}

static void send_message(void)
{
    // Far less than any socket buffer, which is empty by now.
    ssize_t result = send(fd, pattern(0, number * options.bytes), options.bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (result != (ssize_t)options.bytes) give_up(result < 0 ? strerror(errno) : "a short send");
}

static void begin_message(void)
{
    number++;
    got = 0;
    sent_at = now();
    if (fd >= 0) {
        send_message();
        return;
    }
    arrived = false;
    fd = start_connecting();
    if (fd < 0) give_up(strerror(errno));
}

static void take_answer(void)
{
    ssize_t result = recv(fd, inbox, CHUNK, MSG_DONTWAIT);
    if (result < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (result < 0) return give_up(strerror(errno));
    if (result == 0) return give_up("the server ended the connection");
    uint64_t time = now(), count = (uint64_t)result;
    if (got + count > options.bytes || memcmp(inbox, pattern(0, number * options.bytes + got), count) != 0)
        return give_up("a wrong byte came back");
    got += count;
    if (got < options.bytes) return;
    note_longest(time);
    // What began before the window says how long the others made it wait, but is no sample of this window.
    if (sent_at >= window.begun) {
        if (window.count < MOST_SAMPLES) samples[window.count] = (uint32_t)((time - sent_at) / 1000);
        window.count++;
    }
    sent_at = 0;
    if (!options.fresh) return;
    close(fd);
    fd = -1;
}

static void event_on_connection(short events)
{
    if (!arrived) {
        int error = socket_error(fd);
        if (error || events & (POLLERR | POLLHUP)) return give_up(strerror(error ? error : ECONNREFUSED));
        arrived = true;
        send_message();
    } else if (sent_at) {
        take_answer();
    } else {
        // Nothing was asked: the server ends the connection. The next message takes a new one.
        give_up("the server ended the connection");
    }
}

// Lines on standard input: each begins a window. False at the end of them.
static bool read_names(void)
{
    char line[64];
    ssize_t count = read(0, line, sizeof line - 1);
    if (count <= 0) return false;
    line[count] = 0;
    char *rest = line;
    for (char *name = strtok_r(line, "\n", &rest); name; name = strtok_r(NULL, "\n", &rest)) {
        for (char *c = name; *c; c++)
            if (*c == '"' || *c == '\\' || *c < ' ') *c = '_';
        end_window();
        begin_window(name);
    }
    return true;
}

void run_probe(void)
{
    if (options.bytes > PERIOD) die("--bytes must be at most %d for the probe", PERIOD);
    samples = map_pages(sizeof *samples * MOST_SAMPLES);
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    int stopped = signalfd(-1, &signals, SFD_CLOEXEC);
    if (stopped < 0) die("signalfd: %s", strerror(errno));
    printf("{\"mode\": \"probe\", \"fresh\": %s, \"bytes\": %llu, \"windows\": [", options.fresh ? "true" : "false",
           (unsigned long long)options.bytes);
    begin_window("all");
    uint64_t due = now();
    while (now() < deadline) {
        uint64_t time = now();
        if (!sent_at && time >= due) {
            due += (uint64_t)(options.interval * 1e9);
            if (due < time) due = time;
            begin_message();
            time = now();
        }
        if (sent_at && (double)(time - sent_at) / 1e9 > options.patience) give_up("no answer");
        uint64_t until = !sent_at ? due : sent_at + (uint64_t)(options.patience * 1e9) + 1;
        if (until > deadline) until = deadline;
        time = now();
        uint64_t left = until > time ? until - time : 0;
        struct timespec wait = {.tv_sec = (time_t)(left / 1000000000), .tv_nsec = (long)(left % 1000000000)};
        struct pollfd watched[3] = {{.fd = fd, .events = fd < 0 ? 0 : arrived ? POLLIN : POLLOUT},
                                    {.fd = stopped, .events = POLLIN},
                                    {.fd = options.steps ? 0 : -1, .events = POLLIN}};
        if (ppoll(watched, 3, &wait, NULL) < 0 && errno != EINTR) die("ppoll: %s", strerror(errno));
        if (watched[0].revents) event_on_connection(watched[0].revents);
        if (watched[1].revents || (watched[2].revents && !read_names())) break;
    }
    if (!options.steps && sent_at) give_up("no answer before the end");
    end_window();
    printf("]}\n");
}
