#include "personality/support_personality.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/file.h"

struct files files_open(void)
{
    struct files f = {.folder = "/tmp/nima-persona-XXXXXX"};
    assert_non_null(mkdtemp(f.folder));
    nima_ctx_init(&f.ctx);
    assert_int_equal(mkdir(files_path(&f, "personas").ptr, 0700), 0);
    return f;
}

void files_close(struct files *f)
{
    static const char *const names[] = {"personality.yaml", "personas/a.yaml", "personas/b.yaml",
                                        "personas/no name.yaml"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        unlink(files_path(f, names[i]).ptr);
    }
    rmdir(files_path(f, "personas").ptr);
    assert_int_equal(rmdir(f->folder), 0);
    nima_ctx_done(&f->ctx);
}

nima_str files_path(struct files *f, const char *name)
{
    return nima_fmt(&f->ctx, "%s/%s", f->folder, name);
}

void files_write(struct files *f, const char *name, nima_str text)
{
    ASSERT_OK_CTX(&f->ctx, nima_file_write(&f->ctx, files_path(f, name).ptr, text, 0600));
}

void files_remove(struct files *f, const char *name)
{
    assert_int_equal(unlink(files_path(f, name).ptr), 0);
}

nima_rc files_load(struct files *f, struct nima_personality **out)
{
    struct nima_personality_options options = {.file = files_path(f, "personality.yaml"),
                                               .folder = files_path(f, "personas")};
    return nima_personality_open(&f->ctx, &options, out);
}

nima_str prompt_of(struct files *f, struct nima_personality *personality, const char *name)
{
    struct nima_persona_prompt prompt;
    ASSERT_OK_CTX(&f->ctx,
                  nima_personality_prompt(&f->ctx, personality, nima_str_of(name), &prompt));
    return prompt.text;
}
