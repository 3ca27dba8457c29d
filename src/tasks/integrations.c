/*
 * The list of integrations, and what all of them need: actions by name, params by their table,
 * and the table as JSON Schema.
 */
#include <string.h>

#include "tasks/tasks_int.h"

const struct nima_integration *const nima_integrations[] = {
    &nima_integration_file,
    &nima_integration_api,
    &nima_integration_k8s,
    &nima_integration_github,
    NULL,
};

enum { SCHEMA_BYTES_MAX = 1 << 16 };

static nima_rc unknown(struct nima_ctx *ctx, const char *field, nima_str given, nima_str known)
{
    return nima_fail_field(ctx, NIMA_E_INVALID, field,
                           "%s must be one of: " NIMA_FMT ", not \"" NIMA_FMT "\"", field,
                           NIMA_ARG(known), NIMA_ARG(nima_utf8_prefix(given, 60)));
}

static nima_rc find_type(struct nima_ctx *ctx, const struct nima_tasks_options *options,
                         nima_str type, const struct nima_integration **out)
{
    nima_str known = {0};
    const nima_str *names = NULL;
    size_t count = 0;
    for (size_t i = 0; nima_integrations[i] != NULL; i++) {
        const char *name = nima_integrations[i]->name;
        known = nima_fmt(ctx, NIMA_FMT "%s%s", NIMA_ARG(known), i > 0 ? ", " : "", name);
        if (nima_str_eq(type, nima_str_of(name))) {
            *out = nima_integrations[i];
            return NIMA_OK;
        }
    }
    nima_rc rc = options != NULL ? nima_program_find(ctx, options, type, out) : NIMA_E_NOT_FOUND;
    if (rc != NIMA_E_NOT_FOUND) {
        return rc == NIMA_E_INVALID ? nima_fail_field(ctx, rc, "type", "%s",
                                                      nima_fmt(ctx, "%s", ctx->error.message).ptr)
                                    : rc;
    }
    if (options != NULL) {
        nima_program_names(ctx, options, &names, &count);
    }
    for (size_t i = 0; i < count; i++) {
        known = nima_fmt(ctx, NIMA_FMT ", " NIMA_FMT, NIMA_ARG(known), NIMA_ARG(names[i]));
    }
    return unknown(ctx, "type", type, known);
}

nima_rc nima_action_find(struct nima_ctx *ctx, const struct nima_tasks_options *options,
                         nima_str type, nima_str action,
                         const struct nima_integration **integration_out,
                         const struct nima_action **action_out)
{
    const struct nima_integration *found;
    nima_str known = {0};
    NIMA_TRY(find_type(ctx, options, type, &found));
    for (const struct nima_action *a = found->actions; a->name != NULL; a++) {
        if (nima_str_eq(action, nima_str_of(a->name))) {
            *integration_out = found;
            *action_out = a;
            return NIMA_OK;
        }
        known = nima_fmt(ctx, NIMA_FMT "%s%s", NIMA_ARG(known), known.len > 0 ? ", " : "", a->name);
    }
    return unknown(ctx, "action", action, known);
}

nima_rc nima_action_params(struct nima_ctx *ctx, const struct nima_action *action, nima_str params,
                           void **out)
{
    void *made = nima_alloc(ctx->arena, action->params->size);
    nima_rc rc = nima_json_decode(ctx, action->params, params, made);
    if (rc == NIMA_E_MALFORMED || rc == NIMA_E_INVALID) {
        const char *field = nima_fmt(ctx, "%s", ctx->error.field).ptr;
        const char *message = nima_fmt(ctx, "%s", ctx->error.message).ptr;
        return nima_fail_field(ctx, NIMA_E_INVALID,
                               nima_fmt(ctx, "params%s%s", field[0] != '\0' ? "." : "", field).ptr,
                               "params of %s: %s", action->name, message);
    }
    NIMA_TRY(rc);
    nima_program_mark(action, made);
    *out = made;
    return NIMA_OK;
}

/* JSON Schema */

static void write_type(struct nima_ctx *ctx, struct nima_buf *buf, const struct nima_field *field)
{
    if (field->kind == NIMA_KIND_LIST) {
        nima_buf_fmt(buf, "\"type\":\"array\",\"items\":" NIMA_FMT ",",
                     NIMA_ARG(nima_action_schema(ctx, field->shape)));
        return;
    }
    static const char *const types[] = {
        [NIMA_KIND_STR] = "\"type\":\"string\"",
        [NIMA_KIND_UUID] = "\"type\":\"string\",\"format\":\"uuid\"",
        [NIMA_KIND_TIME] = "\"type\":\"string\",\"format\":\"date-time\"",
        [NIMA_KIND_INT] = "\"type\":\"integer\"",
        [NIMA_KIND_NUM] = "\"type\":\"number\"",
        [NIMA_KIND_BOOL] = "\"type\":\"boolean\"",
        [NIMA_KIND_JSON] = "\"type\":\"object\"",
        [NIMA_KIND_STR_LIST] = "\"type\":\"array\",\"items\":{\"type\":\"string\"}",
    };
    size_t known = sizeof(types) / sizeof(types[0]);
    const char *type = (size_t)field->kind < known ? types[field->kind] : NULL;
    nima_buf_fmt(buf, "%s%s", type != NULL ? type : "", type != NULL ? "," : "");
}

static void write_limits(struct nima_buf *buf, const struct nima_field *field)
{
    if (field->kind == NIMA_KIND_INT && field->max > field->min) {
        nima_buf_fmt(buf, "\"minimum\":%lld,\"maximum\":%lld,", (long long)field->min,
                     (long long)field->max);
    } else if (field->kind == NIMA_KIND_NUM && field->high > field->low) {
        nima_buf_add(buf, NIMA_STR("\"minimum\":"));
        nima_json_write_num(buf, field->low);
        nima_buf_add(buf, NIMA_STR(",\"maximum\":"));
        nima_json_write_num(buf, field->high);
        nima_buf_add_char(buf, ',');
    } else if (field->kind == NIMA_KIND_STR && field->max > 0) {
        nima_buf_fmt(buf, "\"maxLength\":%lld,", (long long)field->max);
    } else if ((field->kind == NIMA_KIND_STR_LIST || field->kind == NIMA_KIND_LIST) &&
               field->max > 0) {
        nima_buf_fmt(buf, "\"maxItems\":%lld,", (long long)field->max);
    }
    for (size_t i = 0; field->choices != NULL && field->choices[i] != NULL; i++) {
        nima_buf_add(buf, i == 0 ? NIMA_STR("\"enum\":[") : NIMA_STR(","));
        nima_json_write_str(buf, nima_str_of(field->choices[i]));
        if (field->choices[i + 1] == NULL) {
            nima_buf_add(buf, NIMA_STR("],"));
        }
    }
    if (field->kind == NIMA_KIND_INT && !field->required && field->has == 0) {
        nima_buf_fmt(buf, "\"default\":%lld,", (long long)field->preset);
    } else if (field->kind == NIMA_KIND_STR && field->preset_str != NULL) {
        nima_buf_add(buf, NIMA_STR("\"default\":"));
        nima_json_write_str(buf, nima_str_of(field->preset_str));
        nima_buf_add_char(buf, ',');
    }
}

nima_str nima_action_schema(struct nima_ctx *ctx, const struct nima_shape *shape)
{
    struct nima_buf buf, required;
    nima_buf_init(&buf, SCHEMA_BYTES_MAX);
    nima_buf_init(&required, SCHEMA_BYTES_MAX);
    nima_buf_add(&buf, NIMA_STR("{\"type\":\"object\",\"properties\":{"));
    for (size_t i = 0; i < shape->count; i++) {
        const struct nima_field *field = &shape->fields[i];
        nima_buf_fmt(&buf, "%s\"%s\":{", i > 0 ? "," : "", field->name);
        write_type(ctx, &buf, field);
        write_limits(&buf, field);
        nima_buf_add(&buf, NIMA_STR("\"description\":"));
        nima_json_write_str(&buf, nima_str_of(field->doc != NULL ? field->doc : ""));
        nima_buf_add_char(&buf, '}');
        if (field->required) {
            nima_buf_fmt(&required, "%s\"%s\"", required.len > 0 ? "," : "", field->name);
        }
    }
    nima_buf_fmt(&buf, "},\"required\":[" NIMA_FMT "],\"additionalProperties\":false}",
                 NIMA_ARG(nima_buf_view(&required)));
    nima_assert(!buf.overflowed);
    nima_str schema = nima_str_copy(ctx->arena, nima_buf_view(&buf));
    nima_buf_done(&required);
    nima_buf_done(&buf);
    return schema;
}
