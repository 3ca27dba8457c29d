#include "app/config.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/store.h"
#include "util/buf.h"
#include "util/yaml.h"

#define DEFAULT_FILE "configs/nima.yaml"

struct loading {
    struct nima_ctx *ctx;
    struct nima_config *config;
    nima_str *origins;
};

static void *member(struct nima_config *config, const struct nima_config_row *row)
{
    return (char *)config + row->offset;
}

static nima_str allowed(struct nima_ctx *ctx, const struct nima_config_row *row)
{
    if (row->choices != NULL) {
        nima_str list = nima_str_of(row->choices[0]);
        for (const char *const *c = row->choices + 1; *c != NULL; c++) {
            list = nima_fmt(ctx, NIMA_FMT ", %s", NIMA_ARG(list), *c);
        }
        return nima_fmt(ctx, "must be one of: " NIMA_FMT, NIMA_ARG(list));
    }
    switch (row->kind) {
    case NIMA_CONFIG_BOOL:
        return NIMA_STR("must be true or false");
    case NIMA_CONFIG_INT:
        return nima_fmt(ctx, "must be a whole number from %.0f to %.0f", row->low, row->high);
    case NIMA_CONFIG_NUM:
        return nima_fmt(ctx, "must be a number from %g to %g", row->low, row->high);
    default:
        return row->filled ? NIMA_STR("must be a text that is not empty")
                           : NIMA_STR("must be a text");
    }
}

static bool in_choices(const struct nima_config_row *row, nima_str text)
{
    if (row->choices == NULL) {
        return true;
    }
    for (const char *const *c = row->choices; *c != NULL; c++) {
        if (nima_str_eq(text, nima_str_of(*c))) {
            return true;
        }
    }
    return false;
}

/* Sets the member from text; false when the text does not fit the row. */
static bool set_value(struct loading *l, const struct nima_config_row *row, nima_str text)
{
    void *to = member(l->config, row);
    int64_t whole;
    double number;
    switch (row->kind) {
    case NIMA_CONFIG_INT:
        if (!nima_str_to_i64(text, &whole) || (double)whole < row->low ||
            (double)whole > row->high) {
            return false;
        }
        *(int64_t *)to = whole;
        return true;
    case NIMA_CONFIG_NUM:
        if (!nima_str_to_f64(text, &number) || number < row->low || number > row->high) {
            return false;
        }
        *(double *)to = number;
        return true;
    case NIMA_CONFIG_BOOL:
        *(bool *)to = nima_str_eq(text, NIMA_STR("true"));
        return *(bool *)to || nima_str_eq(text, NIMA_STR("false"));
    default:
        if (!in_choices(row, text) || !nima_utf8_valid(text) || (row->filled && text.len == 0)) {
            return false;
        }
        *(nima_str *)to = nima_str_copy(l->ctx->arena, text);
        return true;
    }
}

static nima_rc apply(struct loading *l, const struct nima_config_row *row, nima_str text,
                     nima_str origin)
{
    if (!set_value(l, row, text)) {
        nima_str rule = allowed(l->ctx, row);
        nima_str shown = row->secret ? NIMA_STR("(hidden)") : nima_utf8_prefix(text, 80);
        return nima_fail_field(
            l->ctx, NIMA_E_INVALID, row->key, NIMA_FMT ": %s.%s " NIMA_FMT ", not \"" NIMA_FMT "\"",
            NIMA_ARG(origin), row->section, row->key, NIMA_ARG(rule), NIMA_ARG(shown));
    }
    l->origins[row - nima_config_rows] = origin;
    return NIMA_OK;
}

/* Edits between two words (Levenshtein), for "did you mean". */
static size_t distance(nima_str a, nima_str b)
{
    enum { WORD_MAX = 63 };
    size_t row[WORD_MAX + 1];
    if (a.len > WORD_MAX || b.len > WORD_MAX) {
        return SIZE_MAX;
    }
    for (size_t j = 0; j <= b.len; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t replaced = diagonal + (a.ptr[i - 1] != b.ptr[j - 1]);
            size_t edited = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = replaced < edited ? replaced : edited;
        }
    }
    return row[b.len];
}

static nima_str nearest(struct nima_ctx *ctx, nima_str name)
{
    enum { COMPARED_MAX = 60 };
    nima_str best = NIMA_STR("");
    size_t best_edits = SIZE_MAX;
    name = nima_str_sub(name, 0, COMPARED_MAX);
    for (size_t i = 0; i < nima_config_row_count; i++) {
        const struct nima_config_row *row = &nima_config_rows[i];
        nima_str full = nima_fmt(ctx, "%s.%s", row->section, row->key);
        size_t edits = distance(name, full);
        if (edits < best_edits) {
            best_edits = edits;
            best = full;
        }
    }
    return best;
}

static nima_rc unknown_key(struct nima_ctx *ctx, nima_str file, const struct nima_yaml *node,
                           nima_str name)
{
    nima_str near = nearest(ctx, name);
    name = nima_utf8_prefix(name, 80);
    return nima_fail_field(ctx, NIMA_E_INVALID, "config",
                           NIMA_FMT ":%d:%d: there is no setting " NIMA_FMT
                                    "; the nearest is " NIMA_FMT " (nima config show lists all)",
                           NIMA_ARG(file), node->line, node->column, NIMA_ARG(name),
                           NIMA_ARG(near));
}

static const struct nima_config_row *find_row(nima_str section, nima_str key)
{
    for (size_t i = 0; i < nima_config_row_count; i++) {
        const struct nima_config_row *row = &nima_config_rows[i];
        if (nima_str_eq(section, nima_str_of(row->section)) &&
            nima_str_eq(key, nima_str_of(row->key))) {
            return row;
        }
    }
    return NULL;
}

static nima_rc apply_yaml(struct loading *l, nima_str file, nima_str section,
                          const struct nima_yaml *node)
{
    nima_str name = nima_fmt(l->ctx, NIMA_FMT "." NIMA_FMT, NIMA_ARG(section), NIMA_ARG(node->key));
    const struct nima_config_row *row = find_row(section, node->key);
    if (row == NULL) {
        return unknown_key(l->ctx, file, node, name);
    }
    nima_str origin = nima_fmt(l->ctx, NIMA_FMT ":%d:%d", NIMA_ARG(file), node->line, node->column);
    bool number = row->kind != NIMA_CONFIG_STR;
    /* `port:` with nothing behind it is a slip, not the wish for an empty value: "" says that. */
    if (node->kind != NIMA_YAML_SCALAR || (number && node->quoted) || nima_yaml_is_null(node)) {
        nima_str rule = allowed(l->ctx, row);
        return nima_fail_field(l->ctx, NIMA_E_INVALID, row->key,
                               NIMA_FMT ": " NIMA_FMT " " NIMA_FMT, NIMA_ARG(origin),
                               NIMA_ARG(name), NIMA_ARG(rule));
    }
    return apply(l, row, node->scalar, origin);
}

static nima_rc apply_file(struct loading *l, nima_str file)
{
    const struct nima_yaml *root;
    NIMA_TRY(nima_yaml_load(l->ctx, nima_cstr(l->ctx, file), &root));
    if (root->kind != NIMA_YAML_MAP) {
        return unknown_key(l->ctx, file, root, NIMA_STR("(no sections)"));
    }
    for (const struct nima_yaml *s = root->first; s != NULL; s = s->next) {
        if (nima_yaml_is_null(s)) {
            continue; /* a section whose keys are all comments */
        }
        if (s->kind != NIMA_YAML_MAP) {
            return unknown_key(l->ctx, file, s, s->key);
        }
        for (const struct nima_yaml *k = s->first; k != NULL; k = k->next) {
            NIMA_TRY(apply_yaml(l, file, s->key, k));
        }
    }
    l->config->file = file;
    return NIMA_OK;
}

static nima_str env_value(char *const *environ_, const char *name)
{
    size_t length = strlen(name);
    for (; environ_ != NULL && *environ_ != NULL; environ_++) {
        if (strncmp(*environ_, name, length) == 0 && (*environ_)[length] == '=') {
            return nima_str_of(*environ_ + length + 1);
        }
    }
    return (nima_str){NULL, 0};
}

static char *long_env(struct nima_ctx *ctx, const struct nima_config_row *row)
{
    char *name = nima_cstr(ctx, nima_fmt(ctx, "NIMA_%s_%s", row->section, row->key));
    for (char *p = name; *p != '\0'; p++) {
        *p = (char)toupper((unsigned char)*p);
    }
    return name;
}

static nima_rc apply_environment(struct loading *l, char *const *environ_)
{
    for (size_t i = 0; i < nima_config_row_count; i++) {
        const struct nima_config_row *row = &nima_config_rows[i];
        const char *names[] = {row->env, long_env(l->ctx, row)};
        for (size_t n = 0; n < 2; n++) {
            nima_str value = names[n] != NULL ? env_value(environ_, names[n]) : (nima_str){NULL, 0};
            if (value.len > 0) {
                NIMA_TRY(apply(l, row, value, nima_str_of(names[n])));
                break;
            }
        }
    }
    return NIMA_OK;
}

static const struct nima_config_row *find_flag(nima_str flag)
{
    for (size_t i = 0; i < nima_config_row_count; i++) {
        const struct nima_config_row *row = &nima_config_rows[i];
        if (row->flag != NULL && nima_str_eq(flag, nima_str_of(row->flag))) {
            return row;
        }
    }
    return NULL;
}

/* Splits "--flag=value" or takes the next word as the value. */
static nima_rc read_flag(struct nima_ctx *ctx, int argc, char *const *argv, int *at, nima_str *flag,
                         nima_str *value)
{
    nima_str word = nima_str_of(argv[*at]);
    size_t equals = nima_str_find(word, NIMA_STR("="), 0);
    *flag = nima_str_sub(word, 0, equals);
    if (equals != SIZE_MAX) {
        *value = nima_str_sub(word, equals + 1, word.len);
        return NIMA_OK;
    }
    /* "--data --port 1" forgot a value; one that begins with dashes can be given with "=". */
    if (*at + 1 >= argc || strncmp(argv[*at + 1], "--", 2) == 0) {
        return nima_fail(ctx, NIMA_E_INVALID, NIMA_FMT " needs a value", NIMA_ARG(word));
    }
    *value = nima_str_of(argv[++*at]);
    return NIMA_OK;
}

/* With `l` NULL only --config is looked for. */
static nima_rc apply_flags(struct nima_ctx *ctx, struct loading *l, int argc, char *const *argv,
                           nima_str *config_file)
{
    for (int i = 0; i < argc; i++) {
        nima_str flag, value;
        NIMA_TRY(read_flag(ctx, argc, argv, &i, &flag, &value));
        if (nima_str_eq(flag, NIMA_STR("--config"))) {
            *config_file = value;
            continue;
        }
        const struct nima_config_row *row = find_flag(flag);
        if (row == NULL) {
            return nima_fail(ctx, NIMA_E_INVALID,
                             "there is no flag " NIMA_FMT "; see nima COMMAND --help",
                             NIMA_ARG(flag));
        }
        if (l != NULL) {
            NIMA_TRY(apply(l, row, value, nima_str_copy(ctx->arena, flag)));
        }
    }
    return NIMA_OK;
}

nima_str nima_cache_dir(struct nima_ctx *ctx)
{
    nima_str own = nima_str_of(getenv("NIMA_CACHE"));
    if (own.len > 0) {
        return own;
    }
    nima_str xdg = nima_str_of(getenv("XDG_CACHE_HOME"));
    if (xdg.len > 0) {
        return nima_fmt(ctx, NIMA_FMT "/nima", NIMA_ARG(xdg));
    }
    nima_str home = nima_str_of(getenv("HOME"));
    return nima_fmt(ctx, NIMA_FMT "/.cache/nima", NIMA_ARG(home));
}

/* Defaults that depend on other settings or on the machine. */
static void derive(struct nima_ctx *ctx, struct nima_config *config)
{
    if (config->store.address.len == 0) {
        config->store.address =
            nima_fmt(ctx, "sqlite:" NIMA_FMT "/nima.db", NIMA_ARG(config->store.data));
    }
    if (config->llm.models_dir.len == 0) {
        nima_str cache = nima_cache_dir(ctx);
        config->llm.models_dir = nima_fmt(ctx, NIMA_FMT "/models", NIMA_ARG(cache));
    }
}

nima_rc nima_config_load(struct nima_ctx *ctx, int argc, char *const *argv, char *const *environ_,
                         struct nima_config *out, struct nima_config_origins *origins_out)
{
    struct nima_config config = {0};
    struct loading l = {ctx, &config, NIMA_NEW(ctx->arena, nima_str, nima_config_row_count)};
    for (size_t i = 0; i < nima_config_row_count; i++) {
        const struct nima_config_row *row = &nima_config_rows[i];
        NIMA_TRY(apply(&l, row, nima_str_of(row->preset), NIMA_STR("default")));
    }
    nima_str file = env_value(environ_, "NIMA_CONFIG");
    NIMA_TRY(apply_flags(ctx, NULL, argc, argv, &file));
    if (file.len > 0) {
        NIMA_TRY(apply_file(&l, file));
    } else if (access(DEFAULT_FILE, F_OK) == 0) {
        NIMA_TRY(apply_file(&l, NIMA_STR(DEFAULT_FILE)));
    }
    NIMA_TRY(apply_environment(&l, environ_));
    NIMA_TRY(apply_flags(ctx, &l, argc, argv, &file));
    derive(ctx, &config);
    *out = config;
    if (origins_out != NULL) {
        origins_out->items = l.origins;
    }
    return NIMA_OK;
}

nima_str nima_config_value(struct nima_ctx *ctx, const struct nima_config *config,
                           const struct nima_config_row *row)
{
    const void *at = (const char *)config + row->offset;
    switch (row->kind) {
    case NIMA_CONFIG_INT:
        return nima_fmt(ctx, "%lld", (long long)*(const int64_t *)at);
    case NIMA_CONFIG_NUM:
        return nima_fmt(ctx, "%.15g", *(const double *)at);
    case NIMA_CONFIG_BOOL:
        return *(const bool *)at ? NIMA_STR("true") : NIMA_STR("false");
    default:
        if (row->secret) {
            return ((const nima_str *)at)->len > 0 ? NIMA_STR("(set)") : NIMA_STR("");
        }
        return nima_store_address_shown(ctx, *(const nima_str *)at); /* no other has a password */
    }
}

void nima_config_example(struct nima_buf *buf)
{
    nima_buf_add(buf, NIMA_STR("# Every setting, at its default. Take the # away and change what "
                               "you need. Flags and the environment\n"
                               "# (NIMA_<SECTION>_<KEY>) come before this file; `nima config show "
                               "--origin` tells what holds.\n"));
    const char *section = "";
    for (size_t i = 0; i < nima_config_row_count; i++) {
        const struct nima_config_row *row = &nima_config_rows[i];
        if (strcmp(section, row->section) != 0) {
            section = row->section;
            nima_buf_fmt(buf, "\n%s:\n", section);
        }
        const char *quote = row->kind == NIMA_CONFIG_STR ? "\"" : "";
        nima_buf_fmt(buf, "  # %s\n  # %s: %s%s%s\n", row->doc, row->key, quote, row->preset,
                     quote);
    }
}
