/*
 * Reading more than an object: its description, what its containers wrote, and the events about it,
 * summed up by what they say.
 */
#include <stdlib.h>
#include <string.h>

#include "tasks/k8s/k8s_int.h"

enum { RESULT_BYTES_MAX = 1 << 20, TEXT_BYTES_MAX = 256 << 10, EVENTS_MAX = 50, SUMS_MAX = 1000 };

struct text_out {
    nima_str namespace, kind, name, content;
    bool truncated;
};
static const struct nima_field text_fields[] = {
    NIMA_FIELD(STR, struct text_out, namespace),  NIMA_FIELD(STR, struct text_out, kind),
    NIMA_FIELD(STR, struct text_out, name),       NIMA_FIELD(STR, struct text_out, content),
    NIMA_FIELD(BOOL, struct text_out, truncated),
};
static const struct nima_shape text_shape = NIMA_SHAPE("K8sText", struct text_out, text_fields);

static nima_rc text_result(struct nima_ctx *ctx, const struct nima_k8s_params *p,
                           const struct nima_k8s_kind *kind, nima_str text, nima_str *result)
{
    nima_str shown = nima_utf8_prefix(text, TEXT_BYTES_MAX);
    struct text_out out = {p->namespace, kind->name, p->name, shown, shown.len < text.len};
    return nima_json_encode_text(ctx, &text_shape, &out, RESULT_BYTES_MAX, result);
}

/* The object is asked for first: what it is decides whether it may be described. */
nima_rc nima_k8s_describe(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    const struct nima_k8s_params *p = job->params;
    const struct nima_json *object;
    struct nima_k8s_kind kind;
    nima_str text;
    NIMA_TRY(nima_k8s_kind_of(ctx, p->kind, &kind));
    NIMA_TRY(nima_k8s_get(ctx, job->tasks, &kind, p->namespace, p->name, &object));
    struct nima_k8s_call call = {.namespace = kind.namespaced ? p->namespace : NIMA_STR("")};
    nima_k8s_arg(ctx, &call, "describe");
    nima_k8s_arg(ctx, &call, "--");
    nima_k8s_arg(ctx, &call, NIMA_FMT, NIMA_ARG(kind.type));
    nima_k8s_arg(ctx, &call, NIMA_FMT, NIMA_ARG(p->name));
    NIMA_TRY(nima_k8s_run(ctx, job->tasks, &call, &text));
    return text_result(ctx, p, &kind, text, result);
}

nima_rc nima_k8s_logs(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    const struct nima_k8s_params *p = job->params;
    struct nima_k8s_kind kind;
    nima_str text;
    NIMA_TRY(nima_k8s_kind_of(ctx, p->kind, &kind));
    struct nima_k8s_call call = {.namespace = p->namespace};
    nima_k8s_arg(ctx, &call, "logs");
    nima_k8s_arg(ctx, &call, "--tail=%lld", (long long)p->tail);
    nima_k8s_arg(ctx, &call, "--limit-bytes=%d", TEXT_BYTES_MAX);
    nima_k8s_arg(ctx, &call, "--timestamps");
    if (p->since_s > 0) {
        nima_k8s_arg(ctx, &call, "--since=%llds", (long long)p->since_s);
    }
    if (p->previous) {
        nima_k8s_arg(ctx, &call, "--previous");
    }
    if (p->container.len > 0) {
        nima_k8s_arg(ctx, &call, "--container=" NIMA_FMT, NIMA_ARG(p->container));
    }
    nima_k8s_arg(ctx, &call, "--");
    nima_k8s_arg(ctx, &call, NIMA_FMT "/" NIMA_FMT, NIMA_ARG(kind.type), NIMA_ARG(p->name));
    NIMA_TRY(nima_k8s_run(ctx, job->tasks, &call, &text));
    return text_result(ctx, p, &kind, text, result);
}

/* Events */

static const struct nima_field event_fields[] = {
    NIMA_FIELD(STR, struct nima_k8s_event, type),   NIMA_FIELD(STR, struct nima_k8s_event, reason),
    NIMA_FIELD(STR, struct nima_k8s_event, object), NIMA_FIELD(STR, struct nima_k8s_event, message),
    NIMA_FIELD(INT, struct nima_k8s_event, count),  NIMA_FIELD(STR, struct nima_k8s_event, last),
};
const struct nima_shape nima_k8s_event_shape =
    NIMA_SHAPE("K8sEvent", struct nima_k8s_event, event_fields);

/* Old and new kinds of events tell the time and the count in different places. */
static struct nima_k8s_event event_of(struct nima_ctx *ctx, const struct nima_json *item)
{
    nima_str last = nima_json_str(nima_json_get(item, "lastTimestamp"));
    int64_t count = nima_k8s_int(item, "series", "count", 1);
    last = last.ptr != NULL ? last : nima_k8s_text(item, "series", "lastObservedTime");
    last = last.ptr != NULL ? last : nima_json_str(nima_json_get(item, "eventTime"));
    last = last.ptr != NULL ? last : nima_k8s_text(item, "metadata", "creationTimestamp");
    int64_t old;
    count = nima_json_int(nima_json_get(item, "count"), &old) ? old : count;
    return (struct nima_k8s_event){
        .type = nima_json_str(nima_json_get(item, "type")),
        .reason = nima_json_str(nima_json_get(item, "reason")),
        .object = nima_fmt(ctx, NIMA_FMT "/" NIMA_FMT,
                           NIMA_ARG(nima_k8s_text(item, "involvedObject", "kind")),
                           NIMA_ARG(nima_k8s_text(item, "involvedObject", "name"))),
        .message = nima_utf8_prefix(nima_json_str(nima_json_get(item, "message")), 500),
        .count = count,
        .last = last.ptr != NULL ? last : NIMA_STR(""),
    };
}

static int latest_first(const void *a, const void *b)
{
    const struct nima_k8s_event *x = a, *y = b;
    int order = nima_str_cmp(y->last, x->last);
    return order != 0 ? order : nima_str_cmp(x->message, y->message);
}

static void sum_up(struct nima_k8s_event *rows, size_t *count, const struct nima_k8s_event *event)
{
    for (size_t i = 0; i < *count; i++) {
        struct nima_k8s_event *row = &rows[i];
        if (nima_str_eq(row->reason, event->reason) && nima_str_eq(row->message, event->message) &&
            nima_str_eq(row->object, event->object)) {
            row->count += event->count;
            row->last = nima_str_cmp(row->last, event->last) < 0 ? event->last : row->last;
            return;
        }
    }
    if (*count < SUMS_MAX) {
        rows[(*count)++] = *event;
    }
}

nima_rc nima_k8s_events_of(struct nima_ctx *ctx, const struct nima_tasks *tasks, nima_str namespace,
                           nima_str name, bool warnings, struct nima_list *out)
{
    struct nima_k8s_call call = {.namespace = namespace};
    const struct nima_json *tree, *item = NULL;
    nima_k8s_arg(ctx, &call, "get");
    nima_k8s_arg(ctx, &call, "--output=json");
    nima_k8s_arg(ctx, &call, "--");
    nima_k8s_arg(ctx, &call, "events");
    NIMA_TRY(nima_k8s_json(ctx, tasks, &call, &tree));
    const struct nima_json *items = nima_json_get(tree, "items");
    struct nima_k8s_event *rows =
        NIMA_NEW(ctx->arena, struct nima_k8s_event, nima_json_count(items) + 1);
    size_t index = 0, count = 0;
    while ((item = nima_json_next(items, item, &index)) != NULL) {
        struct nima_k8s_event event = event_of(ctx, item);
        nima_str about = nima_k8s_text(item, "involvedObject", "name");
        /* web-5c9 and web-5c9-x7 are web's: a deployment's trouble shows on its pods. */
        nima_str dashed = nima_fmt(ctx, NIMA_FMT "-", NIMA_ARG(name));
        bool meant = name.len == 0 || nima_str_eq(about, name) || nima_str_starts(about, dashed);
        if (meant && (!warnings || nima_str_eq(event.type, NIMA_STR("Warning")))) {
            sum_up(rows, &count, &event);
        }
    }
    qsort(rows, count, sizeof(rows[0]), latest_first);
    *out = (struct nima_list){rows, count < EVENTS_MAX ? count : EVENTS_MAX};
    return NIMA_OK;
}

struct events_out {
    struct nima_list events;
};
static const struct nima_field events_out_fields[] = {
    NIMA_FIELD(LIST, struct events_out, events, .shape = &nima_k8s_event_shape),
};
static const struct nima_shape events_out_shape =
    NIMA_SHAPE("K8sEvents", struct events_out, events_out_fields);

nima_rc nima_k8s_events(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    const struct nima_k8s_params *p = job->params;
    struct events_out out;
    NIMA_TRY(nima_k8s_events_of(ctx, job->tasks, p->namespace, p->name, p->warnings, &out.events));
    return nima_json_encode_text(ctx, &events_out_shape, &out, RESULT_BYTES_MAX, result);
}
