/* nima doctor: one line for each thing that a server needs. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"
#include "app/doctor.h"
#include "util/json.h"

extern char **environ;

enum { JSON_BYTES_MAX = 1 << 20, ARGS_MAX = 64 };

static const char *const words[] = {"ok", "warn", "fail"};

static void tell_json(struct nima_doctor *doctor, enum nima_health health, const char *check,
                      const char *text)
{
    nima_buf_fmt(&doctor->lines, "%s{\"check\": \"%s\", \"status\": \"%s\", \"message\": ",
                 doctor->lines.len > 0 ? ",\n  " : "", check, words[health]);
    nima_json_write_str(&doctor->lines, nima_str_of(text));
    nima_buf_add_char(&doctor->lines, '}');
}

void nima_doctor_tell(struct nima_doctor *doctor, enum nima_health health, const char *check,
                      const char *fmt, ...)
{
    char text[2 * NIMA_ERROR_CHARS_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    nima_str whole = nima_str_of(text);
    text[whole.len - nima_utf8_incomplete_tail(whole)] = '\0';
    doctor->warned += health == NIMA_WARN;
    doctor->failed += health == NIMA_ILL;
    if (doctor->json) {
        tell_json(doctor, health, check, text);
        return;
    }
    static const char *const shown[] = {"ok  ", "WARN", "FAIL"};
    printf("%s  %-15s %s\n", shown[health], check, text);
    fflush(stdout); /* a check may take seconds: what is known is shown at once */
}

/* NIMA_SERVER_PROT is a slip of NIMA_SERVER_PORT that no reader of variables can notice. */
static const char *strange_variable(struct nima_ctx *ctx)
{
    for (char **e = environ; *e != NULL; e++) {
        nima_str name = nima_str_sub(nima_str_of(*e), 0, strcspn(*e, "="));
        bool ours = false, known = nima_str_eq(name, NIMA_STR("NIMA_LLM_FALLBACK_FROM"));
        for (size_t i = 0; i < nima_config_row_count; i++) {
            const struct nima_config_row *row = &nima_config_rows[i];
            nima_str section = nima_fmt(ctx, "NIMA_%s_", row->section);
            nima_str full = nima_fmt(ctx, NIMA_FMT "%s", NIMA_ARG(section), row->key);
            ours = ours || nima_str_starts_nocase(name, section);
            known = known || nima_str_eq_nocase(name, full) ||
                    (row->env != NULL && nima_str_eq(name, nima_str_of(row->env)));
        }
        if (ours && !known) {
            return nima_cstr(ctx, name);
        }
    }
    return NULL;
}

static void tell_config(struct nima_doctor *doctor)
{
    const char *strange = strange_variable(doctor->ctx);
    if (strange != NULL) {
        nima_doctor_tell(doctor, NIMA_WARN, "configuration",
                         "no setting is named by the variable %s; nima config show lists them",
                         strange);
        return;
    }
    nima_str file = doctor->config.file;
    nima_doctor_tell(doctor, NIMA_WELL, "configuration", NIMA_FMT "; %zu settings",
                     NIMA_ARG(file.ptr != NULL ? file : NIMA_STR("no file, all by default")),
                     nima_config_row_count);
}

static void finish(struct nima_doctor *doctor)
{
    if (doctor->json) {
        printf("{\"ok\": %s, \"checks\": [\n  " NIMA_FMT "\n]}\n",
               doctor->failed == 0 ? "true" : "false", NIMA_ARG(nima_buf_view(&doctor->lines)));
    } else if (doctor->failed > 0) {
        printf("\n%d to mend\n", doctor->failed);
    } else {
        printf("\nall well%s\n", doctor->warned > 0 ? ", with warnings" : "");
    }
}

/* A wrong word on the command line is wrong usage; a wrong file or variable is a finding. */
static bool is_usage(const struct nima_ctx *ctx)
{
    return strncmp(ctx->error.message, "--", 2) == 0 ||
           strncmp(ctx->error.message, "there is no flag", 16) == 0;
}

static int examine(struct nima_doctor *doctor, int argc, char **argv)
{
    nima_rc rc = nima_config_load(doctor->ctx, argc, argv, environ, &doctor->config, NULL);
    if (rc != NIMA_OK && is_usage(doctor->ctx)) {
        return nima_command_fail(doctor->ctx, rc);
    }
    if (rc != NIMA_OK) {
        nima_doctor_tell(doctor, NIMA_ILL, "configuration", "%s; the rest waits for this",
                         doctor->ctx->error.message);
    } else {
        tell_config(doctor);
        nima_doctor_data(doctor);
        nima_doctor_port(doctor); /* first: what a running Nima has open is no fault */
        nima_doctor_store(doctor);
        nima_doctor_persona(doctor);
        nima_doctor_packs(doctor);
        nima_doctor_programs(doctor);
        nima_doctor_models(doctor);
    }
    finish(doctor);
    return doctor->failed == 0 ? NIMA_EXIT_DONE : NIMA_EXIT_FAILED;
}

int nima_cmd_doctor(int argc, char **argv)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    struct nima_doctor doctor = {.ctx = &ctx};
    char *rest[ARGS_MAX];
    int count = 0;
    for (int i = 0; i < argc && count < ARGS_MAX; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            doctor.json = true;
        } else {
            rest[count++] = argv[i];
        }
    }
    nima_buf_init(&doctor.lines, JSON_BYTES_MAX);
    int code = examine(&doctor, count, rest);
    nima_buf_done(&doctor.lines);
    nima_ctx_done(&ctx);
    return code;
}
