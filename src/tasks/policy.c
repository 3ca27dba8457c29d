/*
 * Who decides whether an action may be done: rules on resources first, the strictest that matches
 * (deny, two_person, ask, allow); then the integration's own permission; then what is safe: reads
 * are allowed, writes are asked for.
 */
#include <stdlib.h>
#include <string.h>

#include "tasks/tasks_int.h"

enum { RULES_MAX = 256, RULE_CHARS_MAX = 400, GLOB_STEPS_MAX = 200000 };

const char *const nima_verdict_names[] = {"allow", "ask", "two_person", "deny", NULL};

/* Bounded: a pattern of many stars is refused rather than tried for ever. */
static bool glob(nima_str pattern, nima_str text, int *steps)
{
    size_t p = 0, t = 0;
    while (p < pattern.len) {
        if (--*steps <= 0) {
            return false;
        }
        char c = pattern.ptr[p];
        if (c == '*') {
            bool deep = p + 1 < pattern.len && pattern.ptr[p + 1] == '*';
            nima_str rest = nima_str_sub(pattern, p + (deep ? 2 : 1), pattern.len);
            for (;; t++) {
                if (glob(rest, nima_str_sub(text, t, text.len), steps)) {
                    return true;
                }
                if (t >= text.len || (!deep && text.ptr[t] == '/') || *steps <= 0) {
                    return false;
                }
            }
        }
        if (t >= text.len || (c == '?' ? text.ptr[t] == '/' : text.ptr[t] != c)) {
            return false;
        }
        p++;
        t++;
    }
    return t == text.len;
}

bool nima_glob(nima_str pattern, nima_str text)
{
    int steps = GLOB_STEPS_MAX;
    return glob(pattern, text, &steps);
}

/* "file.write_file:notes/…" */
static nima_rc read_rule(struct nima_ctx *ctx, const struct nima_tasks_options *options,
                         enum nima_verdict verdict, nima_str text, struct nima_rules *rules)
{
    const char *key = nima_verdict_names[verdict];
    struct nima_rule *rule = &rules->items[rules->count];
    size_t dot = nima_str_find(text, NIMA_STR("."), 0);
    if (dot == SIZE_MAX || text.len > RULE_CHARS_MAX || rules->count >= RULES_MAX) {
        return nima_fail_field(ctx, NIMA_E_INVALID, key,
                               "tasks.%s: a rule looks like file.write_file:notes/** (at most %d "
                               "characters and %d rules), not \"" NIMA_FMT "\"",
                               key, RULE_CHARS_MAX, RULES_MAX,
                               NIMA_ARG(nima_utf8_prefix(text, 80)));
    }
    rule->verdict = verdict;
    rule->text = nima_xstrdup(text);
    rules->count++;
    nima_str own = nima_str_of(rule->text);
    size_t colon = nima_str_find(own, NIMA_STR(":"), dot);
    rule->type = nima_str_sub(own, 0, dot);
    rule->action = nima_str_sub(own, dot + 1, colon);
    rule->pattern = colon == SIZE_MAX ? (nima_str){0} : nima_str_sub(own, colon + 1, own.len);
    const struct nima_integration *integration;
    const struct nima_action *action;
    if (nima_str_eq(rule->action, NIMA_STR("*"))) {
        nima_str any = nima_str_of(nima_integrations[0]->actions[0].name);
        bool known = false;
        for (size_t i = 0; nima_integrations[i] != NULL; i++) {
            known = known || nima_str_eq(rule->type, nima_str_of(nima_integrations[i]->name));
        }
        known = known || nima_program_is_there(ctx, options, rule->type);
        return known ? NIMA_OK
                     : nima_action_find(ctx, options, rule->type, any, &integration, &action);
    }
    if (nima_str_eq(rule->type, NIMA_STR("file")) && nima_str_eq(rule->action, NIMA_STR("lists"))) {
        return NIMA_OK; /* no action of a task: lists.h asks */
    }
    nima_rc rc = nima_action_find(ctx, options, rule->type, rule->action, &integration, &action);
    /* A manifest that is broken now may be mended while the rule is in force. */
    return rc == NIMA_E_INVALID && strcmp(ctx->error.field, "type") == 0 &&
                   nima_program_is_there(ctx, options, rule->type)
               ? NIMA_OK
               : rc;
}

nima_rc nima_rules_read(struct nima_ctx *ctx, const struct nima_tasks_options *options,
                        struct nima_rules *out)
{
    const nima_str lists[] = {options->allow, options->ask, options->two_person, options->deny};
    out->items = NIMA_XNEW(struct nima_rule, RULES_MAX);
    for (int verdict = NIMA_ALLOW; verdict <= NIMA_DENY; verdict++) {
        nima_str rest = lists[verdict], text;
        while (nima_str_next(&rest, ',', &text)) {
            text = nima_str_trim(text);
            if (text.len > 0) {
                NIMA_TRY(read_rule(ctx, options, (enum nima_verdict)verdict, text, out));
            }
        }
    }
    if (nima_str_trim(options->two_person).len > 0 && nima_str_trim(options->approvers).len == 0) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "two_person",
                               "tasks.two_person needs tasks.approvers, or nobody could agree");
    }
    return NIMA_OK;
}

void nima_rules_done(struct nima_rules *rules)
{
    for (size_t i = 0; i < rules->count; i++) {
        free(rules->items[i].text);
    }
    free(rules->items);
}

bool nima_policy_approver(const struct nima_tasks *tasks, nima_str person)
{
    nima_str rest = tasks->options.approvers, name;
    while (nima_str_next(&rest, ',', &name)) {
        name = nima_str_trim(name);
        if (name.len > 0 && nima_str_eq(name, person)) {
            return true;
        }
    }
    return false;
}

static bool matches(const struct nima_rule *rule, const struct nima_integration *integration,
                    const struct nima_action *action, nima_str resource)
{
    return nima_str_eq(rule->type, nima_str_of(integration->name)) &&
           (nima_str_eq(rule->action, NIMA_STR("*")) ||
            nima_str_eq(rule->action, nima_str_of(action->name))) &&
           (rule->pattern.ptr == NULL ||
            (resource.ptr != NULL && nima_glob(rule->pattern, resource)));
}

static nima_str permission_of(const struct nima_tasks *tasks,
                              const struct nima_integration *integration)
{
    nima_str text;
    memcpy(&text, (const char *)&tasks->options + integration->permission, sizeof(text));
    return text;
}

static struct nima_policy decide_one(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                                     const struct nima_integration *integration,
                                     const struct nima_action *action, bool writes,
                                     nima_str resource)
{
    const struct nima_rule *found = NULL;
    for (size_t i = 0; i < tasks->rules.count; i++) {
        const struct nima_rule *rule = &tasks->rules.items[i];
        if ((found == NULL || rule->verdict > found->verdict) &&
            matches(rule, integration, action, resource)) {
            found = rule;
        }
    }
    if (found != NULL) {
        return (struct nima_policy){
            found->verdict,
            nima_fmt(ctx, "tasks.%s: %s", nima_verdict_names[found->verdict], found->text)};
    }
    nima_str own = permission_of(tasks, integration);
    for (int verdict = NIMA_ALLOW; own.len > 0 && verdict <= NIMA_DENY; verdict++) {
        if (nima_str_eq(own, nima_str_of(nima_verdict_names[verdict]))) {
            return (struct nima_policy){
                (enum nima_verdict)verdict,
                nima_fmt(ctx, "tasks.%s_permission: " NIMA_FMT,
                         integration->program ? "program" : integration->name, NIMA_ARG(own))};
        }
    }
    return writes ? (struct nima_policy){NIMA_ASK, NIMA_STR("default: writes are asked for")}
                  : (struct nima_policy){NIMA_ALLOW, NIMA_STR("default: reads are allowed")};
}

nima_rc nima_policy_decide(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                           const struct nima_integration *integration,
                           const struct nima_action *action, const void *params,
                           struct nima_policy *out)
{
    nima_str resources[NIMA_ACTION_RESOURCES] = {0};
    bool writes = action->writes;
    if (params != NULL) {
        nima_rc rc = action->resources(ctx, tasks, params, resources);
        if (rc == NIMA_E_FORBIDDEN) { /* no rule can allow this */
            *out = (struct nima_policy){NIMA_DENY, nima_fmt(ctx, "%s", ctx->error.message)};
            return NIMA_OK;
        }
        NIMA_TRY(rc);
        writes = action->writes_with != NULL ? action->writes_with(params) : writes;
    }
    struct nima_policy strictest =
        decide_one(ctx, tasks, integration, action, writes, resources[0]);
    for (size_t i = 1; i < NIMA_ACTION_RESOURCES && resources[i].ptr != NULL; i++) {
        struct nima_policy one = decide_one(ctx, tasks, integration, action, writes, resources[i]);
        strictest = one.verdict > strictest.verdict ? one : strictest;
    }
    *out = strictest;
    return NIMA_OK;
}
