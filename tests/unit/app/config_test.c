/* Settings: who wins, what is refused and where, and that nothing is ever taken half. */
#include "support/test.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/config.h"
#include "util/buf.h"
#include "util/file.h"

enum { SOURCES = 5, VALUE_CHARS = 64 };
/* In rising order of precedence. */
enum source { FROM_DEFAULT, FROM_FILE, FROM_LONG_ENV, FROM_SHORT_ENV, FROM_FLAG };

struct world {
    struct nima_ctx ctx;
    char folder[64];
    char file[80];
};

static struct world world_open(void)
{
    struct world w = {0};
    nima_ctx_init(&w.ctx);
    snprintf(w.folder, sizeof(w.folder), "/tmp/nima-config-XXXXXX");
    assert_non_null(mkdtemp(w.folder));
    snprintf(w.file, sizeof(w.file), "%s/nima.yaml", w.folder);
    return w;
}

static void world_close(struct world *w)
{
    unlink(w->file);
    rmdir(w->folder);
    nima_ctx_done(&w->ctx);
}

static void write_file(struct world *w, nima_str text)
{
    ASSERT_OK_CTX(&w->ctx, nima_file_write(&w->ctx, w->file, text, 0600));
}

static nima_rc load_text(struct world *w, const char *text, struct nima_config *out)
{
    write_file(w, nima_str_of(text));
    char *argv[] = {"--config", w->file};
    return nima_config_load(&w->ctx, 2, argv, NULL, out, NULL);
}

static const struct nima_config_row *row_of(const char *section, const char *key)
{
    for (size_t i = 0; i < nima_config_row_count; i++) {
        if (strcmp(nima_config_rows[i].section, section) == 0 &&
            strcmp(nima_config_rows[i].key, key) == 0) {
            return &nima_config_rows[i];
        }
    }
    fail_msg("no row %s.%s", section, key);
    return NULL;
}

/* A value of the row's kind that differs for each source, all within its bounds. */
static void value_for(const struct nima_config_row *row, int source, char out[VALUE_CHARS])
{
    double share = (source + 1) / 8.0;
    if (row->choices != NULL) {
        size_t count = 0;
        while (row->choices[count] != NULL) {
            count++;
        }
        snprintf(out, VALUE_CHARS, "%s", row->choices[(size_t)source % count]);
    } else if (row->kind == NIMA_CONFIG_INT) {
        snprintf(out, VALUE_CHARS, "%.0f", row->low + (row->high - row->low) * share);
    } else if (row->kind == NIMA_CONFIG_NUM) {
        snprintf(out, VALUE_CHARS, "%.6g", row->low + (row->high - row->low) * share);
    } else if (row->kind == NIMA_CONFIG_BOOL) {
        snprintf(out, VALUE_CHARS, "%s", source % 2 == 0 ? "true" : "false");
    } else {
        snprintf(out, VALUE_CHARS, "text-of-%d", source);
    }
}

static nima_str raw_value(struct nima_ctx *ctx, const struct nima_config *config,
                          const struct nima_config_row *row)
{
    struct nima_config_row open = *row;
    open.secret = false;
    return nima_config_value(ctx, config, &open);
}

static void upper(char *text)
{
    for (; *text != '\0'; text++) {
        *text = (char)toupper((unsigned char)*text);
    }
}

/* Loads with the row given by exactly the sources in `set`. */
static void load_from(struct world *w, const struct nima_config_row *row, unsigned set,
                      struct nima_config *out, struct nima_config_origins *origins)
{
    char values[SOURCES][VALUE_CHARS], yaml[256] = "", env[2][160], flag[160];
    char *environ_[3] = {NULL}, *argv[3] = {"--config", w->file, NULL};
    int env_count = 0, argc = 2;
    for (int source = FROM_FILE; source <= FROM_FLAG; source++) {
        value_for(row, source, values[source]);
    }
    if (set & 1U << FROM_FILE) {
        const char *quote = row->kind == NIMA_CONFIG_STR ? "\"" : "";
        snprintf(yaml, sizeof(yaml), "%s:\n  %s: %s%s%s\n", row->section, row->key, quote,
                 values[FROM_FILE], quote);
    }
    if (set & 1U << FROM_LONG_ENV) {
        char name[80];
        snprintf(name, sizeof(name), "NIMA_%s_%s", row->section, row->key);
        upper(name);
        snprintf(env[0], sizeof(env[0]), "%s=%s", name, values[FROM_LONG_ENV]);
        environ_[env_count++] = env[0];
    }
    if (set & 1U << FROM_SHORT_ENV) {
        snprintf(env[1], sizeof(env[1]), "%s=%s", row->env, values[FROM_SHORT_ENV]);
        environ_[env_count++] = env[1];
    }
    if (set & 1U << FROM_FLAG) {
        snprintf(flag, sizeof(flag), "%s=%s", row->flag, values[FROM_FLAG]);
        argv[argc++] = flag;
    }
    write_file(w, nima_str_of(yaml));
    ASSERT_OK_CTX(&w->ctx, nima_config_load(&w->ctx, argc, argv, environ_, out, origins));
}

static bool can_come_from(const struct nima_config_row *row, unsigned set)
{
    char name[80];
    snprintf(name, sizeof(name), "NIMA_%s_%s", row->section, row->key);
    upper(name);
    bool short_is_long = row->env != NULL && strcmp(row->env, name) == 0;
    return (!(set & 1U << FROM_FLAG) || row->flag != NULL) &&
           (!(set & 1U << FROM_SHORT_ENV) || (row->env != NULL && !short_is_long));
}

TEST(every_key_obeys_flag_then_environment_then_file_then_default)
{
    struct world w = world_open();
    for (size_t i = 0; i < nima_config_row_count; i++) {
        const struct nima_config_row *row = &nima_config_rows[i];
        for (unsigned set = 2; set < 1U << SOURCES; set += 2) {
            if (!can_come_from(row, set)) {
                continue;
            }
            struct nima_config config;
            struct nima_config_origins origins;
            load_from(&w, row, set, &config, &origins);
            int winner = FROM_FLAG;
            while (!(set & 1U << winner)) {
                winner--;
            }
            char expected[VALUE_CHARS];
            value_for(row, winner, expected);
            ASSERT_STR_EQ(raw_value(&w.ctx, &config, row), expected);
            if (winner == FROM_FLAG) {
                ASSERT_STR_EQ(origins.items[i], row->flag);
            } else if (winner == FROM_FILE) {
                ASSERT_TRUE(nima_str_starts(origins.items[i], nima_str_of(w.file)));
            } else {
                nima_str own = nima_str_of(row->env); /* GITHUB_API_URL is GitHub's own */
                ASSERT_TRUE(nima_str_starts(origins.items[i], NIMA_STR("NIMA_")) ||
                            nima_str_eq(origins.items[i], own));
            }
            nima_ctx_reset(&w.ctx);
        }
    }
    world_close(&w);
}

TEST(without_any_source_every_key_has_its_default)
{
    struct world w = world_open();
    struct nima_config config;
    ASSERT_OK_CTX(&w.ctx, load_text(&w, "", &config));
    for (size_t i = 0; i < nima_config_row_count; i++) {
        const struct nima_config_row *row = &nima_config_rows[i];
        if (row->preset[0] == '\0') {
            continue; /* derived, or none */
        }
        ASSERT_STR_EQ(raw_value(&w.ctx, &config, row), row->preset);
    }
    ASSERT_STR_EQ(config.store.address, "sqlite:data/nima.db");
    world_close(&w);
}

TEST(bounds_are_allowed_and_what_is_beyond_them_is_not)
{
    struct world w = world_open();
    for (size_t i = 0; i < nima_config_row_count; i++) {
        const struct nima_config_row *row = &nima_config_rows[i];
        if (row->kind != NIMA_CONFIG_INT && row->kind != NIMA_CONFIG_NUM) {
            continue;
        }
        double tries[] = {row->low, row->high, row->low - 1, row->high + 1};
        for (int t = 0; t < 4; t++) {
            struct nima_config config;
            char *text = nima_cstr(
                &w.ctx, nima_fmt(&w.ctx, "%s:\n  %s: %.10g\n", row->section, row->key, tries[t]));
            ASSERT_INT_EQ(load_text(&w, text, &config), t < 2 ? NIMA_OK : NIMA_E_INVALID);
            nima_ctx_reset(&w.ctx);
        }
    }
    world_close(&w);
}

static void assert_refused(struct world *w, const char *text, const char *place, const char *words)
{
    struct nima_config config;
    memset(&config, 0x5a, sizeof(config));
    struct nima_config untouched = config;
    ASSERT_RC(NIMA_E_INVALID, load_text(w, text, &config));
    assert_memory_equal(&config, &untouched, sizeof(config));
    nima_str message = nima_str_of(w->ctx.error.message);
    nima_str wanted = nima_fmt(&w->ctx, "%s:%s", w->file, place);
    if (!nima_str_starts(message, wanted) || strstr(w->ctx.error.message, words) == NULL) {
        fail_msg("\"%s\" should begin with \"" NIMA_FMT "\" and say \"%s\"", w->ctx.error.message,
                 NIMA_ARG(wanted), words);
    }
}

TEST(a_wrong_file_is_refused_with_place_key_and_what_is_allowed)
{
    static const struct {
        const char *text, *place, *words;
    } cases[] = {
        {"server:\n  prot: 1\n", "2:", "the nearest is server.port"},
        {"memory:\n  recal_limit: 1\n", "2:", "the nearest is memory.recall_limit"},
        {"servr:\n  port: 1\n", "2:", "there is no setting servr.port; the nearest is server.port"},
        {"server:\n  port: banana\n", "2:", "must be a whole number from 0 to 65535"},
        {"server:\n  port: \"8002\"\n", "2:", "must be a whole number"},
        {"server:\n  port: 1.5\n", "2:", "must be a whole number"},
        {"server:\n  port:\n", "2:", "must be a whole number"},
        {"server:\n  port: [1]\n", "2:", "must be a whole number"},
        {"server:\n  port: 70000\n", "2:", "not \"70000\""},
        {"server:\n  host:\n", "2:", "must be a text that is not empty"},
        {"server:\n  host: \"\"\n", "2:", "must be a text that is not empty"},
        {"server:\n  log_level: loud\n", "2:", "must be one of: debug, info, warn, error"},
        {"memory:\n  recency_weight: nan\n", "2:", "must be a number from 0 to 1"},
        {"server: 8002\n", "1:", "there is no setting server"},
        {"- port\n", "1:", "there is no setting"},
        {"server:\n  port: 1\n  port: 2\n", "3:", ""},
        {"server:\n\tport: 1\n", "2:", ""},
        {"server: {port: 1\n", "", ""},
    };
    struct world w = world_open();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_refused(&w, cases[i].text, cases[i].place, cases[i].words);
        nima_ctx_reset(&w.ctx);
    }
    world_close(&w);
}

static void assert_words_refused(struct world *w, int argc, char **argv, char **environ_,
                                 const char *words)
{
    struct nima_config config;
    ASSERT_RC(NIMA_E_INVALID, nima_config_load(&w->ctx, argc, argv, environ_, &config, NULL));
    if (strstr(w->ctx.error.message, words) == NULL) {
        fail_msg("\"%s\" should say \"%s\"", w->ctx.error.message, words);
    }
    nima_ctx_reset(&w->ctx);
}

TEST(wrong_flags_and_variables_are_refused_by_their_name)
{
    struct world w = world_open();
    write_file(&w, NIMA_STR(""));
    char *with[] = {"--config", w.file, NULL, NULL, NULL};
    with[2] = "--prot=1";
    assert_words_refused(&w, 3, with, NULL, "there is no flag --prot");
    with[2] = "serve";
    assert_words_refused(&w, 3, with, NULL, "serve");
    with[2] = "--port";
    assert_words_refused(&w, 3, with, NULL, "--port needs a value");
    with[3] = "--host";
    assert_words_refused(&w, 4, with, NULL, "--port needs a value");
    with[3] = "x";
    assert_words_refused(&w, 4, with, NULL, "--port: server.port must be a whole number");
    char *environ_[] = {"NIMA_PORT=x", NULL};
    assert_words_refused(&w, 2, with, environ_, "NIMA_PORT: server.port must be a whole number");
    environ_[0] = "NIMA_SERVER_HOST=a\xff";
    assert_words_refused(&w, 2, with, environ_, "NIMA_SERVER_HOST: server.host must be a text");
    world_close(&w);
}

TEST(a_named_file_that_is_missing_is_an_error)
{
    struct world w = world_open();
    char *argv[] = {"--config", w.file};
    struct nima_config config;
    ASSERT_RC(NIMA_E_NOT_FOUND, nima_config_load(&w.ctx, 2, argv, NULL, &config, NULL));
    ASSERT_TRUE(strstr(w.ctx.error.message, w.file) != NULL);
    world_close(&w);
}

TEST(an_empty_variable_counts_as_not_set)
{
    struct world w = world_open();
    write_file(&w, NIMA_STR(""));
    char *argv[] = {"--config", w.file}, *environ_[] = {"NIMA_PORT=", "NIMA_HOST=", NULL};
    struct nima_config config;
    ASSERT_OK_CTX(&w.ctx, nima_config_load(&w.ctx, 2, argv, environ_, &config, NULL));
    ASSERT_INT_EQ(config.server.port, 8002);
    world_close(&w);
}

TEST(a_secret_is_never_shown)
{
    struct world w = world_open();
    struct nima_config config;
    ASSERT_OK_CTX(&w.ctx, load_text(&w, "llm:\n  api_key: \"hush-hush\"\n", &config));
    const struct nima_config_row *row = row_of("llm", "api_key");
    ASSERT_STR_EQ(nima_config_value(&w.ctx, &config, row), "(set)");
    world_close(&w);
}

/* The file that ships, with every key taken out of its comment. */
static nima_str whole_example(struct nima_ctx *ctx, const struct nima_buf *example)
{
    struct nima_buf bare;
    nima_buf_init(&bare, 1 << 20);
    nima_str rest = nima_buf_view(example), line;
    while (nima_str_next(&rest, '\n', &line)) {
        nima_str hash = NIMA_STR("  # ");
        nima_str text = nima_str_sub(line, hash.len, line.len);
        size_t colon = nima_str_find(text, NIMA_STR(": "), 0);
        nima_str word = nima_str_sub(text, 0, colon);
        bool key = nima_str_starts(line, hash) && colon != SIZE_MAX && word.len > 0;
        for (size_t i = 0; key && i < word.len; i++) {
            key = islower((unsigned char)word.ptr[i]) || isdigit((unsigned char)word.ptr[i]) ||
                  word.ptr[i] == '_';
        }
        /* "local:…" in a sentence has no blank behind its colon; a key's line always has. */
        if (key) {
            nima_buf_fmt(&bare, "  " NIMA_FMT "\n", NIMA_ARG(text));
        } else if (!nima_str_starts(line, hash)) {
            nima_buf_fmt(&bare, NIMA_FMT "\n", NIMA_ARG(line));
        }
    }
    nima_str copy = nima_str_copy(ctx->arena, nima_buf_view(&bare));
    nima_buf_done(&bare);
    return copy;
}

TEST(the_example_is_configs_nima_yaml_and_changes_nothing)
{
    struct world w = world_open();
    struct nima_buf example;
    nima_buf_init(&example, 1 << 20);
    nima_config_example(&example);
    nima_str shipped;
    ASSERT_OK_CTX(&w.ctx,
                  nima_file_read(&w.ctx, NIMA_SOURCE_DIR "/configs/nima.yaml", 1 << 20, &shipped));
    if (!nima_str_eq(shipped, nima_buf_view(&example))) {
        fail_msg("write it again: build/nima config example > configs/nima.yaml");
    }
    struct nima_config plain, as_shipped, uncommented;
    ASSERT_OK_CTX(&w.ctx, load_text(&w, "", &plain));
    ASSERT_OK_CTX(&w.ctx, load_text(&w, example.ptr, &as_shipped));
    nima_str whole = whole_example(&w.ctx, &example);
    ASSERT_OK_CTX(&w.ctx, load_text(&w, nima_cstr(&w.ctx, whole), &uncommented));
    for (size_t i = 0; i < nima_config_row_count; i++) {
        const struct nima_config_row *row = &nima_config_rows[i];
        nima_str value = raw_value(&w.ctx, &plain, row);
        ASSERT_TRUE(nima_str_eq(value, raw_value(&w.ctx, &as_shipped, row)));
        ASSERT_TRUE(nima_str_eq(value, raw_value(&w.ctx, &uncommented, row)));
        nima_str name = nima_fmt(&w.ctx, "\n  %s: ", row->key);
        ASSERT_TRUE(nima_str_find(whole, name, 0) != SIZE_MAX);
    }
    nima_buf_done(&example);
    world_close(&w);
}

TEST(the_manual_lists_every_setting_with_flag_variable_and_default)
{
    struct world w = world_open();
    nima_str manual;
    ASSERT_OK_CTX(
        &w.ctx, nima_file_read(&w.ctx, NIMA_SOURCE_DIR "/docs/configuration.md", 1 << 20, &manual));
    for (size_t i = 0; i < nima_config_row_count; i++) {
        const struct nima_config_row *row = &nima_config_rows[i];
        const char *parts[] = {row->flag, row->env, row->preset};
        nima_str line = nima_fmt(&w.ctx, "| `%s.%s` |", row->section, row->key);
        for (int p = 0; p < 3; p++) {
            bool there = parts[p] != NULL && parts[p][0] != '\0';
            line = nima_fmt(&w.ctx, NIMA_FMT "%s%s%s |", NIMA_ARG(line), there ? " `" : " ",
                            there ? parts[p] : "", there ? "`" : "");
        }
        if (nima_str_find(manual, line, 0) == SIZE_MAX) {
            fail_msg("docs/configuration.md lacks \"" NIMA_FMT "\"", NIMA_ARG(line));
        }
    }
    world_close(&w);
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525U + 1013904223U;
    return *state >> 8;
}

static void mutate(uint32_t *random, char *text, size_t len)
{
    static const char strange[] = "\t:#\"'{}[]&*!|>%@`~-,.0x \n\xff\xc3\x01nN9";
    size_t at = next_random(random) % len;
    switch (next_random(random) % 4) {
    case 0:
        text[at] = strange[next_random(random) % (sizeof(strange) - 1)];
        break;
    case 1:
        memmove(text + at, text + at + 1, len - at); /* the NUL too */
        break;
    case 2:
        text[at] = (char)(text[at] ^ (1 << next_random(random) % 7));
        break;
    default:
        text[at] = '\0'; /* cut short */
    }
}

static void assert_values_fit(const struct nima_config *config)
{
    for (size_t i = 0; i < nima_config_row_count; i++) {
        const struct nima_config_row *row = &nima_config_rows[i];
        const void *at = (const char *)config + row->offset;
        double value = row->kind == NIMA_CONFIG_INT   ? (double)*(const int64_t *)at
                       : row->kind == NIMA_CONFIG_NUM ? *(const double *)at
                                                      : row->low;
        ASSERT_TRUE(value >= row->low && (row->high <= row->low || value <= row->high));
    }
}

TEST(two_hundred_mutated_files_are_taken_whole_or_refused_with_their_place)
{
    struct world w = world_open();
    struct nima_buf example;
    nima_buf_init(&example, 1 << 20);
    nima_config_example(&example);
    uint32_t random = 20240229;
    int refused = 0;
    for (int round = 0; round < 200; round++) {
        char *text = nima_cstr(&w.ctx, whole_example(&w.ctx, &example));
        for (int i = 0; i < 1 + round % 4 && text[0] != '\0'; i++) {
            mutate(&random, text, strlen(text));
        }
        struct nima_config config;
        memset(&config, 0x5a, sizeof(config));
        struct nima_config untouched = config;
        nima_rc rc = load_text(&w, text, &config);
        if (rc == NIMA_OK) {
            assert_values_fit(&config);
        } else {
            refused++;
            int line = 0;
            ASSERT_INT_EQ(rc, NIMA_E_INVALID);
            assert_memory_equal(&config, &untouched, sizeof(config));
            ASSERT_TRUE(strncmp(w.ctx.error.message, w.file, strlen(w.file)) == 0);
            ASSERT_INT_EQ(sscanf(w.ctx.error.message + strlen(w.file), ":%d:", &line), 1);
            ASSERT_TRUE(line >= 1 && strchr(w.ctx.error.message, '\n') == NULL);
        }
        nima_ctx_reset(&w.ctx);
    }
    ASSERT_TRUE(refused > 100); /* else the mutations prove nothing */
    nima_buf_done(&example);
    world_close(&w);
}

TEST_MAIN
