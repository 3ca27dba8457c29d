/*
 * A pack as one file: {"format": "nima-pack/1", "sha256": …, "files": {"facts.json": "…", …}}. The
 * checksum is over the names and texts of the files, so that how the JSON is written does not
 * count.
 */
#include <string.h>
#include <unistd.h>

#include "knowledge/knowledge_int.h"
#include "util/digest.h"
#include "util/json.h"

enum { TEXT_FILES = 3 }; /* of nima_pack_files: vectors are made where they are needed */
#define FORMAT "nima-pack/1"

static nima_str checksum(struct nima_ctx *ctx, const struct nima_pack_file *files, size_t count)
{
    struct nima_buf all;
    nima_buf_init(&all, (size_t)NIMA_PACK_FILE_BYTES_MAX * TEXT_FILES + 1024);
    for (size_t i = 0; i < count; i++) {
        nima_buf_fmt(&all, NIMA_FMT " %zu\n", NIMA_ARG(files[i].name), files[i].text.len);
        nima_buf_add(&all, files[i].text);
        nima_buf_add_char(&all, '\n');
    }
    nima_str hex = nima_sha256_hex(ctx, nima_buf_view(&all));
    nima_buf_done(&all);
    return hex;
}

static nima_rc write_bundle(struct nima_ctx *ctx, const struct nima_pack_file *files, size_t count,
                            const struct nima_pack_summary *pack, nima_str *out)
{
    struct nima_buf buf;
    nima_buf_init(&buf, (size_t)NIMA_PACK_FILE_BYTES_MAX * TEXT_FILES * 2);
    nima_str sum = checksum(ctx, files, count);
    nima_buf_fmt(&buf,
                 "{\"format\": \"%s\", \"id\": \"" NIMA_FMT "\", \"version\": \"" NIMA_FMT
                 "\", \"sha256\": \"" NIMA_FMT "\", \"files\": {",
                 FORMAT, NIMA_ARG(pack->id), NIMA_ARG(pack->version), NIMA_ARG(sum));
    for (size_t i = 0; i < count; i++) {
        nima_buf_add(&buf, i > 0 ? NIMA_STR(", ") : NIMA_STR(""));
        nima_json_write_str(&buf, files[i].name);
        nima_buf_add(&buf, NIMA_STR(": "));
        nima_json_write_str(&buf, files[i].text);
    }
    nima_buf_add(&buf, NIMA_STR("}}\n"));
    nima_rc rc = nima_buf_take(ctx, &buf, out);
    nima_buf_done(&buf);
    return rc;
}

nima_rc nima_pack_export(struct nima_ctx *ctx, nima_str folder, nima_str *out)
{
    struct nima_pack_summary pack;
    struct nima_pack_file files[TEXT_FILES];
    size_t count = 0;
    int fd;
    NIMA_TRY(nima_pack_check(ctx, folder, &pack));
    NIMA_TRY(nima_pack_open_folder(ctx, folder, &fd));
    nima_rc rc = NIMA_OK;
    for (size_t i = 0; i < TEXT_FILES && rc == NIMA_OK; i++) {
        rc = nima_pack_read_file(ctx, fd, folder, nima_pack_files[i], &files[count].text);
        if (rc == NIMA_OK) {
            files[count++].name = nima_str_of(nima_pack_files[i]);
        }
        rc = rc == NIMA_E_NOT_FOUND ? NIMA_OK : rc;
    }
    close(fd);
    return rc == NIMA_OK ? write_bundle(ctx, files, count, &pack, out) : rc;
}

/* In the order of nima_pack_files; a name that is none of them is refused, so no path gets in. */
static nima_rc read_files(struct nima_ctx *ctx, const struct nima_json *root,
                          struct nima_pack_file files[TEXT_FILES], size_t *count)
{
    const struct nima_json *node = nima_json_get(root, "files");
    size_t known = 0;
    *count = 0;
    for (size_t i = 0; i < TEXT_FILES; i++) {
        nima_str text = nima_json_str(nima_json_get(node, nima_pack_files[i]));
        if (text.ptr != NULL) {
            files[(*count)++] = (struct nima_pack_file){nima_str_of(nima_pack_files[i]), text};
            known++;
        }
    }
    if (known == 0 || known != nima_json_count(node)) {
        return nima_fail(ctx, NIMA_E_INVALID,
                         "the file's \"files\" must be texts of pack.json, facts.json and "
                         "rules.yaml, and nothing else");
    }
    return NIMA_OK;
}

nima_rc nima_pack_install(struct nima_ctx *ctx, nima_str packs, nima_str bundle,
                          struct nima_pack_summary *out, nima_str *folder_out)
{
    const struct nima_json *root;
    struct nima_pack_file files[TEXT_FILES];
    size_t count;
    NIMA_TRY(nima_json_parse(ctx, bundle, &root));
    if (!nima_str_eq(nima_json_str(nima_json_get(root, "format")), NIMA_STR(FORMAT))) {
        return nima_fail(ctx, NIMA_E_INVALID,
                         "this is no pack that nima packs export wrote (format is not " FORMAT ")");
    }
    NIMA_TRY(read_files(ctx, root, files, &count));
    if (!nima_str_eq(nima_json_str(nima_json_get(root, "sha256")), checksum(ctx, files, count))) {
        return nima_fail(ctx, NIMA_E_INVALID,
                         "the checksum does not fit: the file was changed or cut on its way");
    }
    return nima_pack_place(ctx, packs, files, count, out, folder_out);
}
