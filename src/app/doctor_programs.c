/* doctor: what tasks need, the sandbox, and the programs that manifests describe. */
#include "app/doctor.h"
#include "tasks/tasks.h"

static void tell_sandbox(struct nima_doctor *doctor)
{
    int version = nima_tasks_landlock();
    bool off = nima_str_eq(doctor->config.tasks.sandbox, NIMA_STR("off"));
    if (version > 0) {
        nima_doctor_tell(doctor, NIMA_WELL, "sandbox",
                         "Landlock %d, seccomp: programs of integrations are kept in", version);
    } else {
        nima_doctor_tell(doctor, NIMA_WARN, "sandbox",
                         off ? "this kernel has no Landlock and tasks.sandbox is off: programs of "
                               "integrations open every file that this user can"
                             : "this kernel has no Landlock, so programs of integrations are not "
                               "run; boot with lsm=landlock,…, or set tasks.sandbox to off");
    }
}

static void tell_tasks(struct nima_doctor *doctor)
{
    static const enum nima_health healths[] = {[NIMA_TASKS_WELL] = NIMA_WELL,
                                               [NIMA_TASKS_LACKS] = NIMA_WARN,
                                               [NIMA_TASKS_WRONG] = NIMA_ILL};
    const struct nima_config *c = &doctor->config;
    struct nima_tasks_options options = {.allow = c->tasks.allow,
                                         .ask = c->tasks.ask,
                                         .deny = c->tasks.deny,
                                         .two_person = c->tasks.two_person,
                                         .approvers = c->tasks.approvers,
                                         .secrets_file = c->tasks.secrets_file,
                                         .k8s_kubeconfig = c->tasks.k8s_kubeconfig,
                                         .k8s_kubectl = c->tasks.k8s_kubectl,
                                         .github_token_secret = c->tasks.github_token_secret,
                                         .github_repos = c->tasks.github_repos};
    struct nima_tasks_findings checks;
    nima_tasks_diagnose(doctor->ctx, &options, &checks);
    for (size_t i = 0; i < checks.count; i++) {
        nima_doctor_tell(doctor, healths[checks.items[i].state], checks.items[i].about, NIMA_FMT,
                         NIMA_ARG(checks.items[i].message));
    }
}

void nima_doctor_programs(struct nima_doctor *doctor)
{
    const struct nima_config *c = &doctor->config;
    struct nima_tasks_options options = {
        .data = c->store.data, .file_roots = c->tasks.file_roots, .sandbox = c->tasks.sandbox};
    struct nima_tasks_integrations list;
    size_t whole = 0;
    tell_tasks(doctor);
    tell_sandbox(doctor);
    if (nima_tasks_programs(doctor->ctx, &options, &list) != NIMA_OK) {
        nima_doctor_tell(doctor, NIMA_WARN, "integrations", "%s", doctor->ctx->error.message);
        return;
    }
    for (size_t i = 0; i < list.count; i++) {
        whole += list.items[i].problem.ptr == NULL;
        if (list.items[i].problem.ptr != NULL) {
            nima_doctor_tell(doctor, NIMA_WARN, "integrations",
                             NIMA_FMT "; the others are not touched by it",
                             NIMA_ARG(list.items[i].problem));
        }
    }
    if (whole > 0) {
        nima_doctor_tell(doctor, NIMA_WELL, "integrations",
                         "%zu described in " NIMA_FMT "/integrations", whole,
                         NIMA_ARG(c->store.data));
    }
}
