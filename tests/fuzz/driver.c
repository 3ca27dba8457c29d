/*
 * Runs a target where there is no libFuzzer (gcc): replays the committed corpus, then mutates it
 * for FUZZ_SECONDS. It knows nothing of coverage, but it is everywhere, and the same seed makes
 * the same inputs again.
 *
 *   NAME [FILE-OR-FOLDER …]    inputs beside the committed corpus; one FILE alone: just that
 *   FUZZ_SECONDS   how long to mutate; 0 (default): only replay
 *   FUZZ_SEED      a number; default: the clock
 *   FUZZ_FINDINGS  folder where an input that broke something is written; default: here
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "util/clock.h"

enum { INPUTS_MAX = 20000, BYTES_MAX = 1 << 16, ONE_INPUT_S = 10, CHANGES_MAX = 8 };

struct input {
    uint8_t *data;
    size_t size;
};

static struct input inputs[INPUTS_MAX];
static size_t input_count;
static uint8_t current[BYTES_MAX];
static size_t current_size;
static char findings[4096];
static uint64_t state;

void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

/* Called in a process that is about to die: nothing but system calls. */
static void keep_current(void)
{
    int fd = open(findings, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd >= 0) {
        ssize_t wrote = write(fd, current, current_size);
        (void)wrote;
        close(fd);
    }
    static const char says[] = "fuzz: the input that did this was written to ";
    ssize_t wrote = write(STDERR_FILENO, says, sizeof(says) - 1);
    wrote += write(STDERR_FILENO, findings, strlen(findings));
    wrote += write(STDERR_FILENO, "\n", 1);
    (void)wrote;
}

static void on_signal(int number)
{
    if (number == SIGALRM) {
        static const char says[] = "fuzz: an input took over ten seconds\n";
        ssize_t wrote = write(STDERR_FILENO, says, sizeof(says) - 1);
        (void)wrote;
    }
    keep_current();
    _exit(1);
}

static uint64_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static size_t below(size_t limit)
{
    return limit > 0 ? (size_t)(next_random() % limit) : 0;
}

static void add_file(const char *path)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0 || input_count == INPUTS_MAX) {
        fprintf(stderr, "fuzz: cannot read %s\n", path);
        exit(2);
    }
    size_t size = info.st_size < BYTES_MAX ? (size_t)info.st_size : BYTES_MAX;
    uint8_t *data = malloc(size + 1);
    if (data == NULL || read(fd, data, size) != (ssize_t)size) {
        fprintf(stderr, "fuzz: cannot read %s\n", path);
        exit(2);
    }
    close(fd);
    inputs[input_count++] = (struct input){data, size};
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void add_path(const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode)) {
        add_file(path);
        return;
    }
    struct dirent **entries;
    int count = scandir(path, &entries, is_shown, by_name); /* sorted: a seed means one run */
    for (int i = 0; i < count; i++) {
        char inner[4096];
        snprintf(inner, sizeof(inner), "%s/%s", path, entries[i]->d_name);
        add_file(inner);
        free(entries[i]);
    }
    if (count >= 0) {
        free((void *)entries);
    }
}

/* Bytes that parsers find interesting. */
static const char *const tokens[] = {
    "\"",
    "\\",
    "\\u0000",
    "\\ud800",
    "\\udc00",
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "null",
    "true",
    "false",
    "-",
    "0",
    "1e308",
    "-9223372036854775808",
    "9223372036854775808",
    ".5",
    "\n",
    "\r\n",
    "\t",
    " ",
    "data: ",
    "\n\n",
    "[DONE]",
    "%00",
    "%2f",
    "%",
    "&",
    "=",
    "?",
    "#",
    "/",
    "..",
    "\xC3",
    "\xE2\x82",
    "\xF0\x9F\x8E\x89",
    "\xED\xA0\x80",
    "\xFF",
    "\xEF\xBB\xBF",
    "- ",
    ": ",
    "&a ",
    "*a",
    "!!str ",
    "---\n",
    "|\n",
    ">\n",
    "'",
    "T00:00:00Z",
    "+23:59",
    "9999",
    "I ",
    "my ",
    " not ",
    "I'm ",
    "\xE2\x80\x99",
    "$ref",
    "#/",
    "\"type\":\"array\"",
    "\"enum\":[",
    "\"anyOf\":[",
    "  - name: ",
    "    argv: [/bin/sh]\n",
    "type: array, items: {type: string}",
    "default: ",
    "maximum: ",
    "{p}",
};

static void remove_bytes(size_t at, size_t count)
{
    memmove(current + at, current + at + count, current_size - at - count);
    current_size -= count;
}

static void insert_bytes(size_t at, const uint8_t *bytes, size_t count)
{
    if (count > BYTES_MAX - current_size) {
        return;
    }
    memmove(current + at + count, current + at, current_size - at);
    memcpy(current + at, bytes, count);
    current_size += count;
}

static void insert_piece_of(struct input from)
{
    size_t begin = below(from.size + 1);
    size_t count = below(from.size - begin + 1);
    insert_bytes(below(current_size + 1), from.data + begin, count);
}

static void repeat_piece(void)
{
    static uint8_t copy[256];
    size_t begin = below(current_size + 1);
    size_t count = below(current_size - begin + 1);
    count = count < sizeof(copy) ? count : sizeof(copy);
    memcpy(copy, current + begin, count);
    for (size_t times = 1 + below(64); times > 0; times--) {
        insert_bytes(begin, copy, count);
    }
}

static void change(void)
{
    size_t at = below(current_size);
    const char *token = tokens[below(sizeof(tokens) / sizeof(tokens[0]))];
    uint8_t byte = (uint8_t)next_random();
    switch (below(8)) {
    case 0:
        if (current_size > 0) {
            current[at] ^= (uint8_t)(1 << below(8));
        }
        break;
    case 1:
        if (current_size > 0) {
            current[at] = byte;
        }
        break;
    case 2:
        remove_bytes(at, below(current_size - at + 1));
        break;
    case 3:
        insert_bytes(at, &byte, 1);
        break;
    case 4:
        insert_piece_of(inputs[below(input_count)]);
        break;
    case 5:
        repeat_piece();
        break;
    default:
        insert_bytes(at, (const uint8_t *)token, strlen(token));
    }
}

/* In memory of its own, so that one byte too far is seen. */
static void run_current(void)
{
    uint8_t *exact = malloc(current_size > 0 ? current_size : 1);
    if (exact == NULL) {
        exit(2);
    }
    memcpy(exact, current, current_size);
    alarm(ONE_INPUT_S);
    if (LLVMFuzzerTestOneInput(exact, current_size) != 0) {
        abort();
    }
    alarm(0);
    free(exact);
}

static void take(struct input input)
{
    current_size = input.size;
    if (input.size > 0) {
        memcpy(current, input.data, input.size);
    }
}

static uint64_t number_of(const char *name, uint64_t otherwise)
{
    int64_t value;
    return nima_str_to_i64(nima_str_of(getenv(name)), &value) && value >= 0 ? (uint64_t)value
                                                                            : otherwise;
}

static void set_up(void)
{
    const char *folder = getenv("FUZZ_FINDINGS");
    snprintf(findings, sizeof(findings), "%s/%s-%ld.bin", folder != NULL ? folder : ".",
             NIMA_FUZZ_NAME, (long)getpid());
    if (__sanitizer_set_death_callback != NULL) {
        __sanitizer_set_death_callback(keep_current);
    }
    signal(SIGABRT, on_signal);
    signal(SIGALRM, on_signal);
}

int main(int argc, char **argv)
{
    set_up();
    if (argc != 2) {
        add_path(NIMA_FUZZ_CORPUS);
    }
    for (int i = 1; i < argc; i++) {
        add_path(argv[i]);
    }
    for (size_t i = 0; i < input_count; i++) {
        take(inputs[i]);
        run_current();
    }
    current_size = 0;
    run_current();
    uint64_t seed = number_of("FUZZ_SEED", (uint64_t)nima_now_ms());
    int64_t ms = (int64_t)number_of("FUZZ_SECONDS", 0) * 1000;
    printf("%s: %zu inputs replayed, seed %llu\n", NIMA_FUZZ_NAME, input_count,
           (unsigned long long)seed);
    fflush(stdout); /* before anything can end the process */
    state = seed * UINT64_C(0x9E3779B97F4A7C15) | 1;
    int64_t begun = nima_mono_ms();
    uint64_t tried = 0;
    for (; input_count > 0 && nima_mono_ms() - begun < ms; tried++) {
        take(inputs[below(input_count)]);
        for (size_t changes = 1 + below(CHANGES_MAX); changes > 0; changes--) {
            change();
        }
        run_current();
    }
    printf("%s: %llu mutants in %.1f s, nothing found\n", NIMA_FUZZ_NAME, (unsigned long long)tried,
           (double)(nima_mono_ms() - begun) / 1000);
    for (size_t i = 0; i < input_count; i++) {
        free(inputs[i].data);
    }
    return 0;
}
