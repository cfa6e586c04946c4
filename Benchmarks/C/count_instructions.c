// Counts the instructions that a running process executes in user space, exactly, by stepping through them: every thread
// is traced, and each step is one. What hardware counters would say, where there are none. It is slow, and while it lasts
// all threads share one processor; otherwise nothing changes for them, and those that are blocked stay blocked.
//
//   * A system call is one instruction. What the kernel does in it is not counted.
//   * A repeated string instruction is one instruction, although the processor stops after each repetition.
//   * New threads are followed, signals are passed on.
//
// Counting begins and ends when all threads are blocked (or have not been for some seconds), so that a turn of a loop is
// not cut in two. ptrace(2). x86_64 only: elsewhere stepping breaks loops of load-exclusive and store-exclusive.
#include "common.h"

#ifndef __x86_64__
int main(void)
{
    die("count_instructions works on x86_64 only");
}
#else

#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>

enum { MAX_THREADS = 4096, ADDRESSES = 1 << 20, QUIET_MS = 50, SETTLE_MS = 15000 };

struct thread {
    pid_t id;
    uint64_t steps, address; // where it stood at its last stop
    bool gone;
    cpu_set_t processors; // where it was allowed to run
    char name[32];
};

struct address {
    uint64_t address, steps;
};

static struct thread threads[MAX_THREADS];
static unsigned thread_count, alive;
static struct address *addresses; // a hash table, with --addresses only
static unsigned address_count;
static pid_t process;
static pthread_t main_thread;
static atomic_bool asked_to_stop, counted;

static uint64_t milliseconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

static struct thread *find(pid_t id)
{
    static unsigned last;
    if (last < thread_count && threads[last].id == id && !threads[last].gone) return &threads[last];
    for (unsigned i = 0; i < thread_count; i++)
        if (threads[i].id == id && !threads[i].gone) return &threads[last = i];
    return NULL;
}

static struct thread *add(pid_t id)
{
    if (thread_count == MAX_THREADS) die("more than %d threads", MAX_THREADS);
    struct thread *thread = &threads[thread_count++];
    *thread = (struct thread){.id = id};
    alive++;
    // On one processor with us: a step wakes two threads up, and on another processor that takes ten times as long.
    static cpu_set_t here;
    if (!CPU_COUNT(&here)) {
        CPU_SET(sched_getcpu(), &here);
        sched_setaffinity(0, sizeof here, &here);
    }
    if (sched_getaffinity(id, sizeof thread->processors, &thread->processors) == 0) sched_setaffinity(id, sizeof here, &here);
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task/%d/comm", process, id);
    FILE *file = fopen(path, "re");
    if (file) {
        if (!fgets(thread->name, sizeof thread->name, file)) thread->name[0] = 0;
        fclose(file);
    }
    // It goes into JSON as it is.
    for (char *c = thread->name; *c; c++)
        if (*c < ' ' || *c == '"' || *c == '\\' || *c > '~') *c = *c == '\n' ? 0 : '?';
    return thread;
}

// MARK: Attaching

// Threads may start while we look: until a look finds none that is new.
static void attach_all(void)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", process);
    for (bool found = true; found;) {
        found = false;
        DIR *folder = opendir(path);
        if (!folder) die("no process %d: %s", process, strerror(errno));
        for (struct dirent *entry; (entry = readdir(folder));) {
            pid_t id = (pid_t)atoi(entry->d_name);
            if (id <= 0 || find(id)) continue;
            if (ptrace(PTRACE_SEIZE, id, NULL, (void *)PTRACE_O_TRACECLONE) != 0) {
                if (errno == ESRCH) continue; // it ended meanwhile
                // One that a traced thread started is traced already, and will report.
                if (errno == EPERM && thread_count) continue;
                die("cannot trace thread %d: %s (is it yours, and not traced? kernel.yama.ptrace_scope?)", id,
                    strerror(errno));
            }
            add(id);
            if (ptrace(PTRACE_INTERRUPT, id, NULL, NULL) != 0 && errno != ESRCH)
                die("PTRACE_INTERRUPT: %s", strerror(errno));
            found = true;
        }
        closedir(folder);
    }
    if (!alive) die("process %d has no threads", process);
}

// MARK: Stepping

static void note_address(uint64_t value)
{
    uint64_t i = (value * 0x9e3779b97f4a7c15ull) >> 44;
    while (addresses[i].address != value) {
        if (!addresses[i].address) {
            if (++address_count > ADDRESSES / 4 * 3) die("more addresses than the table has room for");
            addresses[i].address = value;
            break;
        }
        i = (i + 1) % ADDRESSES;
    }
    addresses[i].steps++;
}

static void go_on(struct thread *thread, int signal)
{
    // ESRCH: it was killed meanwhile, and will be reported as gone.
    if (ptrace(PTRACE_SINGLESTEP, thread->id, NULL, (void *)(intptr_t)signal) != 0 && errno != ESRCH)
        die("PTRACE_SINGLESTEP: %s", strerror(errno));
}

static uint64_t instruction_pointer(pid_t id)
{
    errno = 0;
    return (uint64_t)ptrace(PTRACE_PEEKUSER, id, (void *)offsetof(struct user, regs.rip), NULL);
}

// Takes one report. Returns false when there was none.
static bool report(int options)
{
    int status;
    pid_t id = waitpid(-1, &status, __WALL | options);
    if (id == 0 || (id < 0 && errno == EINTR)) return false;
    if (id < 0) {
        if (errno == ECHILD) return alive = 0, false;
        die("waitpid: %s", strerror(errno));
    }
    struct thread *thread = find(id);
    if (!thread) thread = add(id);
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
        thread->gone = true;
        alive--;
        return true;
    }
    int signal = WSTOPSIG(status), event = status >> 16;
    if (event == PTRACE_EVENT_STOP) {
        // Attached, new, or stopped by a signal with all others: then it stays stopped until SIGCONT.
        bool stopped = signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
        if (stopped && ptrace(PTRACE_LISTEN, id, NULL, NULL) == 0) return true;
        thread->address = instruction_pointer(id);
        go_on(thread, 0);
    } else if (event) {
        go_on(thread, 0);
    } else if (signal == SIGTRAP) {
        uint64_t next = instruction_pointer(id);
        if (next != thread->address) {
            thread->steps++;
            // What was executed is where it stood before.
            if (addresses) note_address(thread->address);
            thread->address = next;
        }
        go_on(thread, 0);
    } else {
        go_on(thread, signal);
    }
    return true;
}

// Until nobody has moved for a while: all are blocked.
static bool settle(void)
{
    uint64_t begin = milliseconds(), moved = begin, time = begin;
    while (alive && time - moved < QUIET_MS && time - begin < SETTLE_MS) {
        if (report(WNOHANG)) {
            moved = milliseconds();
        } else {
            usleep(1000);
        }
        time = milliseconds();
    }
    return time - moved >= QUIET_MS;
}

// A step whose trap is still to come: who is let go with one dies of it.
static bool has_pending_trap(pid_t id)
{
    char path[64], line[128];
    unsigned long long pending = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/status", process, id);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "SigPnd: %llx", &pending) == 1) break;
    if (file) fclose(file);
    return pending >> (SIGTRAP - 1) & 1;
}

// A blocked thread must be interrupted before it can be let go; its system call then owes the trap of its step.
static void detach(struct thread *thread)
{
    pid_t id = thread->id;
    int status, signal = 0;
    if (ptrace(PTRACE_INTERRUPT, id, NULL, NULL) != 0) return;
    if (waitpid(id, &status, __WALL) != id || !WIFSTOPPED(status)) return;
    if (status >> 16 && has_pending_trap(id)) {
        ptrace(PTRACE_CONT, id, NULL, NULL);
        if (waitpid(id, &status, __WALL) != id || !WIFSTOPPED(status)) return;
    }
    if (!(status >> 16) && WSTOPSIG(status) != SIGTRAP) signal = WSTOPSIG(status);
    sched_setaffinity(id, sizeof thread->processors, &thread->processors);
    if (ptrace(PTRACE_DETACH, id, NULL, (void *)(intptr_t)signal) != 0 && errno != ESRCH)
        fprintf(stderr, "note: PTRACE_DETACH of %d: %s\n", id, strerror(errno));
}

// MARK: Being told to stop

static void interrupted(int signal)
{
    (void)signal;
}

// Waits for a line, the end of the input or a signal, then gets the other thread out of waitpid.
static void *watch(void *argument)
{
    struct pollfd sources[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = *(int *)argument, .events = POLLIN}};
    while (poll(sources, 2, -1) < 0) {}
    atomic_store(&asked_to_stop, true);
    while (!atomic_load(&counted)) {
        pthread_kill(main_thread, SIGUSR2);
        usleep(10000);
    }
    return NULL;
}

// MARK: Results

static int by_steps(const void *left, const void *right)
{
    const struct address *a = left, *b = right;
    return a->steps < b->steps ? 1 : a->steps > b->steps ? -1 : 0;
}

// One line for each address: how often, the file, and the offset in its image.
static void write_addresses(const char *path)
{
    static struct { uint64_t from, to, base; char file[256]; } regions[4096];
    unsigned region_count = 0;
    char line[512];
    snprintf(line, sizeof line, "/proc/%d/maps", process);
    FILE *maps = fopen(line, "re");
    while (maps && region_count < 4096 && fgets(line, sizeof line, maps)) {
        unsigned long from, to;
        char file[256] = "?";
        if (sscanf(line, "%lx-%lx %*s %*s %*s %*s %255[^\n]", &from, &to, file) < 2) continue;
        bool same = region_count && !strcmp(regions[region_count - 1].file, file);
        regions[region_count].from = from, regions[region_count].to = to;
        regions[region_count].base = same ? regions[region_count - 1].base : from;
        strcpy(regions[region_count++].file, file);
    }
    if (maps) fclose(maps);
    FILE *out = fopen(path, "we");
    if (!out) die("%s: %s", path, strerror(errno));
    qsort(addresses, ADDRESSES, sizeof *addresses, by_steps);
    for (unsigned i = 0; i < address_count; i++) {
        uint64_t address = addresses[i].address, base = 0;
        const char *file = "?";
        for (unsigned j = 0; j < region_count; j++)
            if (address >= regions[j].from && address < regions[j].to) file = regions[j].file, base = regions[j].base;
        fprintf(out, "%llu %#llx %s\n", (unsigned long long)addresses[i].steps, (unsigned long long)(address - base),
                file);
    }
    if (fclose(out) != 0) die("%s: %s", path, strerror(errno));
}

static const char usage[] =
    "Usage: count_instructions --pid N [--addresses FILE]\n"
    "\n"
    "Prints `counting` when it counts. A line on standard input, its end, SIGINT, SIGTERM or SIGUSR1 end it: it lets the\n"
    "process go on by itself and prints one line of JSON with the steps of all threads.\n"
    "\n"
    "  --pid N           the process\n"
    "  --addresses FILE  also write how often each address was executed: steps, offset, file\n";

int main(int argc, char **argv)
{
    const char *file = NULL;
    for (int i = 1; i < argc; i++) {
        const char *option = argv[i], *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (!strcmp(option, "--help") || !strcmp(option, "-h")) return fputs(usage, stdout), 0;
        else if (!strcmp(option, "--pid")) process = (pid_t)parse_number(option, value, 1, INT32_MAX), i++;
        else if (!strcmp(option, "--addresses") && value) file = value, i++;
        else fputs(usage, stderr), die("unknown option %s", option);
    }
    if (!process) fputs(usage, stderr), die("--pid is needed");

    sigset_t stops;
    sigemptyset(&stops);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &stops, NULL);
    int signals = signalfd(-1, &stops, SFD_CLOEXEC);
    if (signals < 0) die("signalfd: %s", strerror(errno));
    struct sigaction action = {.sa_handler = interrupted}; // no SA_RESTART: it shall end a waitpid
    sigaction(SIGUSR2, &action, NULL);

    attach_all();
    bool quiet = settle();
    if (file) addresses = map_pages(sizeof *addresses * ADDRESSES);
    for (unsigned i = 0; i < thread_count; i++) threads[i].steps = 0;
    main_thread = pthread_self();
    pthread_t watcher;
    if ((errno = pthread_create(&watcher, NULL, watch, &signals)) != 0) die("pthread_create: %s", strerror(errno));
    puts("counting");
    fflush(stdout);
    uint64_t begin = milliseconds();
    while (alive && !atomic_load(&asked_to_stop)) report(0);
    quiet = settle() && quiet;
    uint64_t time = milliseconds() - begin;
    atomic_store(&counted, true);
    for (unsigned i = 0; i < thread_count; i++)
        if (!threads[i].gone) detach(&threads[i]);
    if (file) write_addresses(file);

    uint64_t steps = 0;
    for (unsigned i = 0; i < thread_count; i++) steps += threads[i].steps;
    printf("{\"pid\": %d, \"steps\": %llu, \"seconds\": %.3f, \"quiet\": %s, \"ended\": %s, \"threads\": [", process,
           (unsigned long long)steps, (double)time / 1000, quiet ? "true" : "false", alive ? "false" : "true");
    for (unsigned i = 0; i < thread_count; i++)
        printf("%s{\"id\": %d, \"name\": \"%s\", \"steps\": %llu}", i ? ", " : "", threads[i].id, threads[i].name,
               (unsigned long long)threads[i].steps);
    puts("]}");
    return 0;
}
#endif
