/* A manifest to the rows of an integration: docs/integrations.md shows one. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tasks/program/program_int.h"

enum {
    DOC_BYTES_MAX = 400,
    ARGV_MAX = 32,
    FOLDERS_MAX = 16,
    TIMEOUT_S = 30,
    OUTPUT_KIB = 256,
    MEMORY_MIB = 512,
    MEMORY_MIB_MIN = 16,
    MEMORY_MIB_MAX = 65536,
    AT_ONCE_MAX = 16,
};

static nima_rc required_text(struct nima_ctx *ctx, const struct nima_spot *place, size_t most,
                             const char **out)
{
    nima_str text = {0};
    NIMA_TRY(nima_spot_text(ctx, place, most, &text));
    if (nima_utf8_blank(text)) {
        return nima_spot_fail(ctx, place, "is needed");
    }
    *out = nima_cstr(ctx, text);
    return NIMA_OK;
}

static nima_rc read_argv(struct nima_ctx *ctx, const struct nima_spot *action,
                         struct nima_program_call *call)
{
    struct nima_spot place = nima_spot_at(ctx, action, "argv");
    NIMA_TRY(nima_spot_texts(ctx, &place, ARGV_MAX, &call->argv));
    const char *program = call->argv != NULL ? call->argv[0] : NULL;
    if (program == NULL || program[0] != '/') {
        return nima_spot_fail(ctx, &place, "must begin with the whole path of a program");
    }
    if (access(program, X_OK) != 0) {
        return nima_spot_fail(ctx, &place, "begins with %s, which cannot be run", program);
    }
    return NIMA_OK;
}

/* A program that writes where its manifest is could make itself another. */
static bool holds(const char *folder, const char *what)
{
    size_t len = strlen(folder);
    while (len > 1 && folder[len - 1] == '/') {
        len--;
    }
    return len == 1 || (strncmp(folder, what, len) == 0 && (what[len] == '/' || what[len] == '\0'));
}

static nima_rc read_folders(struct nima_ctx *ctx, const struct nima_spot *action, const char *key,
                            const char *own, const char *const **out)
{
    struct nima_spot place = nima_spot_at(ctx, action, key);
    struct stat info;
    static const char *const none[] = {NULL};
    bool write = strcmp(key, "write") == 0;
    *out = none;
    NIMA_TRY(nima_spot_texts(ctx, &place, FOLDERS_MAX, out));
    for (size_t i = 0; (*out)[i] != NULL; i++) {
        char whole[PATH_MAX];
        if ((*out)[i][0] != '/' || realpath((*out)[i], whole) == NULL || stat(whole, &info) != 0 ||
            (write && !S_ISDIR(info.st_mode))) {
            return nima_spot_fail(ctx, &place,
                                  "names %s; whole paths of %s that are there are "
                                  "meant",
                                  (*out)[i], write ? "folders" : "files and folders");
        }
        if (write && (holds(whole, own) || holds(own, whole))) {
            return nima_spot_fail(ctx, &place, "names %s, where manifests are", (*out)[i]);
        }
    }
    return NIMA_OK;
}

static const struct nima_field *field_of(const struct nima_shape *shape, nima_str name)
{
    for (size_t i = 0; i < shape->count; i++) {
        if (nima_str_eq(name, nima_str_of(shape->fields[i].name))) {
            return &shape->fields[i];
        }
    }
    return NULL;
}

static nima_rc read_templates(struct nima_ctx *ctx, const struct nima_spot *action,
                              const struct nima_shape *shape, struct nima_program_call *call)
{
    struct nima_spot place = nima_spot_at(ctx, action, "resources");
    const char *const *texts = NULL;
    NIMA_TRY(nima_spot_texts(ctx, &place, NIMA_ACTION_RESOURCES, &texts));
    for (size_t i = 0; texts != NULL && texts[i] != NULL; i++) {
        call->templates[i] = nima_str_of(texts[i]);
        nima_str rest = call->templates[i], name;
        while (nima_str_next(&rest, '{', &name) && rest.ptr != NULL && rest.len > 0) {
            size_t end = nima_str_find(rest, NIMA_STR("}"), 0);
            const struct nima_field *field = field_of(shape, nima_str_sub(rest, 0, end));
            if (end == SIZE_MAX || field == NULL || field->kind == NIMA_KIND_STR_LIST) {
                return nima_spot_fail(ctx, &place,
                                      "has %s; {NAME} stands for a property that is "
                                      "no array",
                                      texts[i]);
            }
        }
    }
    return NIMA_OK;
}

static nima_rc read_limits(struct nima_ctx *ctx, const struct nima_spot *action,
                           struct nima_program_call *call)
{
    struct nima_spot timeout = nima_spot_at(ctx, action, "timeout_s");
    struct nima_spot output = nima_spot_at(ctx, action, "output_kib");
    struct nima_spot memory = nima_spot_at(ctx, action, "memory_mib");
    call->timeout_s = TIMEOUT_S;
    call->output_kib = OUTPUT_KIB;
    call->memory_mib = MEMORY_MIB;
    NIMA_TRY(nima_spot_int(ctx, &timeout, 1, NIMA_TASK_TIMEOUT_S_MAX, &call->timeout_s));
    NIMA_TRY(nima_spot_int(ctx, &output, 1, NIMA_TASK_RESULT_BYTES_MAX >> 10, &call->output_kib));
    return nima_spot_int(ctx, &memory, MEMORY_MIB_MIN, MEMORY_MIB_MAX, &call->memory_mib);
}

static nima_rc read_action(struct nima_ctx *ctx, const struct nima_spot *place,
                           struct nima_program *program, struct nima_action *out)
{
    static const char *const keys[] = {"name",       "doc",       "params",    "argv",
                                       "writes",     "resources", "timeout_s", "output_kib",
                                       "memory_mib", "read",      "write",     NULL};
    struct nima_spot name = nima_spot_at(ctx, place, "name");
    struct nima_spot doc = nima_spot_at(ctx, place, "doc");
    struct nima_spot params = nima_spot_at(ctx, place, "params");
    struct nima_spot writes = nima_spot_at(ctx, place, "writes");
    struct nima_program_shape *shape = NIMA_NEW(ctx->arena, struct nima_program_shape, 1);
    struct nima_program_call *call = &shape->call;
    struct nima_action action = {.past = "ran a program with",
                                 .writes = true, /* what says nothing may do anything */
                                 .resources = nima_program_resources,
                                 .run = nima_program_run,
                                 .preview = nima_program_preview};
    NIMA_TRY(nima_spot_keys(ctx, place, keys));
    NIMA_TRY(required_text(ctx, &name, NIMA_PROGRAM_NAME_CHARS_MAX, &action.name));
    if (!nima_spot_is_name(nima_str_of(action.name), NIMA_PROGRAM_NAME_CHARS_MAX)) {
        return nima_spot_fail(ctx, &name, "must be letters, digits and _");
    }
    NIMA_TRY(required_text(ctx, &doc, DOC_BYTES_MAX, &action.doc));
    NIMA_TRY(nima_spot_bool(ctx, &writes, &action.writes));
    NIMA_TRY(nima_program_params(ctx, &params, sizeof(struct nima_program_shape *), &shape->shape));
    NIMA_TRY(read_argv(ctx, place, call));
    NIMA_TRY(read_folders(ctx, place, "read", program->folder, &call->readable));
    NIMA_TRY(read_folders(ctx, place, "write", program->folder, &call->writable));
    NIMA_TRY(read_templates(ctx, place, &shape->shape, call));
    NIMA_TRY(read_limits(ctx, place, call));
    action.params = &shape->shape;
    shape->program = program;
    shape->action = out;
    *out = action;
    return NIMA_OK;
}

static nima_rc read_actions(struct nima_ctx *ctx, const struct nima_spot *manifest,
                            struct nima_program *program)
{
    struct nima_spot place = nima_spot_at(ctx, manifest, "actions");
    size_t count = 0;
    if (place.node == NULL || place.node->kind != NIMA_YAML_LIST || place.node->count == 0 ||
        place.node->count > NIMA_PROGRAM_ACTIONS_MAX) {
        return nima_spot_fail(ctx, &place, "must be a list of 1 to %d", NIMA_PROGRAM_ACTIONS_MAX);
    }
    struct nima_action *actions = NIMA_NEW(ctx->arena, struct nima_action, place.node->count + 1);
    for (const struct nima_yaml *e = place.node->first; e != NULL; e = e->next) {
        struct nima_spot item = nima_spot_of(ctx, &place, count, e);
        NIMA_TRY(read_action(ctx, &item, program, &actions[count]));
        for (size_t i = 0; i < count; i++) {
            if (strcmp(actions[i].name, actions[count].name) == 0) {
                return nima_spot_fail(ctx, &item, "is called as one before it");
            }
        }
        count++;
    }
    program->integration.actions = actions;
    return NIMA_OK;
}

nima_rc nima_program_read(struct nima_ctx *ctx, const char *path, nima_str name, nima_str text,
                          struct nima_program *out)
{
    static const char *const keys[] = {"name", "doc", "at_once", "actions", NULL};
    struct nima_spot manifest = {.file = path, .path = NIMA_STR(""), .line = 1, .column = 1};
    NIMA_TRY(nima_yaml_parse(ctx, path, text, &manifest.node));
    struct nima_spot own = nima_spot_at(ctx, &manifest, "name");
    struct nima_spot doc = nima_spot_at(ctx, &manifest, "doc");
    struct nima_spot at_once = nima_spot_at(ctx, &manifest, "at_once");
    int64_t together = 1;
    NIMA_TRY(nima_spot_keys(ctx, &manifest, keys));
    out->integration = (struct nima_integration){
        .secrets = true,
        .configured = nima_program_configured,
        .permission = offsetof(struct nima_tasks_options, program_permission),
        .program = true,
    };
    NIMA_TRY(required_text(ctx, &own, NIMA_PROGRAM_NAME_CHARS_MAX, &out->integration.name));
    if (!nima_str_eq(name, nima_str_of(out->integration.name))) {
        return nima_spot_fail(ctx, &own, "must be that of the file, " NIMA_FMT, NIMA_ARG(name));
    }
    NIMA_TRY(required_text(ctx, &doc, DOC_BYTES_MAX, &out->integration.doc));
    NIMA_TRY(nima_spot_int(ctx, &at_once, 1, AT_ONCE_MAX, &together));
    out->integration.at_once = (int)together;
    return read_actions(ctx, &manifest, out);
}
