/*
 * Kinds have many names ("deploy", "deployments", "Deployment", "deployments.apps"); rules are
 * asked about one. A kind that is not in the table is taken with its group only, so that it too has
 * one name here, and what comes back must be of it (k8s/object.c).
 */
#include <ctype.h>
#include <string.h>

#include "tasks/k8s/k8s_int.h"

enum { NAME_CHARS_MAX = 253 };

static const struct row {
    const char *names; /* the first is ours */
    const char *group;
    bool cluster; /* has no namespace */
} rows[] = {
    {"pod pods po", "", false},
    {"service services svc", "", false},
    {"configmap configmaps cm", "", false},
    {"secret secrets", "", false},
    {"serviceaccount serviceaccounts sa", "", false},
    {"persistentvolumeclaim persistentvolumeclaims pvc", "", false},
    {"replicationcontroller replicationcontrollers rc", "", false},
    {"endpoints endpoint ep", "", false},
    {"event events ev", "", false},
    {"limitrange limitranges limits", "", false},
    {"resourcequota resourcequotas quota", "", false},
    {"podtemplate podtemplates", "", false},
    {"namespace namespaces ns", "", true},
    {"node nodes no", "", true},
    {"persistentvolume persistentvolumes pv", "", true},
    {"deployment deployments deploy", "apps", false},
    {"statefulset statefulsets sts", "apps", false},
    {"daemonset daemonsets ds", "apps", false},
    {"replicaset replicasets rs", "apps", false},
    {"controllerrevision controllerrevisions", "apps", false},
    {"job jobs", "batch", false},
    {"cronjob cronjobs cj", "batch", false},
    {"horizontalpodautoscaler horizontalpodautoscalers hpa", "autoscaling", false},
    {"ingress ingresses ing", "networking.k8s.io", false},
    {"networkpolicy networkpolicies netpol", "networking.k8s.io", false},
    {"ingressclass ingressclasses", "networking.k8s.io", true},
    {"poddisruptionbudget poddisruptionbudgets pdb", "policy", false},
    {"role roles", "rbac.authorization.k8s.io", false},
    {"rolebinding rolebindings", "rbac.authorization.k8s.io", false},
    {"clusterrole clusterroles", "rbac.authorization.k8s.io", true},
    {"clusterrolebinding clusterrolebindings", "rbac.authorization.k8s.io", true},
    {"storageclass storageclasses sc", "storage.k8s.io", true},
    {"priorityclass priorityclasses pc", "scheduling.k8s.io", true},
    {"customresourcedefinition customresourcedefinitions crd", "apiextensions.k8s.io", true},
};

static nima_str lower(struct nima_ctx *ctx, nima_str text)
{
    char *out = nima_alloc(ctx->arena, text.len + 1);
    for (size_t i = 0; i < text.len; i++) {
        out[i] = (char)tolower((unsigned char)text.ptr[i]);
    }
    return (nima_str){out, text.len};
}

static bool is_named(const struct row *row, nima_str word)
{
    nima_str rest = nima_str_of(row->names), name;
    while (nima_str_next(&rest, ' ', &name)) {
        if (nima_str_eq(name, word)) {
            return true;
        }
    }
    return false;
}

/* `group` absent: whichever. */
static bool find(struct nima_ctx *ctx, nima_str word, nima_str group, struct nima_k8s_kind *out)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *row = &rows[i];
        if (is_named(row, word) &&
            (group.ptr == NULL || nima_str_eq(group, nima_str_of(row->group)))) {
            nima_str rest = nima_str_of(row->names);
            *out = (struct nima_k8s_kind){.group = nima_str_of(row->group),
                                          .namespaced = !row->cluster};
            nima_str_next(&rest, ' ', &out->name);
            out->type = row->group[0] == '\0'
                            ? out->name
                            : nima_fmt(ctx, NIMA_FMT ".%s", NIMA_ARG(out->name), row->group);
            return true;
        }
    }
    return false;
}

nima_rc nima_k8s_kind_of(struct nima_ctx *ctx, nima_str text, struct nima_k8s_kind *out)
{
    nima_str all = lower(ctx, text);
    size_t dot = nima_str_find(all, NIMA_STR("."), 0);
    nima_str word = nima_str_sub(all, 0, dot);
    nima_str group = dot == SIZE_MAX ? (nima_str){0} : nima_str_sub(all, dot + 1, all.len);
    NIMA_TRY(nima_k8s_check_name(ctx, "params.kind", all));
    if (find(ctx, word, group, out)) {
        return NIMA_OK;
    }
    if (group.len == 0) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "params.kind",
                               "the kind \"" NIMA_FMT "\" is not known here; one that the cluster "
                               "has besides is given with its group, as in widget.example.com",
                               NIMA_ARG(nima_utf8_prefix(text, 80)));
    }
    *out = (struct nima_k8s_kind){.name = all, .group = group, .type = all, .namespaced = true};
    return NIMA_OK;
}

nima_rc nima_k8s_kind_in(struct nima_ctx *ctx, const struct nima_json *object,
                         struct nima_k8s_kind *out)
{
    nima_str word = nima_json_str(nima_json_get(object, "kind"));
    nima_str version = nima_json_str(nima_json_get(object, "apiVersion"));
    if (word.len == 0 || version.len == 0) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "params.manifest",
                               "an object needs \"apiVersion\" and \"kind\"");
    }
    size_t slash = nima_str_find(version, NIMA_STR("/"), 0);
    nima_str group = slash == SIZE_MAX ? NIMA_STR("") : nima_str_sub(version, 0, slash);
    word = lower(ctx, word);
    if (find(ctx, word, group, out)) {
        return NIMA_OK;
    }
    nima_str all = nima_fmt(ctx, NIMA_FMT "." NIMA_FMT, NIMA_ARG(word), NIMA_ARG(group));
    if (group.len == 0) {
        return nima_k8s_kind_of(ctx, word, out);
    }
    NIMA_TRY(nima_k8s_check_name(ctx, "params.manifest", all));
    *out = (struct nima_k8s_kind){.name = all, .group = group, .type = all, .namespaced = true};
    return NIMA_OK;
}

nima_rc nima_k8s_check_name(struct nima_ctx *ctx, const char *field, nima_str name)
{
    bool good = name.len > 0 && name.len <= NAME_CHARS_MAX && isalnum((unsigned char)name.ptr[0]);
    for (size_t i = 0; good && i < name.len; i++) {
        good = isalnum((unsigned char)name.ptr[i]) || strchr(".-:_", name.ptr[i]) != NULL;
    }
    return good ? NIMA_OK
                : nima_fail_field(ctx, NIMA_E_INVALID, field,
                                  "%s must be letters, digits, \".\", \"-\", \":\" and \"_\", at "
                                  "most %d, not \"" NIMA_FMT "\"",
                                  field, NAME_CHARS_MAX, NIMA_ARG(nima_utf8_prefix(name, 80)));
}
