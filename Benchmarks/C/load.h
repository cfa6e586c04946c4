// What the two load generators share: the clock, latencies, the phases of a run, and the result.
#ifndef SLUICE_BENCHMARKS_LOAD_H
#define SLUICE_BENCHMARKS_LOAD_H

#include "common.h"

#include <sys/time.h>
#include <time.h>

enum {
    BUCKET_BITS = 7, // 128 steps for each power of two: latencies are within 0.8 %
    BUCKETS = 64 << BUCKET_BITS,
};

static bool steps, json;
static uint32_t *buckets;

static inline uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000ull + (uint64_t)time.tv_nsec;
}

// MARK: Latencies

static inline void record(uint64_t nanoseconds)
{
    unsigned shift = nanoseconds >> BUCKET_BITS ? 63 - BUCKET_BITS - (unsigned)__builtin_clzll(nanoseconds) : 0;
    // From 2^BUCKET_BITS on, `nanoseconds >> shift` lies between that and twice that.
    buckets[((uint64_t)shift << BUCKET_BITS) + (nanoseconds >> shift)]++;
}

static inline double percentile(double fraction, uint64_t total)
{
    uint64_t seen = 0, wanted = (uint64_t)(fraction * (double)total);
    if (wanted >= total) wanted = total ? total - 1 : 0;
    for (unsigned i = 0; i < BUCKETS; i++) {
        seen += buckets[i];
        if (seen <= wanted) continue;
        if (i < (2u << BUCKET_BITS)) return i / 1000.0;
        unsigned shift = (i >> BUCKET_BITS) - 1;
        return (double)((uint64_t)(i - (shift << BUCKET_BITS)) << shift) / 1000.0;
    }
    return 0;
}

static inline void start_latencies(void)
{
    buckets = map_pages(sizeof *buckets * BUCKETS);
}

static inline void forget_latencies(void)
{
    memset(buckets, 0, sizeof *buckets * BUCKETS);
}

// MARK: Phases

// With --steps: says where it is and waits for a line, so that a script can read counters between the phases.
static inline void step(const char *name)
{
    if (!steps) return;
    char line[64];
    printf("step %s\n", name);
    fflush(stdout);
    if (!fgets(line, sizeof line, stdin)) die("--steps: no line to go on");
}

static inline double cpu_seconds(const struct timeval *time)
{
    return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

// What a run came to; times in seconds of the load's own CPU.
struct result {
    uint64_t messages, bytes, waits, lost;
    double seconds, user, system;
    bool verified;
};

static inline void report(struct result run)
{
    uint64_t done = run.messages;
    double p50 = percentile(0.5, done), p99 = percentile(0.99, done), p999 = percentile(0.999, done);
    double longest = percentile(1, done), each = done ? 1e6 / (double)done : 0;
    if (json) {
        printf("{\"messages\": %llu, \"seconds\": %.6f, \"messages_per_second\": %.1f, \"megabytes_per_second\": %.3f, "
               "\"p50_us\": %.3f, \"p99_us\": %.3f, \"p999_us\": %.3f, \"max_us\": %.3f, \"load_user_us\": %.4f, "
               "\"load_system_us\": %.4f, \"waits\": %llu, \"lost\": %llu, \"verified\": %s}\n",
               (unsigned long long)done, run.seconds, (double)done / run.seconds, (double)run.bytes / run.seconds / 1e6,
               p50, p99, p999, longest, run.user * each, run.system * each, (unsigned long long)run.waits,
               (unsigned long long)run.lost, run.verified ? "true" : "false");
        return;
    }
    printf("messages   %llu in %.3f s, %.0f/s, %.1f MB/s each way%s\n", (unsigned long long)done, run.seconds,
           (double)done / run.seconds, (double)run.bytes / run.seconds / 1e6, run.verified ? ", every byte verified" : "");
    if (run.lost) printf("lost       %llu, sent again\n", (unsigned long long)run.lost);
    printf("latency    p50 %.1f us, p99 %.1f us, p99.9 %.1f us, max %.1f us\n", p50, p99, p999, longest);
    printf("load's CPU %.3f us a message (user %.3f, system %.3f), %.2f messages a wait\n", (run.user + run.system) * each,
           run.user * each, run.system * each, (double)done / (double)(run.waits ? run.waits : 1));
}

#endif
