// Counts what a program allocates: LD_PRELOAD=count_allocations.so SLUICE_ALLOCATIONS=FILE program.
//
// The counters stand in FILE, which is mapped, so that another process reads them at any moment without a signal.
// Writing a number to `traces_wanted` there makes the next so many allocations leave their call stacks in FILE.stacks.
// glibc only: it exports the functions behind malloc under a second name, so that nothing needs to be looked up.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

// Read by scripts/measure/allocations: keep the order.
struct counters {
    atomic_uint_fast64_t magic, mallocs, callocs, reallocs, aligned, frees, bytes;
    atomic_int_fast64_t traces_wanted;
};

enum { MAGIC = 0x51a1ce, FRAMES = 24 };

static struct counters early; // before the file is mapped
static struct counters *counters = &early;
static int stacks = -1;
static __thread __attribute__((tls_model("initial-exec"))) bool tracing;

__attribute__((constructor)) static void start(void)
{
    const char *path = getenv("SLUICE_ALLOCATIONS");
    if (!path) return;
    char name[4096];
    snprintf(name, sizeof name, "%s.stacks", path);
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    void *page = MAP_FAILED;
    if (file >= 0 && ftruncate(file, 4096) == 0) page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (page == MAP_FAILED) {
        fprintf(stderr, "count_allocations: %s: %s\n", path, strerror(errno));
        _exit(127);
    }
    close(file);
    stacks = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    void *frame;
    backtrace(&frame, 1); // loads what it needs now
    struct counters *mapped = page;
    mapped->magic = MAGIC;
    counters = mapped;
}

static void trace(const char *function, size_t bytes)
{
    if (tracing || stacks < 0) return;
    if (atomic_fetch_sub_explicit(&counters->traces_wanted, 1, memory_order_relaxed) <= 0) {
        atomic_store_explicit(&counters->traces_wanted, 0, memory_order_relaxed);
        return;
    }
    tracing = true;
    void *frames[FRAMES];
    int count = backtrace(frames, FRAMES);
    char text[FRAMES * 512];
    size_t length = (size_t)snprintf(text, sizeof text, "%s %zu\n", function, bytes);
    for (int i = 2; i < count && length < sizeof text - 600; i++) {
        Dl_info info;
        // One less than the return address: inside the call.
        uintptr_t address = (uintptr_t)frames[i] - 1;
        if (!dladdr((void *)address, &info)) memset(&info, 0, sizeof info);
        length += (size_t)snprintf(text + length, 600, "  %s+%#lx %s\n", info.dli_fname ? info.dli_fname : "?",
                                   (unsigned long)(address - (uintptr_t)info.dli_fbase),
                                   info.dli_sname ? info.dli_sname : "");
    }
    ssize_t ignored = write(stacks, text, length < sizeof text ? length : sizeof text);
    (void)ignored;
    tracing = false;
}

static inline void count(atomic_uint_fast64_t *counter, const char *function, size_t bytes)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&counters->bytes, bytes, memory_order_relaxed);
    if (__builtin_expect(atomic_load_explicit(&counters->traces_wanted, memory_order_relaxed) > 0, 0))
        trace(function, bytes);
}

void *malloc(size_t bytes)
{
    count(&counters->mallocs, "malloc", bytes);
    return __libc_malloc(bytes);
}

void *calloc(size_t number, size_t bytes)
{
    count(&counters->callocs, "calloc", number * bytes);
    return __libc_calloc(number, bytes);
}

void *realloc(void *pointer, size_t bytes)
{
    count(&counters->reallocs, "realloc", bytes);
    return __libc_realloc(pointer, bytes);
}

void *reallocarray(void *pointer, size_t number, size_t bytes)
{
    size_t total;
    if (__builtin_mul_overflow(number, bytes, &total)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(pointer, total);
}

void *memalign(size_t alignment, size_t bytes)
{
    count(&counters->aligned, "memalign", bytes);
    return __libc_memalign(alignment, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
    count(&counters->aligned, "aligned_alloc", bytes);
    return __libc_memalign(alignment, bytes);
}

int posix_memalign(void **result, size_t alignment, size_t bytes)
{
    if (alignment < sizeof(void *) || (alignment & (alignment - 1))) return EINVAL;
    count(&counters->aligned, "posix_memalign", bytes);
    void *pointer = __libc_memalign(alignment, bytes);
    if (!pointer) return ENOMEM;
    *result = pointer;
    return 0;
}

void *valloc(size_t bytes)
{
    return memalign((size_t)sysconf(_SC_PAGESIZE), bytes);
}

void free(void *pointer)
{
    if (pointer) atomic_fetch_add_explicit(&counters->frees, 1, memory_order_relaxed);
    __libc_free(pointer);
}
