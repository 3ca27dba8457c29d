/*
 * MemAvailable counts what the kernel can give back at once, so for the control group the same is
 * done: pages of files that lie unused (inactive_file) are free for the asking.
 */
#include "app/memory_left.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The number behind `key` in a file of "key number" lines; key NULL: the file is the number. */
static int64_t number_in(const char *path, const char *key)
{
    char line[256];
    int64_t found = -1;
    size_t length = key != NULL ? strlen(key) : 0;
    FILE *file = fopen(path, "re");
    while (file != NULL && found < 0 && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, key != NULL ? key : "", length) == 0) {
            char *end;
            long long value = strtoll(line + length, &end, 10);
            found = end != line + length ? value : found;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return found;
}

static int64_t left_in_group(const char *limit, const char *used, const char *stat)
{
    int64_t max = number_in(limit, NULL), now = number_in(used, NULL);
    int64_t idle = number_in(stat, "inactive_file ");
    if (max < 0 || now < 0) {
        return INT64_MAX; /* "max", or no such group */
    }
    int64_t left = max - now + (idle > 0 ? idle : 0);
    return left > 0 ? left : 1;
}

int64_t nima_memory_left(void)
{
    int64_t kib = number_in("/proc/meminfo", "MemAvailable:");
    int64_t machine = kib > 0 ? kib * 1024 : INT64_MAX;
    int64_t v2 = left_in_group("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current",
                               "/sys/fs/cgroup/memory.stat");
    int64_t v1 = left_in_group("/sys/fs/cgroup/memory/memory.limit_in_bytes",
                               "/sys/fs/cgroup/memory/memory.usage_in_bytes",
                               "/sys/fs/cgroup/memory/memory.stat");
    int64_t least = machine < v2 ? machine : v2;
    least = least < v1 ? least : v1;
    return least == INT64_MAX ? 0 : least;
}
