/* oneDNN as a peer of `twill bench conv`: one line a request on standard input, one line an answer on
 * standard output; the words are those of src/cli/bench_peer.h.
 *
 * Its best is taken: the layout that it chooses itself, channels last and channels first are tried, the
 * quickest is timed; weights lie in the order that it wants, so nothing is reordered while the clock runs.
 * Interface of oneDNN 2.x (dnnl.h). */
#include <omp.h>
#include <oneapi/dnnl/dnnl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SRC = 0, WEIGHTS, BIAS, DST, TENSORS, TIMES_MOST = 64 };

typedef struct layer {
    long long n, c, h, w, k, r, s, stride[2], pad[2], dilation[2], groups;
} layer;

/* One convolution, ready to run. */
typedef struct conv {
    dnnl_primitive_t primitive;
    dnnl_memory_t memory[TENSORS];
    dnnl_exec_arg_t args[TENSORS];
    int arg_count;
} conv;

static dnnl_engine_t engine;
static dnnl_stream_t stream;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- Making a convolution. ---- */

static void conv_free(conv *it) {
    if (it->primitive) dnnl_primitive_destroy(it->primitive);
    for (int i = 0; i < TENSORS; ++i)
        if (it->memory[i]) dnnl_memory_destroy(it->memory[i]);
    memset(it, 0, sizeof *it);
}

/* The four tensors of the layer, activations in the order of `tag`, weights as oneDNN likes. */
static bool describe(const layer *l, dnnl_format_tag_t tag, dnnl_memory_desc_t md[TENSORS]) {
    const long long oh = (l->h + 2 * l->pad[0] - ((l->r - 1) * l->dilation[0] + 1)) / l->stride[0] + 1;
    const long long ow = (l->w + 2 * l->pad[1] - ((l->s - 1) * l->dilation[1] + 1)) / l->stride[1] + 1;
    const dnnl_dims_t src = {l->n, l->c, l->h, l->w}, dst = {l->n, l->k, oh, ow}, bias = {l->k};
    const dnnl_dims_t plain = {l->k, l->c, l->r, l->s};
    const dnnl_dims_t grouped = {l->groups, l->k / l->groups, l->c / l->groups, l->r, l->s};
    const bool groups = l->groups > 1;
    return dnnl_memory_desc_init_by_tag(&md[SRC], 4, src, dnnl_f32, tag) == dnnl_success &&
           dnnl_memory_desc_init_by_tag(&md[WEIGHTS], groups ? 5 : 4, groups ? grouped : plain, dnnl_f32,
                                        dnnl_format_tag_any) == dnnl_success &&
           dnnl_memory_desc_init_by_tag(&md[BIAS], 1, bias, dnnl_f32, dnnl_x) == dnnl_success &&
           dnnl_memory_desc_init_by_tag(&md[DST], 4, dst, dnnl_f32, tag) == dnnl_success;
}

static bool create_description(dnnl_primitive_desc_t *out, const char *pass, const layer *l,
                               dnnl_format_tag_t tag) {
    dnnl_memory_desc_t md[TENSORS];
    dnnl_convolution_desc_t forward, desc;
    dnnl_primitive_desc_t hint = NULL;
    const dnnl_dims_t dilates = {l->dilation[0] - 1, l->dilation[1] - 1};
    const dnnl_dims_t strides = {l->stride[0], l->stride[1]}, pads = {l->pad[0], l->pad[1]};
    if (!describe(l, tag, md)) return false;
    const bool infers = strcmp(pass, "forward") == 0;
    dnnl_status_t status = dnnl_dilated_convolution_forward_desc_init(
        &forward, infers ? dnnl_forward_inference : dnnl_forward_training,
        infers ? dnnl_convolution_auto : dnnl_convolution_direct, &md[SRC], &md[WEIGHTS], &md[BIAS], &md[DST],
        strides, dilates, pads, pads);
    if (status == dnnl_success)
        status = dnnl_primitive_desc_create(infers ? out : &hint, &forward, NULL, engine, NULL);
    if (status != dnnl_success || infers) return status == dnnl_success;
    if (strcmp(pass, "backward-data") == 0)
        status = dnnl_dilated_convolution_backward_data_desc_init(
            &desc, dnnl_convolution_direct, &md[SRC], &md[WEIGHTS], &md[DST], strides, dilates, pads, pads);
    else
        status = dnnl_dilated_convolution_backward_weights_desc_init(&desc, dnnl_convolution_direct, &md[SRC],
                                                                     &md[WEIGHTS], &md[BIAS], &md[DST],
                                                                     strides, dilates, pads, pads);
    if (status == dnnl_success) status = dnnl_primitive_desc_create(out, &desc, NULL, engine, hint);
    dnnl_primitive_desc_destroy(hint);
    return status == dnnl_success;
}

/* A tensor as the primitive wants it, filled with numbers in -1 .. 1. */
static bool add_tensor(conv *it, const_dnnl_primitive_desc_t description, dnnl_query_t query, int index,
                       int arg) {
    void *data = NULL;
    const dnnl_memory_desc_t *md = dnnl_primitive_desc_query_md(description, query, index);
    if (!md || dnnl_memory_desc_get_size(md) == 0) return true; /* this pass has none */
    dnnl_memory_t *memory = &it->memory[it->arg_count];
    if (dnnl_memory_create(memory, md, engine, DNNL_MEMORY_ALLOCATE) != dnnl_success) return false;
    if (dnnl_memory_get_data_handle(*memory, &data) != dnnl_success) return false;
    uint64_t state = 88172645463325252u;
    for (size_t i = 0; i < dnnl_memory_desc_get_size(md) / sizeof(float); ++i) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        ((float *)data)[i] = (float)((double)(int64_t)(state >> 40) / 8388608.0 - 1.0);
    }
    it->args[it->arg_count++] = (dnnl_exec_arg_t){arg, *memory};
    return true;
}

static bool add_tensors(conv *it, const_dnnl_primitive_desc_t d, const char *pass) {
    if (strcmp(pass, "forward") == 0)
        return add_tensor(it, d, dnnl_query_src_md, 0, DNNL_ARG_SRC) &&
               add_tensor(it, d, dnnl_query_weights_md, 0, DNNL_ARG_WEIGHTS) &&
               add_tensor(it, d, dnnl_query_weights_md, 1, DNNL_ARG_BIAS) &&
               add_tensor(it, d, dnnl_query_dst_md, 0, DNNL_ARG_DST);
    if (strcmp(pass, "backward-data") == 0)
        return add_tensor(it, d, dnnl_query_diff_dst_md, 0, DNNL_ARG_DIFF_DST) &&
               add_tensor(it, d, dnnl_query_weights_md, 0, DNNL_ARG_WEIGHTS) &&
               add_tensor(it, d, dnnl_query_diff_src_md, 0, DNNL_ARG_DIFF_SRC);
    return add_tensor(it, d, dnnl_query_src_md, 0, DNNL_ARG_SRC) &&
           add_tensor(it, d, dnnl_query_diff_dst_md, 0, DNNL_ARG_DIFF_DST) &&
           add_tensor(it, d, dnnl_query_diff_weights_md, 0, DNNL_ARG_DIFF_WEIGHTS) &&
           add_tensor(it, d, dnnl_query_diff_weights_md, 1, DNNL_ARG_DIFF_BIAS);
}

static bool conv_create(conv *it, const char *pass, const layer *l, dnnl_format_tag_t tag) {
    dnnl_primitive_desc_t description = NULL;
    memset(it, 0, sizeof *it);
    if (!create_description(&description, pass, l, tag)) return false;
    const bool made = dnnl_primitive_create(&it->primitive, description) == dnnl_success &&
                      add_tensors(it, description, pass);
    dnnl_primitive_desc_destroy(description);
    if (!made) conv_free(it);
    return made;
}

static bool conv_run(const conv *it) {
    return dnnl_primitive_execute(it->primitive, stream, it->arg_count, it->args) == dnnl_success &&
           dnnl_stream_wait(stream) == dnnl_success;
}

/* ---- Answering. ---- */

/* Least of a few calls, and of some milliseconds, after one that warms, in seconds; negative when it does not
 * run. */
static double try_out(const conv *it) {
    double least = -1;
    const double begin = now();
    for (int i = 0; i < 4 || now() - begin < 0.005; ++i) {
        const double before = now();
        if (!conv_run(it)) return -1;
        const double took = now() - before;
        if (i > 0 && (least < 0 || took < least)) least = took;
    }
    return least;
}

/* An order of the activations that is tried. */
typedef struct layout {
    const char *name;
    dnnl_format_tag_t tag;
} layout;

/* The name of the quickest, NULL when none runs. */
static const char *prepare(conv *best, const char *pass, const layer *l) {
    static const layout layouts[] = {{"own", dnnl_format_tag_any}, {"nhwc", dnnl_nhwc}, {"nchw", dnnl_nchw}};
    const char *name = NULL;
    double least = -1;
    conv_free(best);
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; ++i) {
        conv candidate;
        if (!conv_create(&candidate, pass, l, layouts[i].tag)) continue;
        const double took = try_out(&candidate);
        if (took >= 0 && (least < 0 || took < least)) {
            conv_free(best);
            *best = candidate;
            least = took;
            name = layouts[i].name;
        } else {
            conv_free(&candidate);
        }
    }
    return name;
}

/* The same rule as Twill's own times: the mean of a few consecutive calls is one time. */
static void measure(const conv *it, double seconds, int least) {
    double before = now();
    conv_run(it);
    const double once = now() - before, wanted = seconds / once;
    const int calls = wanted < least ? least : wanted > 1e7 ? 10000000 : (int)wanted;
    const int inner = calls / TIMES_MOST + 1;
    printf("times");
    for (int done = 0; done < calls; done += inner) {
        before = now();
        for (int i = 0; i < inner; ++i) conv_run(it);
        printf(" %.6f", 1e3 * (now() - before) / inner);
    }
    putchar('\n');
}

static void answer(const char *line, conv *it) {
    char pass[32];
    layer l;
    int threads, least;
    double seconds;
    if (sscanf(line,
               "convolution %31s %d %lld %lld %lld %lld %lld %lld %lld %lld %lld %lld %lld %lld %lld %lld",
               pass, &threads, &l.n, &l.c, &l.h, &l.w, &l.k, &l.r, &l.s, &l.stride[0], &l.stride[1],
               &l.pad[0], &l.pad[1], &l.dilation[0], &l.dilation[1], &l.groups) == 16) {
        omp_set_num_threads(threads);
        const char *name = prepare(it, pass, &l);
        if (name)
            printf("ready %s\n", name);
        else
            puts("declines oneDNN has no implementation of it");
    } else if (strcmp(line, "peer\n") == 0) {
        const dnnl_version_t *version = dnnl_version();
        printf("peer oneDNN %d.%d.%d\n", version->major, version->minor, version->patch);
    } else if (sscanf(line, "time %lf %d", &seconds, &least) == 2 && it->primitive) {
        measure(it, seconds, least);
    } else {
        puts("fails an unknown request");
    }
}

int main(void) {
    char line[512];
    conv it = {0};
    if (dnnl_engine_create(&engine, dnnl_cpu, 0) != dnnl_success ||
        dnnl_stream_create(&stream, engine, dnnl_stream_default_flags) != dnnl_success)
        return 1;
    while (fgets(line, sizeof line, stdin)) {
        answer(line, &it);
        fflush(stdout);
    }
    conv_free(&it);
    return 0;
}
