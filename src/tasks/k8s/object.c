/*
 * Objects of a cluster as people read them: without the server's bookkeeping, a Secret's values as
 * their size only, one line for what state it is in.
 */
#include <string.h>

#include "tasks/k8s/k8s_int.h"

static const char *const bookkeeping[] = {"managedFields",     "resourceVersion", "uid", "selfLink",
                                          "creationTimestamp", "generation",      NULL};
/* One may hold what a Secret hides, the others are how an undo and a restart know themselves. */
static const char *const unshown_notes[] = {"kubectl.kubernetes.io/last-applied-configuration",
                                            "nima/undone-by", "nima/restarted-by", NULL};

static bool is_in(nima_str key, const char *const *names)
{
    for (size_t i = 0; names[i] != NULL; i++) {
        if (nima_str_eq(key, nima_str_of(names[i]))) {
            return true;
        }
    }
    return false;
}

nima_str nima_k8s_text(const struct nima_json *object, const char *outer, const char *key)
{
    return nima_json_str(nima_json_get(nima_json_get(object, outer), key));
}

int64_t nima_k8s_int(const struct nima_json *object, const char *outer, const char *key,
                     int64_t otherwise)
{
    int64_t value;
    return nima_json_int(nima_json_get(nima_json_get(object, outer), key), &value) ? value
                                                                                   : otherwise;
}

/* Cleaning */

static void begin_key(struct nima_buf *buf, nima_str key, bool *first)
{
    nima_buf_add(buf, *first ? NIMA_STR("") : NIMA_STR(","));
    *first = false;
    nima_json_write_str(buf, key);
    nima_buf_add_char(buf, ':');
}

static void write_hidden(struct nima_ctx *ctx, struct nima_buf *buf, const struct nima_json *values,
                         const struct nima_json *others)
{
    bool first = true;
    nima_buf_add_char(buf, '{');
    for (size_t i = 0; i < nima_json_count(values); i++) {
        nima_str key;
        nima_str value = nima_json_str(nima_json_at(values, i, &key));
        nima_str other = nima_json_str(nima_json_get(others, nima_cstr(ctx, key)));
        bool changed = other.ptr != NULL && !nima_str_eq(value, other);
        begin_key(buf, key, &first);
        nima_buf_fmt(buf, "\"(%zu characters, not shown%s)\"", value.len,
                     changed ? ", another value" : "");
    }
    nima_buf_add_char(buf, '}');
}

static void write_metadata(struct nima_ctx *ctx, struct nima_buf *buf,
                           const struct nima_json *metadata)
{
    bool first = true;
    nima_buf_add_char(buf, '{');
    for (size_t i = 0; i < nima_json_count(metadata); i++) {
        nima_str key;
        const struct nima_json *value = nima_json_at(metadata, i, &key);
        if (is_in(key, bookkeeping)) {
            continue;
        }
        if (!nima_str_eq(key, NIMA_STR("annotations"))) {
            begin_key(buf, key, &first);
            nima_buf_add(buf, nima_json_text(ctx, value));
            continue;
        }
        bool none = true;
        for (size_t k = 0; k < nima_json_count(value); k++) {
            nima_str name;
            const struct nima_json *text = nima_json_at(value, k, &name);
            if (is_in(name, unshown_notes)) {
                continue;
            }
            if (none) {
                begin_key(buf, key, &first);
                nima_buf_add_char(buf, '{');
            }
            begin_key(buf, name, &none);
            nima_buf_add(buf, nima_json_text(ctx, text));
        }
        nima_buf_add(buf, none ? NIMA_STR("") : NIMA_STR("}"));
    }
    nima_buf_add_char(buf, '}');
}

/* What a Service was, and what was sent for it, as JSON text; absent or empty: nothing. */
struct known {
    nima_str before, sent;
};

static struct known known_of(struct nima_ctx *ctx, const struct nima_json *other, nima_str sent)
{
    struct known known = {.before = other != NULL ? nima_json_text(ctx, other) : NIMA_STR("")};
    const struct nima_json *tree;
    if (sent.len > 0) {
        bool read = nima_json_parse(ctx, sent, &tree) == NIMA_OK;
        known.sent = read ? nima_json_text(ctx, tree) : sent;
    }
    return known;
}

/* A port that nobody chose: it is neither in what was there nor in what was sent. */
static bool is_drawn(struct nima_ctx *ctx, nima_str key, const struct nima_json *value,
                     const struct known *known)
{
    if (!nima_str_eq(key, NIMA_STR("nodePort")) &&
        !nima_str_eq(key, NIMA_STR("healthCheckNodePort"))) {
        return false;
    }
    nima_str pair = nima_fmt(ctx, "\"" NIMA_FMT "\":" NIMA_FMT, NIMA_ARG(key),
                             NIMA_ARG(nima_json_text(ctx, value)));
    return known->sent.len > 0 && nima_str_find(known->sent, pair, 0) == SIZE_MAX &&
           nima_str_find(known->before, pair, 0) == SIZE_MAX;
}

/* Without the addresses and ports that the server draws for it: a dry run draws others. */
static void write_service(struct nima_ctx *ctx, struct nima_buf *buf, const struct nima_json *node,
                          const struct known *known)
{
    bool first = true, list = nima_json_kind(node) == NIMA_JSON_ARRAY;
    nima_buf_add_char(buf, list ? '[' : '{');
    for (size_t i = 0; i < nima_json_count(node); i++) {
        nima_str key = {0};
        const struct nima_json *value = nima_json_at(node, i, &key);
        bool ports = nima_str_eq(key, NIMA_STR("ports"));
        if (!list &&
            (nima_str_starts(key, NIMA_STR("clusterIP")) || is_drawn(ctx, key, value, known))) {
            continue;
        }
        if (list) {
            nima_buf_add(buf, i > 0 ? NIMA_STR(",") : NIMA_STR(""));
        } else {
            begin_key(buf, key, &first);
        }
        if (list || ports) {
            write_service(ctx, buf, value, known);
        } else {
            nima_buf_add(buf, nima_json_text(ctx, value));
        }
    }
    nima_buf_add_char(buf, list ? ']' : '}');
}

/* How many characters of a drawn name stand here: five, and the end of the text. */
static size_t drawn_chars(nima_str rest)
{
    enum { DRAWN_CHARS = 5 };
    size_t i = 0;
    while (i < rest.len && ((rest.ptr[i] >= 'a' && rest.ptr[i] <= 'z') ||
                            (rest.ptr[i] >= '0' && rest.ptr[i] <= '9'))) {
        i++;
    }
    return i == DRAWN_CHARS && i < rest.len && rest.ptr[i] == '"' ? i : 0;
}

/* Every `from` as `to`; `drawn`: only with a drawn name behind it, which goes as well. */
static nima_str replaced(struct nima_ctx *ctx, nima_str text, nima_str from, bool drawn,
                         nima_str to)
{
    size_t at = 0, found;
    if (from.len == 0 || nima_str_find(text, from, 0) == SIZE_MAX) {
        return text;
    }
    struct nima_buf buf;
    nima_buf_init(&buf, (size_t)8 * NIMA_K8S_OBJECT_BYTES_MAX);
    while ((found = nima_str_find(text, from, at)) != SIZE_MAX) {
        size_t end = found + from.len;
        size_t tail = drawn ? drawn_chars(nima_str_sub(text, end, text.len)) : 0;
        nima_buf_add(&buf, nima_str_sub(text, at, found));
        nima_buf_add(&buf, drawn && tail == 0 ? from : to);
        at = end + tail;
    }
    nima_buf_add(&buf, nima_str_sub(text, at, text.len));
    nima_str made = nima_str_copy(ctx->arena, nima_buf_view(&buf));
    nima_buf_done(&buf);
    return made;
}

/* Its own id, as a Job writes it into its labels, and the name of the volume that each Pod gets
 * for its account's token: both are drawn anew each time. */
static nima_str without_draws(struct nima_ctx *ctx, const struct nima_json *object, nima_str text)
{
    nima_str uid = nima_k8s_text(object, "metadata", "uid");
    text = replaced(ctx, text, uid, false, NIMA_STR("(its uid)"));
    return replaced(ctx, text, NIMA_STR("\"kube-api-access-"), true,
                    NIMA_STR("\"kube-api-access-(drawn)"));
}

static bool is_kind(const struct nima_json *object, const char *kind)
{
    return nima_str_eq(nima_json_str(nima_json_get(object, "kind")), nima_str_of(kind));
}

static nima_str clean(struct nima_ctx *ctx, const struct nima_json *object,
                      const struct nima_json *other, nima_str sent, bool status)
{
    static const char *const hidden[] = {"data", "stringData", NULL};
    bool first = true, secret = is_kind(object, "Secret"), service = is_kind(object, "Service");
    struct nima_buf buf;
    nima_buf_init(&buf, (size_t)4 * NIMA_K8S_OBJECT_BYTES_MAX);
    nima_buf_add_char(&buf, '{');
    for (size_t i = 0; i < nima_json_count(object); i++) {
        nima_str key;
        const struct nima_json *value = nima_json_at(object, i, &key);
        if (!status && nima_str_eq(key, NIMA_STR("status"))) {
            continue;
        }
        begin_key(&buf, key, &first);
        if (nima_str_eq(key, NIMA_STR("metadata"))) {
            write_metadata(ctx, &buf, value);
        } else if (secret && is_in(key, hidden)) {
            write_hidden(ctx, &buf, value, nima_json_get(other, nima_cstr(ctx, key)));
        } else if (service && !status && nima_str_eq(key, NIMA_STR("spec"))) {
            struct known known = known_of(ctx, other, sent);
            write_service(ctx, &buf, value, &known);
        } else {
            nima_buf_add(&buf, nima_json_text(ctx, value));
        }
    }
    nima_buf_add_char(&buf, '}');
    nima_str text =
        buf.overflowed ? NIMA_STR("{}") : nima_str_copy(ctx->arena, nima_buf_view(&buf));
    nima_buf_done(&buf);
    return text;
}

nima_str nima_k8s_clean(struct nima_ctx *ctx, const struct nima_json *object)
{
    return clean(ctx, object, NULL, NIMA_STR(""), true);
}

/* As lines */

static bool is_plain(nima_str text)
{
    bool digit = text.len > 0 && ((text.ptr[0] >= '0' && text.ptr[0] <= '9') || text.ptr[0] == '.');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (c == '\0' || strchr("._/-@", c) == NULL || i == 0) &&
            !(c == ':' && i > 0 && i + 1 < text.len)) {
            return false;
        }
    }
    static const char *const words[] = {"true", "false", "null", "yes", "no", "on", "off", NULL};
    return text.len > 0 && !digit && !is_in(text, words);
}

static void add_text(struct nima_buf *buf, nima_str text, int depth)
{
    nima_str line;
    bool block = nima_str_find(text, NIMA_STR("\n"), 0) != SIZE_MAX && text.ptr[0] != ' ' &&
                 text.ptr[0] != '\n';
    if (!block) {
        nima_buf_add_char(buf, ' ');
        if (is_plain(text)) {
            nima_buf_add(buf, text);
        } else {
            nima_json_write_str(buf, text);
        }
        nima_buf_add_char(buf, '\n');
        return;
    }
    bool ends = nima_str_ends(text, NIMA_STR("\n"));
    text.len -= ends;
    nima_buf_add(buf, ends ? NIMA_STR(" |\n") : NIMA_STR(" |-\n"));
    while (nima_str_next(&text, '\n', &line)) {
        nima_buf_fmt(buf, "%*s" NIMA_FMT "\n", depth * 2, "", NIMA_ARG(line));
    }
}

/* Recursion is bounded: nima_json_parse refuses what is nested too deep. */
static void add_lines(struct nima_ctx *ctx, struct nima_buf *buf, const struct nima_json *node,
                      int depth, bool within)
{
    enum nima_json_kind kind = nima_json_kind(node);
    for (size_t i = 0; i < nima_json_count(node); i++) {
        nima_str key = {0};
        const struct nima_json *value = nima_json_at(node, i, &key);
        enum nima_json_kind inner = nima_json_kind(value);
        bool deep =
            (inner == NIMA_JSON_OBJECT || inner == NIMA_JSON_ARRAY) && nima_json_count(value) > 0;
        nima_buf_fmt(buf, "%*s", within && i == 0 ? 0 : depth * 2, "");
        if (kind == NIMA_JSON_ARRAY) {
            nima_buf_add_char(buf, '-');
            nima_buf_add(buf, deep ? NIMA_STR(" ") : NIMA_STR(""));
        } else {
            if (is_plain(key)) {
                nima_buf_add(buf, key);
            } else {
                nima_json_write_str(buf, key);
            }
            nima_buf_add(buf, deep ? NIMA_STR(":\n") : NIMA_STR(":"));
        }
        if (deep) {
            bool flat = kind == NIMA_JSON_OBJECT && inner == NIMA_JSON_ARRAY;
            add_lines(ctx, buf, value, depth + !flat, kind == NIMA_JSON_ARRAY);
        } else if (inner == NIMA_JSON_STR) {
            add_text(buf, nima_json_str(value), depth + 1);
        } else {
            nima_buf_fmt(buf, " " NIMA_FMT "\n", NIMA_ARG(nima_json_text(ctx, value)));
        }
    }
}

nima_str nima_k8s_lines(struct nima_ctx *ctx, const struct nima_json *object,
                        const struct nima_json *other, nima_str sent)
{
    const struct nima_json *tree;
    if (object == NULL) {
        return NIMA_STR("");
    }
    nima_str json = without_draws(ctx, object, clean(ctx, object, other, sent, false));
    if (nima_json_parse(ctx, json, &tree) != NIMA_OK) {
        return json; /* better one long line than a change that is not seen */
    }
    struct nima_buf buf;
    nima_buf_init(&buf, (size_t)4 * NIMA_K8S_OBJECT_BYTES_MAX);
    add_lines(ctx, &buf, tree, 0, false);
    nima_str text = nima_str_copy(ctx->arena, nima_buf_view(&buf));
    nima_buf_done(&buf);
    return text;
}

/* One */

nima_rc nima_k8s_check_object(struct nima_ctx *ctx, const struct nima_json *object,
                              const struct nima_k8s_kind *kind, nima_str namespace)
{
    struct nima_k8s_kind is;
    nima_str lives = nima_k8s_text(object, "metadata", "namespace");
    NIMA_TRY(nima_k8s_kind_in(ctx, object, &is));
    if (!nima_str_eq(is.name, kind->name)) {
        return nima_fail_field(ctx, NIMA_E_FORBIDDEN, "params.kind",
                               "this is a " NIMA_FMT ": ask for it by that name",
                               NIMA_ARG(is.name));
    }
    if (kind->namespaced && !nima_str_eq(lives, namespace)) {
        return nima_fail_field(ctx, NIMA_E_FORBIDDEN, "params.kind",
                               "a " NIMA_FMT " is not in a namespace, and is out of reach here",
                               NIMA_ARG(kind->name));
    }
    return NIMA_OK;
}

nima_rc nima_k8s_get(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                     const struct nima_k8s_kind *kind, nima_str namespace, nima_str name,
                     const struct nima_json **out)
{
    struct nima_k8s_call call = {.namespace = kind->namespaced ? namespace : NIMA_STR("")};
    const struct nima_json *object;
    nima_k8s_arg(ctx, &call, "get");
    nima_k8s_arg(ctx, &call, "--output=json");
    nima_k8s_arg(ctx, &call, "--");
    nima_k8s_arg(ctx, &call, NIMA_FMT, NIMA_ARG(kind->type));
    nima_k8s_arg(ctx, &call, NIMA_FMT, NIMA_ARG(name));
    NIMA_TRY(nima_k8s_json(ctx, tasks, &call, &object));
    NIMA_TRY(nima_k8s_check_object(ctx, object, kind, namespace));
    *out = object;
    return NIMA_OK;
}

/* In a line */

static nima_str pod_status(struct nima_ctx *ctx, const struct nima_json *object)
{
    const struct nima_json *states =
        nima_json_get(nima_json_get(object, "status"), "containerStatuses");
    nima_str phase = nima_k8s_text(object, "status", "phase");
    int64_t restarts = 0;
    size_t ready = 0;
    for (size_t i = 0; i < nima_json_count(states); i++) {
        const struct nima_json *one = nima_json_at(states, i, NULL);
        const struct nima_json *state = nima_json_get(one, "state");
        nima_str waits = nima_k8s_text(state, "waiting", "reason");
        nima_str ended = nima_k8s_text(state, "terminated", "reason");
        int64_t count = 0;
        restarts += nima_json_int(nima_json_get(one, "restartCount"), &count) ? count : 0;
        ready += nima_json_bool(nima_json_get(one, "ready"), false);
        phase = waits.len > 0 ? waits : ended.len > 0 ? ended : phase;
    }
    if (nima_k8s_text(object, "metadata", "deletionTimestamp").len > 0) {
        phase = NIMA_STR("Terminating");
    }
    return nima_fmt(ctx, NIMA_FMT ", %zu/%zu ready, %lld restarts", NIMA_ARG(phase), ready,
                    nima_json_count(nima_json_get(nima_json_get(object, "spec"), "containers")),
                    (long long)restarts);
}

static nima_str status_of(struct nima_ctx *ctx, const struct nima_json *object)
{
    if (is_kind(object, "Pod")) {
        return pod_status(ctx, object);
    }
    if (is_kind(object, "DaemonSet")) {
        return nima_fmt(ctx, "%lld/%lld ready",
                        (long long)nima_k8s_int(object, "status", "numberReady", 0),
                        (long long)nima_k8s_int(object, "status", "desiredNumberScheduled", 0));
    }
    if (is_kind(object, "Job")) {
        return nima_fmt(ctx, "%lld succeeded, %lld failed",
                        (long long)nima_k8s_int(object, "status", "succeeded", 0),
                        (long long)nima_k8s_int(object, "status", "failed", 0));
    }
    if (is_kind(object, "Service")) {
        return nima_fmt(ctx, NIMA_FMT " " NIMA_FMT, NIMA_ARG(nima_k8s_text(object, "spec", "type")),
                        NIMA_ARG(nima_k8s_text(object, "spec", "clusterIP")));
    }
    int64_t wanted = nima_k8s_int(object, "spec", "replicas", -1);
    if (wanted >= 0) {
        return nima_fmt(ctx, "%lld/%lld ready",
                        (long long)nima_k8s_int(object, "status", "readyReplicas", 0),
                        (long long)wanted);
    }
    nima_str phase = nima_k8s_text(object, "status", "phase");
    return phase.ptr != NULL ? phase : NIMA_STR("");
}

static nima_str images_of(struct nima_ctx *ctx, const struct nima_json *object)
{
    const struct nima_json *spec = nima_json_get(object, "spec");
    const struct nima_json *template = nima_json_get(spec, "template");
    spec = template != NULL ? nima_json_get(template, "spec") : spec;
    const struct nima_json *containers = nima_json_get(spec, "containers");
    nima_str images = {0};
    for (size_t i = 0; i < nima_json_count(containers); i++) {
        nima_str image = nima_json_str(nima_json_get(nima_json_at(containers, i, NULL), "image"));
        images = nima_fmt(ctx, NIMA_FMT "%s" NIMA_FMT, NIMA_ARG(images), i > 0 ? ", " : "",
                          NIMA_ARG(image));
    }
    return images;
}

static const struct nima_field row_fields[] = {
    NIMA_FIELD(STR, struct nima_k8s_row, kind),   NIMA_FIELD(STR, struct nima_k8s_row, namespace),
    NIMA_FIELD(STR, struct nima_k8s_row, name),   NIMA_FIELD(STR, struct nima_k8s_row, status),
    NIMA_FIELD(STR, struct nima_k8s_row, images), NIMA_FIELD(STR, struct nima_k8s_row, created_at),
};
const struct nima_shape nima_k8s_row_shape = NIMA_SHAPE("K8sRow", struct nima_k8s_row, row_fields);

struct nima_k8s_row nima_k8s_row_of(struct nima_ctx *ctx, const struct nima_json *object)
{
    struct nima_k8s_kind kind = {.name = NIMA_STR("")};
    if (nima_k8s_kind_in(ctx, object, &kind) != NIMA_OK) {
        kind.name = nima_json_str(nima_json_get(object, "kind"));
    }
    return (struct nima_k8s_row){
        .kind = kind.name,
        .namespace = nima_k8s_text(object, "metadata", "namespace"),
        .name = nima_k8s_text(object, "metadata", "name"),
        .status = status_of(ctx, object),
        .images = images_of(ctx, object),
        .created_at = nima_k8s_text(object, "metadata", "creationTimestamp"),
    };
}
